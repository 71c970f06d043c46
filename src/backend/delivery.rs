//! Delivers the journal's invalidations to the store.

use super::journal::{EntityKeys, Journal};
use crate::coherence::{Outcome, Step, Token};
use crate::store::{Command, StoreError, StoreHandle};
use tokio::time::Instant;

/// Invalidates what is due: keys, and whole entities.
pub(super) async fn deliver(store: &StoreHandle, journal: &Journal) -> Result<(), StoreError> {
    let now = Instant::now();
    for page in journal.due(now) {
        wipe(store, &page.fences).await?;
        // As the end of its write: an intent that was placed and never acknowledged goes, too.
        let end = |(key, token): &(String, Token)| Command {
            key: key.clone(),
            step: Step::Finish { token: *token, outcome: Outcome::Delete },
        };
        let replies = store.as_dyn().run(page.keys.iter().map(end).collect()).await;
        for ((key, token), reply) in page.keys.into_iter().zip(replies) {
            reply?;
            journal.settle(&key, token);
        }
    }
    for entity in journal.due_entities(now) {
        clear(store, &entity).await?;
        journal.cleared(&entity, now);
    }
    Ok(())
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
