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
