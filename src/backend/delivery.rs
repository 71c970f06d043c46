//! Delivers the journal's invalidations to the store.

use super::journal::{EntityKeys, Journal};
use crate::coherence::{Outcome, Step, Token};
use crate::store::{Command, StoreError, StoreHandle};
use tokio::time::Instant;

/// Invalidates what is due: keys, and whole entities. What one of several servers does not take keeps nothing else from
/// being delivered.
pub(super) async fn deliver(store: &StoreHandle, journal: &Journal) -> Result<(), StoreError> {
    let now = Instant::now();
    let mut delivered = Ok(());
    for page in journal.due(now) {
        if let Err(error) = wipe(store, &page.fences).await {
            delivered = Err(unless_partial(error)?);
            continue;
        }
        // As the end of its write: an intent that was placed and never acknowledged goes, too.
        let end = |(key, token): &(String, Token)| Command {
            key: key.clone(),
            step: Step::Finish { token: *token, outcome: Outcome::Delete },
        };
        let replies = store.as_dyn().run(page.keys.iter().map(end).collect()).await;
        for ((key, token), reply) in page.keys.into_iter().zip(replies) {
            match reply {
                Ok(_) => journal.settle(&key, token),
                Err(error) => delivered = Err(unless_partial(error)?),
            }
        }
    }
    for entity in journal.due_entities(now) {
        match clear(store, &entity).await {
            Ok(_) => journal.cleared(&entity, now),
            Err(error) => delivered = Err(unless_partial(error)?),
        }
    }
    delivered
}

/// A store that is away, or refuses, does so the next time, too.
fn unless_partial(error: StoreError) -> Result<StoreError, StoreError> {
    if error.is_partial() { Ok(error) } else { Err(error) }
}

pub(super) async fn clear(store: &StoreHandle, entity: &EntityKeys) -> Result<u64, StoreError> {
    wipe(store, entity.fence.as_slice()).await?;
    store.as_dyn().clear(&entity.sweep).await
}

/// Fences have a round trip of their own, before any row is freed: not every store keeps the order of one.
async fn wipe(store: &StoreHandle, fences: &[String]) -> Result<(), StoreError> {
    if fences.is_empty() {
        return Ok(());
    }
    let wipe = |fence: &String| Command { key: fence.clone(), step: Step::Invalidate };
    let replies = store.as_dyn().run(fences.iter().map(wipe).collect()).await;
    replies.into_iter().try_for_each(|reply| reply.map(drop))
}

#[cfg(test)]
mod tests {
    use super::super::journal::Queued;
    use super::*;
    use crate::store::{Found, MemoryStore, Reply, Store, StoreErrorKind, Sweep};
    use async_trait::async_trait;
    use std::sync::Arc;

    /// A server of two is away: that of the keys that begin with `lost`.
    #[derive(Debug)]
    struct Half(MemoryStore);

    fn lost() -> StoreError {
        StoreError::new(StoreErrorKind::Partial, "away")
    }

    #[async_trait]
    impl Store for Half {
        async fn get(&self, key: &str) -> Result<Found, StoreError> {
            self.0.get(key).await
        }

        async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
            self.0.get_many(keys).await
        }

        async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
            let replies = commands.iter().map(|command| {
                if command.key.starts_with("lost") {
                    Err(lost())
                } else {
                    Ok(crate::coherence::Answer::Emptied)
                }
            });
            replies.collect()
        }

        async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
            if sweep.prefix.starts_with("lost") { Err(lost()) } else { Ok(0) }
        }
    }

    fn entity(name: &str) -> EntityKeys {
        EntityKeys { sweep: Sweep::of_prefix(format!("{name}:")), fence: Some(format!("{name}:@")) }
    }

    #[tokio::test]
    async fn what_one_server_does_not_take_keeps_nothing_else_from_being_delivered() {
        let (journal, now) = (Journal::default(), Instant::now());
        for (number, key) in ["lost:1", "kept:1", "lost:2", "kept:2"].into_iter().enumerate() {
            let token = Token::from_u128(number as u128);
            let entity = EntityKeys { fence: None, ..entity("kept") };
            journal.queue(key, Queued { token, due: now, until: None, entity });
        }
        for name in ["lost", "kept"] {
            journal.queue_entity(entity(name), now, now);
        }
        let store = StoreHandle::Other(Arc::new(Half(MemoryStore::new(1))));
        assert_eq!(deliver(&store, &journal).await.unwrap_err().kind(), StoreErrorKind::Partial);
        assert!(!journal.suspects("kept:1") && !journal.suspects("kept:2"));
        assert!(journal.suspects("lost:1") && journal.suspects("lost:2"));
        assert_eq!(journal.len(), 3, "two keys and an entity are left");
    }

    /// Else a reader that fills rows from a list could take one for unchanged.
    #[tokio::test]
    async fn no_row_is_freed_whose_fence_is_not_wiped() {
        let (journal, now) = (Journal::default(), Instant::now());
        let queued = Queued { token: Token::from_u128(1), due: now, until: None, entity: entity("lost") };
        journal.queue("kept:1", queued);
        let store = StoreHandle::Other(Arc::new(Half(MemoryStore::new(1))));
        assert!(deliver(&store, &journal).await.is_err());
        assert!(journal.suspects("kept:1"));
    }
}
