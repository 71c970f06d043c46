//! [`Route`]: when a write becomes visible.

use crate::autocache::{Autocache, Region};
use crate::keyspace::Keyspace;
use crate::write::{HookNotes, IntentSet, UnitOfWork};
use std::sync::Arc;

/// When a write becomes visible.
pub(super) enum Route {
    /// The statement commits outside a transaction.
    Autocommit(Autocache),
    /// As `Autocommit`, on a plain connection: at most [`observed`](Autocache::observed) sees the statement.
    Plain(Autocache),
    /// Visible when the unit of work commits.
    Work(Autocache, Arc<UnitOfWork>),
    /// Visible at a moment that the cache does not see.
    Unseen(Autocache),
}

impl Route {
    /// Where hooks of a write leave their notes.
    pub(super) fn notes_of(&self, region: &Region) -> Arc<HookNotes> {
        match self {
            Self::Work(_, work) => work.notes_of(&region.keyspace),
            _ => region.notes.clone(),
        }
    }

    /// Any row of these entities may change.
    pub(super) fn add_entities(&self, keyspaces: Vec<Arc<Keyspace>>, intents: &mut IntentSet) {
        for keyspace in keyspaces {
            match self {
                // Its intents are never finished, so there is no later moment to clear at.
                Self::Unseen(_) => {
                    let ttl = keyspace.settings.transaction_intent_ttl;
                    keyspace.backend.queue_entity(keyspace.entity_keys(), ttl);
                }
                _ => intents.add_unproven(&keyspace),
            }
        }
    }

    pub(super) fn autocache(&self) -> &Autocache {
        match self {
            Self::Autocommit(autocache)
            | Self::Plain(autocache)
            | Self::Work(autocache, _)
            | Self::Unseen(autocache) => autocache,
        }
    }
}
