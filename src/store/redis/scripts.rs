//! Steps as script calls. The scripts are the `.lua` files beside this one.

use super::node::{Node, Outgoing};
use super::slots::slot_of;
use super::wire::{Request, RespValue, WireError};
use crate::coherence::{Answer, Lifetime, Outcome, Step, Token};
use crate::store::{StoreError, StoreErrorKind};
use bytes::Bytes;
use sha1::{Digest, Sha1};
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
    /// In hex.
    sha: Bytes,
}

impl Script {
    fn new(source: &'static str) -> Self {
        let digest = Sha1::digest(source);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { source, sha: Bytes::from(hex) }
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
    shared: Vec<Bytes>,
    own: Vec<Bytes>,
}

impl Spelled<'_> {
    /// Whether both can be of one run of a batch.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.own.len() == other.own.len() && self.shared == other.shared
    }
}

/// One `EVALSHA`.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The hash slot of its keys.
    pub(super) slot: u16,
    /// How many steps it runs.
    pub(super) steps: usize,
    pub(super) request: Request,
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

    /// Makes the scripts known to a server.
    ///
    /// # Errors
    /// The first that it does not take.
    pub(super) async fn load(&self, node: &Node, limit: Duration) -> Result<(), WireError> {
        let loads = self.all().map(|script| Request::of("SCRIPT", ["LOAD", script.source]));
        let loads = loads.each_ref().map(Outgoing::of);
        node.send(&loads, limit).await.into_iter().try_for_each(|answer| answer.map(drop))
    }

    /// One round trip; one more to load the scripts and one to send again what failed for their lack.
    pub(super) async fn run(
        &self,
        node: &Node,
        commands: &[Outgoing<'_>],
        limit: Duration,
    ) -> Vec<Result<RespValue, WireError>> {
        let mut answers = node.send(commands, limit).await;
        let is_unknown =
            |answer: &Result<_, WireError>| matches!(answer, Err(error) if error.code() == "NOSCRIPT");
        let unknown: Vec<usize> = (0..answers.len()).filter(|&index| is_unknown(&answers[index])).collect();
        if unknown.is_empty() {
            return answers;
        }
        if let Err(error) = self.load(node, limit).await {
            tracing::debug!(target: "sea_orm_autocache", %error, "scripts could not be loaded");
            return answers;
        }
        let again: Vec<Outgoing<'_>> = unknown.iter().map(|&index| commands[index]).collect();
        for (index, answer) in unknown.into_iter().zip(node.send(&again, limit).await) {
            answers[index] = answer;
        }
        answers
    }

    fn spell(&self, step: Step<Bytes>) -> Spelled<'_> {
        let (name, script, shared, own) = match step {
            Step::Lease { token, ttl, unusable } => {
                let own = vec![bytes(token), unusable.unwrap_or_default()];
                ("lease", &self.lease, vec![millis(ttl)], own)
            }
            Step::Fill { token, entry, lifetime } => {
                ("fill", &self.fill, vec![expiry(lifetime)], vec![bytes(token), entry])
            }
            Step::Unlease { token } => ("unlease", &self.unlease, Vec::new(), vec![bytes(token)]),
            Step::Intent { token, ttl, reissued } => {
                let reissued = if reissued { "1" } else { "0" };
                ("intent", &self.intent, vec![bytes(token), millis(ttl), word(reissued)], Vec::new())
            }
            Step::Finish { token, outcome: Outcome::Publish(entry, lifetime) } => {
                let shared = vec![bytes(token), word("P"), expiry(lifetime)];
                ("finish", &self.finish, shared, vec![entry])
            }
            Step::Finish { token, outcome: Outcome::Delete } => {
                ("finish", &self.finish, vec![bytes(token), word("D"), word("0")], Vec::new())
            }
            Step::Release { token } => {
                ("finish", &self.finish, vec![bytes(token), word("R"), word("0")], Vec::new())
            }
            Step::Invalidate => ("invalidate", &self.invalidate, Vec::new(), Vec::new()),
            Step::Insert { entry, lifetime } => ("insert", &self.insert, vec![expiry(lifetime)], vec![entry]),
        };
        Spelled { name, script, shared, own }
    }

    /// One step by itself.
    pub(super) fn call(&self, key: String, step: Step<Bytes>) -> Call {
        let Spelled { script, shared, own, .. } = self.spell(step);
        let slot = slot_of(&key);
        let mut all = Vec::with_capacity(3 + shared.len() + own.len());
        all.extend([script.sha.clone(), word("1"), key.into()]);
        all.extend(shared.into_iter().chain(own));
        Call::of(slot, 1, all)
    }

    /// Many steps in one call, on keys of one server, and in a Cluster of one slot: in their order, and all of them
    /// or, where the server does not know the script, none.
    pub(super) fn batch(&self, commands: Vec<(String, Step<Bytes>)>) -> Call {
        let (steps, slot) = (commands.len(), commands.first().map_or(0, |(key, _)| slot_of(key)));
        let mut all = Vec::with_capacity(2 + 4 * steps);
        all.extend([self.batch.sha.clone(), count(steps)]);
        let mut spelled = Vec::with_capacity(steps);
        for (key, step) in commands {
            all.push(key.into());
            spelled.push(self.spell(step));
        }
        // The arguments are most of what a batch costs, on both sides: what steps share is sent once.
        for run in spelled.chunk_by(Spelled::is_like) {
            let Spelled { name, shared, own, .. } = &run[0];
            all.extend([word(name), count(run.len()), count(shared.len()), count(own.len())]);
            all.extend(shared.iter().cloned());
            all.extend(run.iter().flat_map(|step| step.own.iter().cloned()));
        }
        Call::of(slot, steps, all)
    }

    /// What this key holds and until when.
    pub(super) fn inspect(&self, key: &str) -> Call {
        let key = key.to_owned();
        Call::of(slot_of(&key), 1, vec![self.inspect.sha.clone(), word("1"), key.into()])
    }

    /// Invalidates these keys of one slot, or those of them that an entity's sweep concerns.
    pub(super) fn sweep(&self, keys: Vec<String>, entity: Option<[u8; 4]>) -> Call {
        let (steps, slot) = (keys.len(), keys.first().map_or(0, |key| slot_of(key)));
        let mut all = Vec::with_capacity(3 + steps);
        all.extend([self.sweep.sha.clone(), count(steps)]);
        all.extend(keys.into_iter().map(Bytes::from));
        all.push(entity.map(|entity| Bytes::copy_from_slice(&entity)).unwrap_or_default());
        Call::of(slot, steps, all)
    }
}

impl Call {
    fn of(slot: u16, steps: usize, arguments: Vec<Bytes>) -> Self {
        Self { slot, steps, request: Request::new("EVALSHA", arguments) }
    }
}

/// One answer for each step of a call.
pub(super) fn answers(
    steps: usize,
    result: Result<RespValue, StoreError>,
) -> Vec<Result<Answer<Bytes>, StoreError>> {
    match result {
        Ok(value) if steps == 1 => vec![answer(value)],
        Ok(RespValue::Array(values)) if values.len() == steps => values.into_iter().map(answer).collect(),
        Ok(other) => {
            let text = format!("a script answered {steps} steps with a {}", other.kind());
            (0..steps).map(|_| Err(StoreError::new(StoreErrorKind::Refused, &text))).collect()
        }
        Err(error) => (0..steps).map(|_| Err(error.clone())).collect(),
    }
}

/// How many keys a sweep has touched.
pub(super) fn swept(value: RespValue) -> Result<u64, StoreError> {
    match value {
        RespValue::Integer(touched) => Ok(u64::try_from(touched).unwrap_or_default()),
        other => {
            let text = format!("a sweep answered with a {}", other.kind());
            Err(StoreError::new(StoreErrorKind::Refused, text))
        }
    }
}

/// The numbers are the scripts' own; bytes are the entry a lease found.
fn answer(value: RespValue) -> Result<Answer<Bytes>, StoreError> {
    match value {
        RespValue::Integer(1) => Ok(Answer::Granted),
        RespValue::Integer(2) => Ok(Answer::Busy),
        RespValue::Integer(3) => Ok(Answer::Filled),
        RespValue::Integer(4) => Ok(Answer::Refused),
        RespValue::Integer(5) => Ok(Answer::Held { dirty: false }),
        RespValue::Integer(6) => Ok(Answer::Held { dirty: true }),
        RespValue::Integer(7) => Ok(Answer::Published),
        RespValue::Integer(8) => Ok(Answer::Emptied),
        RespValue::Integer(9) => Ok(Answer::Shared),
        RespValue::Integer(10) => Ok(Answer::Lost),
        RespValue::Integer(11) => Ok(Answer::Unchanged),
        RespValue::Integer(12) => Ok(Answer::Writing),
        RespValue::Bytes(entry) => Ok(Answer::Found(entry)),
        RespValue::Array(error) => {
            let text = error.into_iter().filter_map(RespValue::into_text).collect::<Vec<_>>().join(": ");
            Err(StoreError::new(StoreErrorKind::Refused, text))
        }
        other => Err(StoreError::new(
            StoreErrorKind::Refused,
            format!("a script answered with a {}", other.kind()),
        )),
    }
}

fn word(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn count(of: usize) -> Bytes {
    Bytes::copy_from_slice(itoa::Buffer::new().format(of).as_bytes())
}

fn bytes(token: Token) -> Bytes {
    Bytes::copy_from_slice(&token.to_bytes())
}

fn millis(duration: Duration) -> Bytes {
    Bytes::copy_from_slice(itoa::Buffer::new().format(duration.as_millis().clamp(1, LONGEST_MS)).as_bytes())
}

fn expiry(lifetime: Lifetime) -> Bytes {
    match lifetime {
        Lifetime::For(life) => millis(life),
        Lifetime::Forever | Lifetime::AsBefore => word("0"),
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
