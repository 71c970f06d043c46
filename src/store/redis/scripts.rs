//! Steps as script calls. The scripts are the `.lua` files beside this one.

use super::super::{StoreError, StoreErrorKind};
use crate::coherence::{Answer, Lifetime, Outcome, Step, Token};
use bytes::Bytes;
use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike, LuaInterface};
use fred::prelude::{FredResult, Value};
use fred::types::{ClusterHash, CustomCommand};
use std::time::Duration;

/// Redis refuses an expiry beyond its own clock's range; a hundred years is as good as for ever.
const LONGEST_MS: u128 = 100 * 365 * 24 * 3_600 * 1_000;

/// One step, called with its key and its arguments.
macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(
            include_str!("lua/slot.lua"),
            include_str!(concat!("lua/", $name, ".lua")),
            "return ",
            $name,
            "(KEYS[1], unpack(ARGV))"
        ))
    };
}

/// All of these steps, by their names.
macro_rules! batch {
    ($($name:literal),*) => {
        concat!(
            include_str!("lua/slot.lua"),
            $(include_str!(concat!("lua/", $name, ".lua")),)*
            "local STEPS = {",
            $($name, "=", $name, ",",)*
            "}\n",
            include_str!("lua/batch.lua")
        )
    };
}

#[derive(Debug)]
struct Script {
    source: &'static str,
    sha: String,
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self { source, sha: fred::util::sha1_hash(source) }
    }
}

/// The protocol's scripts and their hashes.
#[derive(Debug)]
pub(super) struct Scripts {
    lease: Script,
    fill: Script,
    unlease: Script,
    intent: Script,
    finish: Script,
    invalidate: Script,
    insert: Script,
    batch: Script,
    sweep: Script,
    inspect: Script,
}

/// A step's script, and what it is called with beside its key: first what many steps of a write share, then
/// what is this one's own.
struct Spelled<'a> {
    name: &'static str,
    script: &'a Script,
    /// None, one or three.
    shared: Vec<Value>,
    own: Vec<Value>,
}

impl Spelled<'_> {
    /// Whether both can be of one run of a batch.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.own.len() == other.own.len() && self.shared == other.shared
    }
}

/// One `EVALSHA`, ready to be sent, and sent again.
#[derive(Clone, Debug)]
pub(super) struct Call {
    slot: u16,
    /// How many steps it runs.
    pub(super) steps: usize,
    arguments: Vec<Value>,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            lease: script!("lease"),
            fill: script!("fill"),
            unlease: script!("unlease"),
            intent: script!("intent"),
            finish: script!("finish"),
            invalidate: script!("invalidate"),
            insert: script!("insert"),
            batch: Script::new(batch!(
                "lease",
                "fill",
                "unlease",
                "intent",
                "finish",
                "invalidate",
                "insert"
            )),
            sweep: Script::new(concat!(include_str!("lua/slot.lua"), include_str!("lua/sweep.lua"))),
            inspect: Script::new(concat!(include_str!("lua/slot.lua"), include_str!("lua/inspect.lua"))),
        }
    }

    fn all(&self) -> [&Script; 10] {
        let Self { lease, fill, unlease, intent, finish, invalidate, insert, batch, sweep, inspect } = self;
        [lease, fill, unlease, intent, finish, invalidate, insert, batch, sweep, inspect]
    }

    /// Makes the scripts known to the server, or to every primary of a cluster.
    pub(super) async fn load(&self, client: &WithOptions<Client>) -> FredResult<()> {
        for script in self.all() {
            if client.is_clustered() {
                let _: String = client.script_load_cluster(script.source).await?;
            } else {
                let load = CustomCommand::new_static("SCRIPT", ClusterHash::FirstKey, false);
                let _: String = client.custom(load, vec!["LOAD", script.source]).await?;
            }
        }
        Ok(())
    }

    fn spell(&self, step: Step<Bytes>) -> Spelled<'_> {
        let (name, script, shared, own) = match step {
            Step::Lease { token, ttl, unusable } => {
                let own = vec![bytes(token), Value::Bytes(unusable.unwrap_or_default())];
                ("lease", &self.lease, vec![millis(ttl)], own)
            }
            Step::Fill { token, entry, lifetime } => {
                ("fill", &self.fill, vec![expiry(lifetime)], vec![bytes(token), Value::Bytes(entry)])
            }
            Step::Unlease { token } => ("unlease", &self.unlease, Vec::new(), vec![bytes(token)]),
            Step::Intent { token, ttl, reissued } => {
                let reissued = if reissued { "1" } else { "0" };
                ("intent", &self.intent, vec![bytes(token), millis(ttl), reissued.into()], Vec::new())
            }
            Step::Finish { token, outcome: Outcome::Publish(entry, lifetime) } => {
                let shared = vec![bytes(token), "P".into(), expiry(lifetime)];
                ("finish", &self.finish, shared, vec![Value::Bytes(entry)])
            }
            Step::Finish { token, outcome: Outcome::Delete } => {
                ("finish", &self.finish, vec![bytes(token), "D".into(), "0".into()], Vec::new())
            }
            Step::Release { token } => {
                ("finish", &self.finish, vec![bytes(token), "R".into(), "0".into()], Vec::new())
            }
            Step::Invalidate => ("invalidate", &self.invalidate, Vec::new(), Vec::new()),
            Step::Insert { entry, lifetime } => {
                ("insert", &self.insert, vec![expiry(lifetime)], vec![Value::Bytes(entry)])
            }
        };
        Spelled { name, script, shared, own }
    }

    /// One step by itself.
    pub(super) fn call(&self, key: String, step: Step<Bytes>, clustered: bool) -> Call {
        let Spelled { script, shared, own, .. } = self.spell(step);
        // fred routes a custom command by this slot alone.
        let slot = if clustered { fred::util::redis_keyslot(key.as_bytes()) } else { 0 };
        let mut all: Vec<Value> = Vec::with_capacity(3 + shared.len() + own.len());
        all.extend([script.sha.as_str().into(), Value::Integer(1), key.into()]);
        all.extend(shared.into_iter().chain(own));
        Call { slot, steps: 1, arguments: all }
    }

    /// Many steps in one call, for one server: in their order, and all of them or, where the server does
    /// not know the script, none.
    pub(super) fn batch(&self, commands: Vec<(String, Step<Bytes>)>) -> Call {
        let steps = commands.len();
        let mut all: Vec<Value> = Vec::with_capacity(2 + 4 * steps);
        all.extend([self.batch.sha.as_str().into(), count(steps)]);
        let mut spelled = Vec::with_capacity(steps);
        for (key, step) in commands {
            all.push(key.into());
            spelled.push(self.spell(step));
        }
        // The arguments are most of what a batch costs, on both sides: what steps share is sent once.
        for run in spelled.chunk_by(Spelled::is_like) {
            let Spelled { name, shared, own, .. } = &run[0];
            all.extend([(*name).into(), count(run.len()), count(shared.len()), count(own.len())]);
            all.extend(shared.iter().cloned());
            all.extend(run.iter().flat_map(|step| step.own.iter().cloned()));
        }
        Call { slot: 0, steps, arguments: all }
    }

    /// What this key holds and until when.
    pub(super) fn inspect(&self, key: &str, clustered: bool) -> Call {
        let slot = if clustered { fred::util::redis_keyslot(key.as_bytes()) } else { 0 };
        Call { slot, steps: 1, arguments: vec![self.inspect.sha.as_str().into(), count(1), key.into()] }
    }

    /// Invalidates these keys, or those of them that an entity's sweep concerns.
    pub(super) fn sweep(&self, keys: Vec<String>, entity: Option<[u8; 4]>, clustered: bool) -> Call {
        let slot = match keys.first() {
            Some(key) if clustered => fred::util::redis_keyslot(key.as_bytes()),
            _ => 0,
        };
        let steps = keys.len();
        let mut all: Vec<Value> = Vec::with_capacity(3 + steps);
        all.extend([self.sweep.sha.as_str().into(), count(steps)]);
        all.extend(keys.into_iter().map(Value::from));
        all.push(Value::Bytes(entity.map(|entity| Bytes::copy_from_slice(&entity)).unwrap_or_default()));
        Call { slot, steps, arguments: all }
    }
}

impl Call {
    pub(super) async fn send<C: ClientLike + Sync>(&self, client: &C) -> FredResult<Value> {
        let evalsha = CustomCommand::new_static("EVALSHA", ClusterHash::Custom(self.slot), false);
        client.custom(evalsha, self.arguments.clone()).await
    }
}

/// One answer for each step of a call.
pub(super) fn answers(
    steps: usize,
    result: Result<Value, StoreError>,
) -> Vec<Result<Answer<Bytes>, StoreError>> {
    match result {
        Ok(value) if steps == 1 => vec![answer(value)],
        Ok(Value::Array(values)) if values.len() == steps => values.into_iter().map(answer).collect(),
        Ok(other) => {
            let text = format!("a script answered {steps} steps with a {:?}", other.kind());
            (0..steps).map(|_| Err(StoreError::new(StoreErrorKind::Refused, &text))).collect()
        }
        Err(error) => (0..steps).map(|_| Err(error.clone())).collect(),
    }
}

/// How many keys a sweep has touched.
pub(super) fn swept(value: Value) -> Result<u64, StoreError> {
    match value {
        Value::Integer(touched) => Ok(u64::try_from(touched).unwrap_or_default()),
        other => {
            let text = format!("a sweep answered with a {:?}", other.kind());
            Err(StoreError::new(StoreErrorKind::Refused, text))
        }
    }
}

/// The numbers are the scripts' own; bytes are the entry a lease found.
fn answer(value: Value) -> Result<Answer<Bytes>, StoreError> {
    match value {
        Value::Integer(1) => Ok(Answer::Granted),
        Value::Integer(2) => Ok(Answer::Busy),
        Value::Integer(3) => Ok(Answer::Filled),
        Value::Integer(4) => Ok(Answer::Refused),
        Value::Integer(5) => Ok(Answer::Held { dirty: false }),
        Value::Integer(6) => Ok(Answer::Held { dirty: true }),
        Value::Integer(7) => Ok(Answer::Published),
        Value::Integer(8) => Ok(Answer::Emptied),
        Value::Integer(9) => Ok(Answer::Shared),
        Value::Integer(10) => Ok(Answer::Lost),
        Value::Integer(11) => Ok(Answer::Unchanged),
        Value::Integer(12) => Ok(Answer::Writing),
        Value::Bytes(entry) => Ok(Answer::Found(entry)),
        Value::String(entry) => Ok(Answer::Found(entry.into_inner())),
        Value::Array(error) => {
            let text = error.into_iter().filter_map(Value::into_string).collect::<Vec<_>>().join(": ");
            Err(StoreError::new(StoreErrorKind::Refused, text))
        }
        other => Err(StoreError::new(
            StoreErrorKind::Refused,
            format!("a script answered with a {:?}", other.kind()),
        )),
    }
}

fn count(of: usize) -> Value {
    Value::Integer(i64::try_from(of).unwrap_or(i64::MAX))
}

fn bytes(token: Token) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&token.to_bytes()))
}

fn millis(duration: Duration) -> Value {
    Value::Integer(i64::try_from(duration.as_millis().clamp(1, LONGEST_MS)).unwrap_or(i64::MAX))
}

fn expiry(lifetime: Lifetime) -> Value {
    match lifetime {
        Lifetime::For(life) => millis(life),
        Lifetime::Forever | Lifetime::AsBefore => "0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I8: a cluster runs a script only where its one key lives.
    #[test]
    fn no_script_has_a_second_key() {
        for script in Scripts::new().all().into_iter().take(7) {
            let keys = script.source.matches("KEYS[").count();
            assert!(keys > 0);
            assert_eq!(script.source.matches("KEYS[1]").count(), keys, "{}", script.source);
        }
    }
}
