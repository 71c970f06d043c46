//! [`PendingClear`]: entities to clear when a statement has committed.

use crate::keyspace::Keyspace;
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
        self.0.push(keyspace);
    }

    /// The statement has committed.
    pub(crate) async fn clear(mut self) {
        while let Some(keyspace) = self.0.last().cloned() {
            keyspace.clear().await;
            self.0.pop();
        }
    }

    /// The statement has certainly changed nothing.
    pub(crate) fn forget(mut self) {
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
