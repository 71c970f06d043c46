//! [`PendingClear`]: entities to clear when a statement has committed.

use crate::error::CacheError;
use crate::keyspace::Keyspace;
use crate::settings::Consistency;
use sea_orm::DbErr;
use std::sync::Arc;

/// Entities of which a statement in flight may change any row. Dropped before the outcome is known, it queues
/// their clear: the statement may still commit.
#[derive(Debug, Default)]
pub(crate) struct PendingClear(Vec<Arc<Keyspace>>);

impl PendingClear {
    pub(crate) fn of(keyspaces: Vec<Arc<Keyspace>>) -> Self {
        Self(keyspaces)
    }

    pub(crate) fn push(&mut self, keyspace: Arc<Keyspace>) {
        if !self.0.iter().any(|other| other.id() == keyspace.id()) {
            self.0.push(keyspace);
        }
    }

    /// Those of the other as well.
    pub(crate) fn append(&mut self, mut other: Self) {
        std::mem::take(&mut other.0).into_iter().for_each(|keyspace| self.push(keyspace));
    }

    /// Of all others certainly no row has changed.
    pub(crate) fn retain(&mut self, may_have_changed: impl Fn(&Arc<Keyspace>) -> bool) {
        self.0.retain(may_have_changed);
    }

    /// The statement has committed.
    ///
    /// # Errors
    /// Under `Strict`, when the store did not acknowledge the clear of each: it is queued.
    pub(crate) async fn clear(mut self, consistency: Consistency) -> Result<(), DbErr> {
        let mut unconfirmed = None;
        while let Some(keyspace) = self.0.last().cloned() {
            unconfirmed = keyspace.clear().await.err().or(unconfirmed);
            self.0.pop();
        }
        match unconfirmed {
            Some(error) if consistency == Consistency::Strict => Err(CacheError::Unconfirmed(error).into()),
            _ => Ok(()),
        }
    }

    /// The statement has certainly changed nothing.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Drop for PendingClear {
    fn drop(&mut self) {
        for keyspace in self.0.drain(..) {
            keyspace.backend.queue_entity(keyspace.entity_keys(), keyspace.settings.intent_ttl);
        }
    }
}
