//! [`Fences`]: what a write does to the fences of its entities.
//!
//! By an entity's fence a reader that fills rows from a list learns whether a writer has come in between. It checks
//! the fence after it has leased the rows. Where the store keeps the order of one round trip, a writer wipes the
//! fence right before it frees its rows. Elsewhere a row could be free and the fence not yet wiped. There the fence
//! has an intent for as long as the rows have theirs, and a reader that finds it leaves the rows alone.

use super::RowChange;
use super::intent_key::{End, IntentKey, run};
use crate::coherence::{Answer, Step, Token};
use crate::keyspace::Keyspace;
use crate::store::{Reply, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The fences that have an intent, or were to have one.
#[derive(Debug, Default)]
pub(super) struct Fences {
    placed: Vec<IntentKey>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Fences {
    /// A row of this entity gets an intent. Where many writers are at work its fence gets none, and the write's end
    /// takes a round trip more: it would cost each of them more than that.
    pub(super) fn add(&mut self, keyspace: &Arc<Keyspace>) {
        let Some(fence) = keyspace.fence().filter(|_| !keyspace.backend.keeps_order()) else { return };
        if self.of(keyspace).is_none()
            && let Some(permit) = keyspace.fence_permit()
        {
            let end = End::Finish(RowChange::Unknown);
            self.placed.push(IntentKey::new(keyspace, fence.to_owned(), end));
            self.permits.push(permit);
        }
    }

    fn of(&self, keyspace: &Arc<Keyspace>) -> Option<&IntentKey> {
        self.placed.iter().find(|key| key.keyspace.id() == keyspace.id())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &IntentKey> {
        self.placed.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut IntentKey> {
        self.placed.iter_mut()
    }

    /// How the fences of these keys end.
    pub(super) fn end(&self, keys: &[IntentKey]) -> Ending {
        let mut ending = Ending::default();
        let mut seen = HashSet::new();
        // No list names a row that is new, so none fills it with what it was before.
        let is_new = |key: &&IntentKey| matches!(key.end, End::Unmarked(Step::Insert { .. }));
        for key in keys.iter().filter(|key| !is_new(key)) {
            let keyspace = &key.keyspace;
            let Some(fence) = keyspace.fence().filter(|_| seen.insert(keyspace.id())) else { continue };
            let wiped = || IntentKey::new(keyspace, fence.to_owned(), End::Unmarked(Step::Invalidate));
            let fence = self.of(keyspace).cloned().unwrap_or_else(wiped);
            let goes_along = fence.held || keyspace.backend.keeps_order();
            if goes_along { &mut ending.along } else { &mut ending.before }.push(fence);
        }
        ending
    }
}

/// The last steps of fences.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// Those that nothing but their order guards, in a store that keeps none: they are wiped before any row is freed.
    before: Vec<IntentKey>,
    /// Those that go before the rows, in the same round trip.
    pub(super) along: Vec<IntentKey>,
}

impl Ending {
    /// Wipes the fences that go before all else.
    ///
    /// # Errors
    /// One was not wiped: no row may be freed.
    pub(super) async fn begin(&self, token: Token) -> Result<(), StoreError> {
        let replies = run(&self.before, |fence| fence.last_step(token)).await;
        note(&self.before, &replies, token);
        replies.into_iter().find_map(Result::err).map_or(Ok(()), Err)
    }

    /// The rest has been answered so. Whether a fence may have been without its intent while the rows were freed.
    pub(super) fn is_in_doubt(&self, replies: &[Reply], token: Token) -> bool {
        note(&self.along, replies, token);
        let ended = |reply: &Reply| matches!(reply, Ok(Answer::Emptied | Answer::Shared));
        self.along.iter().zip(replies).any(|(fence, reply)| fence.held && !ended(reply))
    }
}

/// A fence that was not reached is queued, one that was is settled.
fn note(fences: &[IntentKey], replies: &[Reply], token: Token) {
    for (fence, reply) in fences.iter().zip(replies) {
        match reply {
            Ok(_) => fence.keyspace.backend.settle(&fence.key, token),
            Err(_) => fence.keyspace.queue(&fence.key, token, Duration::ZERO),
        }
    }
}
