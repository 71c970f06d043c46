//! What the journal of a [`Backend`] is given.

use super::Backend;
use super::journal::{EntityKeys, JOURNAL_KEYS_MAX, Queued};
use crate::coherence::Token;
use crate::telemetry::TARGET;
use std::time::Duration;
use tokio::time::Instant;

/// So long after now is never.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl Backend {
    /// Queues an invalidation of a key whose write the store does not know of: the key is suspect until it
    /// is delivered, once `after` has passed and the store answers. `token` names the write.
    pub(crate) fn queue(&self, key: &str, token: Token, after: Duration, entity: EntityKeys) {
        self.queue_key(key, Queued { token, due: after_now(after), until: None, entity });
    }

    /// As [`queue`](Self::queue), for a write to any row of an entity: all its keys are suspect until it was cleared.
    pub(crate) fn queue_entity(&self, entity: EntityKeys, after: Duration) {
        let due = after_now(after);
        self.inner.journal.queue_entity(entity, due, due);
        self.wake();
    }

    /// As both, for a statement that has run, in a transaction that may commit at any time until `ttl` has passed:
    /// the key, or the entity, is invalidated at once and once more then, and suspect all the while.
    pub(crate) fn distrust(&self, key: Option<&str>, ttl: Duration, entity: EntityKeys) {
        let (due, until) = (after_now(Duration::ZERO), after_now(ttl));
        match key {
            Some(key) => {
                self.queue_key(key, Queued { token: Token::random(), due, until: Some(until), entity });
            }
            None => {
                self.inner.journal.queue_entity(entity, due, until);
                self.wake();
            }
        }
    }

    fn queue_key(&self, key: &str, queued: Queued) {
        if self.inner.journal.queue(key, queued) {
            tracing::error!(
                target: TARGET,
                backend = %self.inner.name, limit = JOURNAL_KEYS_MAX,
                "the queue of undelivered invalidations is full: whole entities are cleared, and the database \
                 answers for them until then"
            );
        }
        self.wake();
    }

    fn wake(&self) {
        self.inner.wake.notify_one();
        self.recover();
    }

    /// The store knows of the write after all.
    pub(crate) fn settle(&self, key: &str, token: Token) {
        self.inner.journal.settle(key, token);
    }
}

fn after_now(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or_else(|| now + NEVER)
}
