//! Keys that are invalidated because the program says so.

use crate::coherence::{Answer, Step};
use crate::error::CacheError;
use crate::keyspace::Keyspace;
use crate::store::Command;
use crate::telemetry::Event;
use sea_orm::DbErr;

/// Keys of one invalidation pipeline.
const INVALIDATE_KEYS_MAX: usize = 1_000;

/// Fenced like the end of a write: the fence first, in a round trip of its own where the store keeps no order.
pub(super) async fn invalidate_keys(keyspace: &Keyspace, keys: Vec<String>) -> Result<(), DbErr> {
    let keys: Vec<String> = keyspace.fence().map(str::to_owned).into_iter().chain(keys).collect();
    let is_apart = keyspace.fence().is_some() && !keyspace.backend.keeps_order();
    let (fence, keys) = keys.split_at(usize::from(is_apart));
    let mut first_error = None;
    for page in fence.chunks(1).chain(keys.chunks(INVALIDATE_KEYS_MAX)) {
        let command = |key: &String| Command { key: key.clone(), step: Step::Invalidate };
        let replies = keyspace.backend.run(page.iter().map(command).collect()).await;
        for (key, reply) in page.iter().zip(replies) {
            match reply {
                Ok(Answer::Unchanged) => {}
                Ok(_) if keyspace.fence() == Some(key) => {}
                Ok(_) => keyspace.stats.count(Event::invalidations),
                Err(error) => {
                    keyspace.stats.count(Event::errors);
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    first_error.map_or(Ok(()), |error| Err(CacheError::Store(error).into()))
}
