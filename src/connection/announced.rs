//! Announced writes: keys that readers leave alone from before a commit until the store was told of it.

use crate::autocache::{Consistency, Region};
use crate::coherence::{Answer, Lifetime, Outcome, Step, Token};
use crate::error::CacheError;
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
    Known(Bytes, Lifetime),
    /// Touched, and its last state is not known for sure: its key is emptied.
    Unknown,
}

/// The keys of one commit, between their intents and their finishes.
#[derive(Debug)]
pub(crate) struct Announced {
    keys: Vec<Key>,
    /// How many of the keys have been announced.
    placed: usize,
    token: Token,
    /// When the first of them was.
    begun: Instant,
    hold: Duration,
    /// Entities of which rows may change that nobody can name.
    unproven: Vec<Arc<Region>>,
}

#[derive(Debug)]
struct Key {
    region: Arc<Region>,
    key: String,
    end: End,
    /// Whether the store has acknowledged the intent.
    held: bool,
    /// The stamp of the server that was to hold the intent.
    stamp: Option<u32>,
    /// Unless its entry gets published, another writer was at work on this list, and may have added a row
    /// that this write takes along.
    witness: bool,
}

#[derive(Debug)]
enum End {
    /// The key was announced.
    Finish(RowChange),
    /// Nobody knew the key before the commit.
    Unannounced(Step<Bytes>),
}

impl Announced {
    /// Nothing yet. `hold` is how long the write may take until its commit is over.
    pub(crate) fn new(hold: Duration) -> Self {
        let (token, begun) = (Token::random(), Instant::now());
        Self { keys: Vec::new(), placed: 0, token, begun, hold, unproven: Vec::new() }
    }

    /// A key to be announced.
    pub(crate) fn add(&mut self, region: &Arc<Region>, key: String, change: RowChange) {
        self.push(region, key, End::Finish(change));
    }

    /// A list to which nobody may add a row meanwhile, and its entry when it is empty.
    pub(crate) fn add_witness(
        &mut self,
        region: &Arc<Region>,
        key: String,
        empty: Option<(Bytes, Lifetime)>,
    ) {
        match empty {
            Some((bytes, lifetime)) => {
                self.push(region, key, End::Finish(RowChange::Known(bytes, lifetime)));
                self.keys.iter_mut().rev().take(1).for_each(|key| key.witness = true);
            }
            None => self.add_unproven(region),
        }
    }

    /// An entity of which rows may change that nobody can name: all its entries go.
    pub(crate) fn add_unproven(&mut self, region: &Arc<Region>) {
        self.unproven.push(region.clone());
    }

    fn push(&mut self, region: &Arc<Region>, key: String, end: End) {
        let stamp = region.backend.stamp();
        self.keys.push(Key { region: region.clone(), key, end, held: false, stamp, witness: false });
    }

    /// Says what has become of a key: publishes it, if it was announced; else it is invalidated.
    pub(crate) fn conclude(&mut self, region: &Arc<Region>, key: &str, change: RowChange) {
        match self.keys.iter_mut().find(|own| own.key == key && own.region.id() == region.id()) {
            Some(Key { end: End::Finish(before), .. }) => *before = change,
            Some(_) => {}
            None => self.conclude_unannounced(region, key, Step::Invalidate),
        }
    }

    /// The last step of a key that nobody knew before the commit.
    pub(crate) fn conclude_unannounced(&mut self, region: &Arc<Region>, key: &str, step: Step<Bytes>) {
        self.push(region, key.to_owned(), End::Unannounced(step));
    }

    /// The token of all its intents, which also names the entry that is published.
    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn has(&self, region: &Arc<Region>, key: &str) -> bool {
        self.keys.iter().any(|own| own.key == key && own.region.id() == region.id())
    }

    /// Whether the store has acknowledged all intents.
    pub(crate) fn is_held(&self) -> bool {
        self.keys.iter().all(|key| key.held)
    }

    /// Places the intents of the keys that have none yet: one round trip for each backend and
    /// [`PIPELINE_KEYS_MAX`] keys. An acknowledgement that took a quarter of the hold is not one: too little
    /// of it may be left for the statement. What is not acknowledged is owed to the store, or refused under
    /// `Strict`.
    pub(crate) async fn place(&mut self, consistency: Consistency) -> Result<(), DbErr> {
        if self.placed == 0 {
            self.begun = Instant::now();
        }
        let mut refused = self.intents(self.placed, false).await;
        if refused.is_none() && self.begun.elapsed() > self.hold / 4 {
            self.begun = Instant::now();
            refused = self.intents(0, true).await;
        }
        self.placed = self.keys.len();
        match refused {
            Some(error) if consistency == Consistency::Strict => {
                self.release().await;
                Err(CacheError::NotAnnounced(error).into())
            }
            _ => Ok(()),
        }
    }

    async fn intents(&mut self, from: usize, reissued: bool) -> Option<StoreError> {
        let (token, hold) = (self.token, self.hold);
        let keys = &mut self.keys[from..];
        let replies = run(keys, |_| Step::Intent { token, hold, reissued }).await;
        let mut refused = None;
        for (key, reply) in keys.iter_mut().zip(replies) {
            key.held = matches!(reply, Ok(Answer::Held { .. }));
            if let Err(error) = reply {
                // Should this future be dropped after the statement, nobody would tell the cache.
                key.region.owe(&key.key, token, hold);
                refused = Some(error);
            }
        }
        refused
    }

    /// The write is committed.
    ///
    /// # Errors
    /// Under `Strict`, when the cache was not told and no intent certainly covered the commit.
    pub(crate) async fn finish(self, consistency: Consistency) -> Result<(), DbErr> {
        let committed = Instant::now();
        let token = self.token;
        let replies = self.finishes().await;
        self.clear_unproven(&replies).await;
        let sure = self.hold.mul_f64(0.9).saturating_sub(Duration::from_millis(50));
        let in_time = committed - self.begun < sure;
        let mut unconfirmed = None;
        for (key, reply) in self.keys.iter().zip(replies) {
            match reply {
                Ok(answer) => {
                    key.region.backend.settle(&key.key, token);
                    key.region.count_end(&answer);
                }
                Err(error) => {
                    key.region.owe(&key.key, token, Duration::ZERO);
                    if !(in_time && key.is_surely_held()) {
                        unconfirmed = Some(error);
                    }
                }
            }
        }
        match unconfirmed {
            Some(error) if consistency == Consistency::Strict => Err(CacheError::Unconfirmed(error).into()),
            _ => Ok(()),
        }
    }

    /// Clears the entities of which this write may have changed rows that nobody has named.
    async fn clear_unproven(&self, replies: &[Reply]) {
        let proved = |reply: &Reply| matches!(reply, Ok(Answer::Published));
        let doubtful = self.keys.iter().zip(replies).filter(|(key, reply)| key.witness && !proved(reply));
        let regions = self.unproven.iter().chain(doubtful.map(|(key, _)| &key.region));
        let mut cleared = HashSet::new();
        for region in regions.filter(|region| cleared.insert(region.id())) {
            region.clear().await;
        }
    }

    /// The last steps of all keys. Fences go first: who fills rows from a list looks at them last.
    async fn finishes(&self) -> Vec<Reply> {
        let token = self.token;
        let mut fenced = HashSet::new();
        let mut fences = Vec::new();
        for region in self.keys.iter().map(|key| &key.region).filter(|region| fenced.insert(region.id())) {
            fences.extend(region.fence().map(|fence| Key::fence(region, fence)));
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
                fence.region.owe(&fence.key, token, Duration::ZERO);
            }
        }
        keys
    }

    /// The write was certainly rolled back.
    pub(crate) async fn release(&self) {
        let token = self.token;
        run(&self.keys, |_| Step::Release { token }).await;
    }
}

impl Key {
    fn fence(region: &Arc<Region>, fence: &str) -> Self {
        let end = End::Unannounced(Step::Invalidate);
        Self { region: region.clone(), key: fence.to_owned(), end, held: false, stamp: None, witness: false }
    }

    fn last_step(&self, token: Token) -> Step<Bytes> {
        let outcome = match &self.end {
            End::Unannounced(step) => return step.clone(),
            End::Finish(RowChange::Known(entry, lifetime)) if self.held => {
                Outcome::Publish(entry.clone(), *lifetime)
            }
            End::Finish(_) => Outcome::Delete,
        };
        Step::Finish { token, outcome }
    }

    /// Whether the intent was acknowledged by the server that answers still. Another one, or one that
    /// nobody knows, may not have it.
    fn is_surely_held(&self) -> bool {
        self.held && self.stamp.is_some() && self.region.backend.stamp() == self.stamp
    }
}

/// One step for each key, answered in the order of the keys.
async fn run<K: std::borrow::Borrow<Key>>(keys: &[K], step: impl Fn(&Key) -> Step<Bytes>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = keys.iter().map(|_| Ok(Answer::Unchanged)).collect();
    let mut by_backend: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        by_backend.entry(key.borrow().region.backend.name()).or_default().push(index);
    }
    for indices in by_backend.values().flat_map(|indices| indices.chunks(PIPELINE_KEYS_MAX)) {
        let command = |&index: &usize| {
            let key = keys[index].borrow();
            Command { key: key.key.clone(), step: step(key) }
        };
        let backend = &keys[indices[0]].borrow().region.backend;
        let answers = backend.run(indices.iter().map(command).collect()).await;
        for (&index, answer) in indices.iter().zip(answers) {
            if let Err(error) = &answer {
                let region = &keys[index].borrow().region;
                region.stats.count(Event::errors);
                tracing::warn!(target: TARGET, entity = %region.model, %error, "the cache was not told of a write");
            }
            replies[index] = answer;
        }
    }
    replies
}

/// An announced write on its way from one hook to the other, or to the guard of its statement. Whoever
/// takes it ends it.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Mutex<Option<Announced>>>);

impl InFlight {
    pub(crate) fn new(announced: Announced) -> Self {
        Self(Arc::new(Mutex::new(Some(announced))))
    }

    pub(crate) fn take(&self) -> Option<Announced> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
