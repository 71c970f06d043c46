//! Write intents: keys that readers bypass from before a commit until the store knows of it.

use super::PendingClear;
use crate::coherence::{Answer, Outcome, Step, Token};
use crate::error::CacheError;
use crate::keyspace::{Entry, Keyspace};
use crate::settings::Consistency;
use crate::store::{Command, Reply, StoreError};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::DbErr;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Keys in one pipeline; a larger write sends several.
pub(crate) const PIPELINE_KEYS_MAX: usize = 1_000;

/// What is known of a touched key.
#[derive(Clone, Debug)]
pub(crate) enum RowChange {
    /// The entry to publish once the write is committed.
    Known(Entry),
    /// Touched, and its last state is not known for sure: its key is emptied.
    Unknown,
}

/// The keys of one commit, between their intents and their finishes.
#[derive(Debug)]
pub(crate) struct IntentSet {
    keys: Vec<Key>,
    /// How many of the keys have their intents.
    placed: usize,
    token: Token,
    /// When the first of them was.
    begun: Instant,
    ttl: Duration,
    /// Entities of which unknown rows may change.
    unproven: PendingClear,
    /// Entities of which they may, unless the witnesses prove that they do not.
    witnessed: PendingClear,
}

#[derive(Debug)]
struct Key {
    keyspace: Arc<Keyspace>,
    key: String,
    end: End,
    /// Whether the store has acknowledged the intent.
    held: bool,
    /// The stamp of the server that was to hold the intent.
    stamp: Option<u32>,
    /// Unless its entry gets published, another writer was at work on this list, and may have added a row
    /// that this write deletes by cascade.
    witness: bool,
}

#[derive(Debug)]
enum End {
    /// The key has an intent.
    Finish(RowChange),
    /// The key was not known before the commit.
    Unmarked(Step<Bytes>),
}

impl IntentSet {
    /// No key yet. `ttl` is how long the write may take until its commit is over.
    pub(crate) fn new(ttl: Duration) -> Self {
        let (token, begun) = (Token::random(), Instant::now());
        Self {
            keys: Vec::new(),
            placed: 0,
            token,
            begun,
            ttl,
            unproven: PendingClear::default(),
            witnessed: PendingClear::default(),
        }
    }

    /// A key that gets an intent.
    pub(crate) fn add(&mut self, keyspace: &Arc<Keyspace>, key: String, change: RowChange) {
        self.push(keyspace, key, End::Finish(change));
    }

    /// A list to which no other writer may add a row until this write ends, and its entry when it is empty.
    pub(crate) fn add_witness(&mut self, keyspace: &Arc<Keyspace>, key: String, empty: Option<Entry>) {
        match empty {
            Some(entry) => {
                self.push(keyspace, key, End::Finish(RowChange::Known(entry)));
                self.keys.iter_mut().rev().take(1).for_each(|key| key.witness = true);
                self.witnessed.push(keyspace.clone());
            }
            None => self.add_unproven(keyspace),
        }
    }

    /// An entity of which unknown rows may change: all its entries go.
    pub(crate) fn add_unproven(&mut self, keyspace: &Arc<Keyspace>) {
        self.unproven.push(keyspace.clone());
    }

    fn push(&mut self, keyspace: &Arc<Keyspace>, key: String, end: End) {
        let stamp = keyspace.backend.stamp(&key);
        self.keys.push(Key { keyspace: keyspace.clone(), key, end, held: false, stamp, witness: false });
    }

    /// The outcome of a key: it is published if it has an intent, else invalidated.
    pub(crate) fn conclude(&mut self, keyspace: &Arc<Keyspace>, key: &str, change: RowChange) {
        match self.keys.iter_mut().find(|own| own.key == key && own.keyspace.id() == keyspace.id()) {
            Some(Key { end: End::Finish(before), .. }) => *before = change,
            Some(_) => {}
            None => self.conclude_unmarked(keyspace, key, Step::Invalidate),
        }
    }

    /// The last step of a key that was not known before the commit.
    pub(crate) fn conclude_unmarked(&mut self, keyspace: &Arc<Keyspace>, key: &str, step: Step<Bytes>) {
        self.push(keyspace, key.to_owned(), End::Unmarked(step));
    }

    /// The token of all its intents, which also names the entry that is published.
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn has(&self, keyspace: &Arc<Keyspace>, key: &str) -> bool {
        self.keys.iter().any(|own| own.key == key && own.keyspace.id() == keyspace.id())
    }

    /// Whether the store has acknowledged all intents.
    pub(crate) fn is_held(&self) -> bool {
        self.keys.iter().all(|key| key.held)
    }

    /// Places the intents of the keys that have none yet: one round trip for each backend and
    /// [`PIPELINE_KEYS_MAX`] keys. An acknowledgement that took a quarter of the TTL does not count: too little
    /// of it may be left for the statement. What is not acknowledged is queued, or refused under `Strict`.
    pub(crate) async fn place(&mut self, consistency: Consistency) -> Result<(), DbErr> {
        if self.placed == 0 {
            self.begun = Instant::now();
        }
        let mut refused = self.send_intents(self.placed, false).await;
        if refused.is_none() && self.begun.elapsed() > self.ttl / 4 {
            self.begun = Instant::now();
            refused = self.send_intents(0, true).await;
        }
        self.placed = self.keys.len();
        match refused {
            Some(error) if consistency == Consistency::Strict => {
                self.release().await;
                Err(CacheError::NotWritten(error).into())
            }
            _ => Ok(()),
        }
    }

    async fn send_intents(&mut self, from: usize, reissued: bool) -> Option<StoreError> {
        let (token, ttl) = (self.token, self.ttl);
        let keys = &mut self.keys[from..];
        let replies = run(keys, |_| Step::Intent { token, ttl, reissued }).await;
        let mut refused = None;
        for (key, reply) in keys.iter_mut().zip(replies) {
            key.held = matches!(reply, Ok(Answer::Held { .. }));
            if let Err(error) = reply {
                // If this future is dropped after the statement, nothing else tells the cache.
                key.keyspace.queue(&key.key, token, ttl);
                refused = Some(error);
            }
        }
        refused
    }

    /// The write is committed.
    ///
    /// # Errors
    /// Under `Strict`, when the store did not answer and no intent certainly covered the commit.
    pub(crate) async fn finish(mut self, consistency: Consistency) -> Result<(), DbErr> {
        let committed = Instant::now();
        let token = self.token;
        let replies = self.finishes().await;
        let sure = self.ttl.mul_f64(0.9).saturating_sub(Duration::from_millis(50));
        let in_time = committed - self.begun < sure;
        self.doubt(&replies);
        let mut unconfirmed = None;
        for (key, reply) in self.keys.iter().zip(replies) {
            match reply {
                Ok(answer) => {
                    key.keyspace.backend.settle(&key.key, token);
                    count_end(&key.keyspace, &answer);
                }
                Err(error) => {
                    key.keyspace.queue(&key.key, token, Duration::ZERO);
                    if !(in_time && key.is_surely_held()) {
                        unconfirmed = Some(error);
                    }
                }
            }
        }
        let cleared = self.unproven.clear(consistency).await;
        match unconfirmed {
            Some(error) if consistency == Consistency::Strict => Err(CacheError::Unconfirmed(error).into()),
            _ => cleared,
        }
    }

    /// Adds the entities of which a witness proves nothing to those of which unknown rows may have changed.
    fn doubt(&mut self, replies: &[Reply]) {
        let proved = |reply: &Reply| matches!(reply, Ok(Answer::Published));
        let doubtful = self.keys.iter().zip(replies).filter(|(key, reply)| key.witness && !proved(reply));
        let doubtful: HashSet<usize> = doubtful.map(|(key, _)| key.keyspace.id()).collect();
        self.witnessed.retain(|keyspace| doubtful.contains(&keyspace.id()));
        self.unproven.append(std::mem::take(&mut self.witnessed));
    }

    /// The last steps of all keys. Fences go first: a reader that fills rows from a list checks them last.
    async fn finishes(&self) -> Vec<Reply> {
        let token = self.token;
        let mut fenced = HashSet::new();
        let mut fences = Vec::new();
        for keyspace in
            self.keys.iter().map(|key| &key.keyspace).filter(|keyspace| fenced.insert(keyspace.id()))
        {
            fences.extend(keyspace.fence().map(|fence| Key::fence(keyspace, fence)));
        }
        if fences.is_empty() {
            return run(&self.keys, |key| key.last_step(token)).await;
        }
        let count = fences.len();
        let fences_and_keys: Vec<&Key> = fences.iter().chain(&self.keys).collect();
        let mut replies = run(&fences_and_keys, |key| key.last_step(token)).await;
        let keys = replies.split_off(count);
        for (fence, reply) in fences.iter().zip(replies) {
            if reply.is_err() {
                fence.keyspace.queue(&fence.key, token, Duration::ZERO);
            }
        }
        keys
    }

    /// The write was certainly rolled back.
    pub(crate) async fn release(&mut self) {
        self.unproven.forget();
        self.witnessed.forget();
        let token = self.token;
        run(&self.keys, |_| Step::Release { token }).await;
    }
}

impl Key {
    fn fence(keyspace: &Arc<Keyspace>, fence: &str) -> Self {
        let end = End::Unmarked(Step::Invalidate);
        Self {
            keyspace: keyspace.clone(),
            key: fence.to_owned(),
            end,
            held: false,
            stamp: None,
            witness: false,
        }
    }

    fn last_step(&self, token: Token) -> Step<Bytes> {
        let outcome = match &self.end {
            End::Unmarked(step) => return step.clone(),
            End::Finish(RowChange::Known((entry, lifetime))) if self.held => {
                Outcome::Publish(entry.clone(), *lifetime)
            }
            End::Finish(_) => Outcome::Delete,
        };
        Step::Finish { token, outcome }
    }

    /// Whether the intent was acknowledged by the server that still answers. Another one, or an unknown one,
    /// may not have it.
    fn is_surely_held(&self) -> bool {
        self.held && self.stamp.is_some() && self.keyspace.backend.stamp(&self.key) == self.stamp
    }
}

/// Counts the end of a write.
fn count_end(keyspace: &Keyspace, answer: &Answer<Bytes>) {
    match answer {
        Answer::Published => keyspace.stats.count(Event::publishes),
        Answer::Lost => {
            keyspace.stats.count(Event::lost_intents);
            keyspace.stats.count(Event::invalidations);
        }
        _ => keyspace.stats.count(Event::invalidations),
    }
}

/// One step for each key, answered in the order of the keys.
async fn run<K: std::borrow::Borrow<Key>>(keys: &[K], step: impl Fn(&Key) -> Step<Bytes>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = keys.iter().map(|_| Ok(Answer::Unchanged)).collect();
    let mut by_backend: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        by_backend.entry(key.borrow().keyspace.backend.name()).or_default().push(index);
    }
    for indices in by_backend.values().flat_map(|indices| indices.chunks(PIPELINE_KEYS_MAX)) {
        let command = |&index: &usize| {
            let key = keys[index].borrow();
            Command { key: key.key.clone(), step: step(key) }
        };
        let backend = &keys[indices[0]].borrow().keyspace.backend;
        let answers = backend.run(indices.iter().map(command).collect()).await;
        for (&index, answer) in indices.iter().zip(answers) {
            if let Err(error) = &answer {
                let keyspace = &keys[index].borrow().keyspace;
                keyspace.stats.count(Event::errors);
                tracing::debug!(target: TARGET, entity = %keyspace.model(), %error, "a write did not reach the cache");
            }
            replies[index] = answer;
        }
    }
    replies
}

/// The intents of a write between its hooks. Both the `after_*` hook and the guard of its statement may end
/// them: the one that takes them does.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Mutex<Option<IntentSet>>>);

impl InFlight {
    pub(crate) fn new(intents: IntentSet) -> Self {
        Self(Arc::new(Mutex::new(Some(intents))))
    }

    pub(crate) fn take(&self) -> Option<IntentSet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
