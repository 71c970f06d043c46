//! Write intents: keys that readers bypass from before a commit until the store knows of it.

use super::fences::Fences;
use super::intent_key::{End, IntentKey, run};
use super::{PendingClear, RowChange};
use crate::coherence::{Answer, Step, Token};
use crate::error::CacheError;
use crate::keyspace::{Entry, Keyspace};
use crate::settings::Consistency;
use crate::store::{Reply, StoreError};
use bytes::Bytes;
use sea_orm::DbErr;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The keys of one commit, between their intents and their finishes.
#[derive(Debug)]
pub(crate) struct IntentSet {
    keys: Vec<IntentKey>,
    /// `None`: nobody sees the write's end.
    fences: Option<Fences>,
    token: Token,
    /// When the first of them was.
    begun: Instant,
    ttl: Duration,
    /// Entities of which unknown rows may change.
    unproven: PendingClear,
    /// Entities of which they may, unless the witnesses prove that they do not.
    witnessed: PendingClear,
}

impl IntentSet {
    /// No key yet. `ttl` is how long the write may take until its commit is over.
    pub(crate) fn new(ttl: Duration) -> Self {
        let (token, begun) = (Token::random(), Instant::now());
        Self {
            keys: Vec::new(),
            fences: Some(Fences::default()),
            token,
            begun,
            ttl,
            unproven: PendingClear::default(),
            witnessed: PendingClear::default(),
        }
    }

    /// As [`new`](Self::new), for a write of which the commit is not seen. Its intents stand until their TTL, so that
    /// no list leases its rows before: the fence need not tell of it.
    pub(crate) fn unended(ttl: Duration) -> Self {
        Self { fences: None, ..Self::new(ttl) }
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
        if let (Some(fences), End::Finish(_)) = (&mut self.fences, &end) {
            fences.add(keyspace);
        }
        self.keys.push(IntentKey::new(keyspace, key, end));
    }

    /// The outcome of a key: it is published if it has an intent, else invalidated.
    pub(crate) fn conclude(&mut self, keyspace: &Arc<Keyspace>, key: &str, change: RowChange) {
        match self.keys.iter_mut().find(|own| own.is(keyspace, key)) {
            Some(IntentKey { end: End::Finish(before), .. }) => *before = change,
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
        self.keys.iter().any(|own| own.is(keyspace, key))
    }

    /// Whether the store has acknowledged all intents.
    pub(crate) fn is_held(&self) -> bool {
        self.keys.iter().all(|key| key.held)
    }

    /// Places the intents of the keys that have none yet, and of their fences: one round trip for each backend and
    /// 1,000 keys. An acknowledgement that took a quarter of the TTL does not count: too little of it may be left for
    /// the statement. What is not acknowledged is queued, or refused under `Strict`.
    pub(crate) async fn place(&mut self, consistency: Consistency) -> Result<(), DbErr> {
        if !self.keys.iter().any(|key| key.sent) {
            self.begun = Instant::now();
        }
        let mut refused = self.send_intents(false).await;
        if refused.is_none() && self.begun.elapsed() > self.ttl / 4 {
            self.begun = Instant::now();
            refused = self.send_intents(true).await;
        }
        match refused {
            Some(error) if consistency == Consistency::Strict => {
                self.release().await;
                Err(CacheError::NotWritten(error).into())
            }
            _ => Ok(()),
        }
    }

    async fn send_intents(&mut self, reissued: bool) -> Option<StoreError> {
        let (token, ttl) = (self.token, self.ttl);
        let fences = self.fences.iter_mut().flat_map(Fences::iter_mut);
        let mut keys: Vec<&mut IntentKey> =
            fences.chain(&mut self.keys).filter(|key| reissued || !key.sent).collect();
        let replies = run(&keys, |_| Step::Intent { token, ttl, reissued }).await;
        let mut refused = None;
        for (key, reply) in keys.iter_mut().zip(replies) {
            key.sent = true;
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
                    key.count_end(&answer);
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

    /// The last steps of all keys, and of the fences before them.
    async fn finishes(&self) -> Vec<Reply> {
        let token = self.token;
        let none = Fences::default();
        let ending = self.fences.as_ref().unwrap_or(&none).end(&self.keys);
        if let Err(error) = ending.begin(token).await {
            return self.keys.iter().map(|_| Err(error.clone())).collect();
        }
        let all: Vec<&IntentKey> = ending.along.iter().chain(&self.keys).collect();
        let mut replies = run(&all, |key| key.last_step(token)).await;
        let mut finishes = replies.split_off(ending.along.len());
        if ending.is_in_doubt(&replies, token) {
            // A list may have filled a row as it was before this write. Its fence keeps it from doing so from now on.
            let again = run(&self.keys, |_| Step::Invalidate).await;
            for (finish, again) in finishes.iter_mut().zip(again) {
                if again.is_err() || matches!(finish, Ok(Answer::Published)) {
                    *finish = again;
                }
            }
        }
        finishes
    }

    /// The write was certainly rolled back.
    pub(crate) async fn release(&mut self) {
        self.unproven.forget();
        self.witnessed.forget();
        let token = self.token;
        let fences = self.fences.iter().flat_map(Fences::iter);
        let all: Vec<&IntentKey> = fences.chain(&self.keys).collect();
        run(&all, |_| Step::Release { token }).await;
    }
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
