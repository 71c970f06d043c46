//! Delivers the journal's invalidations to the store.

use super::journal::{EntityKeys, Journal};
use crate::coherence::{Outcome, Step, Token};
use crate::store::{Command, StoreError, StoreHandle};
use tokio::time::Instant;

/// Invalidates what is due: keys, and whole entities.
pub(super) async fn deliver(store: &StoreHandle, journal: &Journal) -> Result<(), StoreError> {
    let now = Instant::now();
    for page in journal.due(now) {
        // As the end of its write: an intent that was placed and never acknowledged goes, too.
        let end = |(key, token): &(String, Token)| Command {
            key: key.clone(),
            step: Step::Finish { token: *token, outcome: Outcome::Delete },
        };
        let commands =
            page.fences.iter().map(|fence| invalidation(fence)).chain(page.keys.iter().map(end)).collect();
        let mut replies = store.as_dyn().run(commands).await.into_iter();
        for reply in replies.by_ref().take(page.fences.len()) {
            reply?;
        }
        let mut delivered = Ok(());
        for ((key, token), reply) in page.keys.into_iter().zip(replies) {
            match reply {
                Ok(_) => journal.settle(&key, token),
                Err(error) => delivered = Err(error),
            }
        }
        delivered?;
    }
    for entity in journal.due_entities(now) {
        clear(store, &entity).await?;
        journal.cleared(&entity, now);
    }
    Ok(())
}

pub(super) async fn clear(store: &StoreHandle, entity: &EntityKeys) -> Result<u64, StoreError> {
    if let Some(fence) = &entity.fence {
        for reply in store.as_dyn().run(vec![invalidation(fence)]).await {
            reply?;
        }
    }
    store.as_dyn().clear(&entity.sweep).await
}

fn invalidation(key: &str) -> Command {
    Command { key: key.to_owned(), step: Step::Invalidate }
}
