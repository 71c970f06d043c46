//! What the store is told of the journal.

use super::journal::{EntityKeys, Journal};
use crate::coherence::Step;
use crate::store::{Command, Reply, StoreError, StoreHandle};
use tokio::time::Instant;

/// Invalidates what is due: keys, and whole entities.
pub(super) async fn deliver(store: &StoreHandle, journal: &Journal) -> Result<(), StoreError> {
    let now = Instant::now();
    for page in journal.due(now) {
        let keys = page.keys.iter().map(|(key, _)| key);
        let mut replies = invalidate(store, page.fences.iter().chain(keys)).await.into_iter();
        for reply in replies.by_ref().take(page.fences.len()) {
            reply?;
        }
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
    for reply in invalidate(store, &entity.fence).await {
        reply?;
    }
    store.as_dyn().clear(&entity.sweep).await
}

async fn invalidate<'k>(store: &StoreHandle, keys: impl IntoIterator<Item = &'k String>) -> Vec<Reply> {
    let command = |key: &String| Command { key: key.clone(), step: Step::Invalidate };
    let commands: Vec<Command> = keys.into_iter().map(command).collect();
    if commands.is_empty() { Vec::new() } else { store.as_dyn().run(commands).await }
}
