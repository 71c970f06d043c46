//! [`StoredSlot`]: what a memory store holds under a key, its weight, and when it may be evicted.

use super::MemoryEntry;
use crate::coherence::Slot;
use quick_cache::{Lifecycle, Weighter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

/// What an entry costs beside its key, its bytes and its row, roughly; part of its weight.
const ENTRY_OVERHEAD_BYTES: usize = 384;

pub(super) type EntrySlot = Slot<Arc<MemoryEntry>>;

/// What is under a key, be it dead or alive.
///
/// Dropped when it is replaced, removed or evicted, always under the lock of its shard: an entry is
/// withdrawn on every way out, those of the cache's own choosing included.
pub(super) struct StoredSlot {
    pub(super) slot: EntrySlot,
    /// `None`: never.
    pub(super) expires: Option<Instant>,
}

impl StoredSlot {
    pub(super) fn new(slot: EntrySlot, expires: Option<Instant>) -> Self {
        if let Slot::Entry(entry) = &slot {
            entry.set_expiry(expires);
        }
        Self { slot, expires }
    }

    pub(super) fn is_alive(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    pub(super) fn is_marker(&self) -> bool {
        is_marker(&self.slot)
    }
}

impl Drop for StoredSlot {
    fn drop(&mut self) {
        if let Slot::Entry(entry) = &self.slot {
            entry.withdraw();
        }
    }
}

pub(super) fn is_marker(slot: &EntrySlot) -> bool {
    matches!(slot, Slot::Lease(_) | Slot::Intent(_))
}

/// What a store's room is measured in.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    Entries,
    Bytes,
}

impl Weighter<Box<str>, StoredSlot> for Scale {
    fn weight(&self, key: &Box<str>, stored: &StoredSlot) -> u64 {
        match (self, &stored.slot) {
            (Self::Entries, Slot::Entry(_)) => 1,
            (Self::Bytes, Slot::Entry(entry)) => (key.len() + entry.weight() + ENTRY_OVERHEAD_BYTES) as u64,
            _ => 0,
        }
    }
}

/// An entry that was read past the map, which so knows nothing of it, is spared when its turn to go comes:
/// once for each such read, up to a few, as the map does for the reads that it sees.
///
/// For each insert fewer are spared than there are entries, and one less for each that goes. Were all of them
/// spared, the map would give up, and the store grow beyond its room.
#[derive(Clone, Default)]
pub(super) struct SecondChance {
    left: Arc<AtomicUsize>,
}

impl SecondChance {
    /// An insert among so many entries begins. Only under the lock of the shard, as all else here.
    pub(super) fn begin(&self, entries: usize) {
        self.left.store(entries.saturating_sub(1), Ordering::Relaxed);
    }

    /// Whether one more may be spared.
    fn take(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

impl Lifecycle<Box<str>, StoredSlot> for SecondChance {
    type RequestState = ();

    fn is_pinned(&self, _key: &Box<str>, stored: &StoredSlot) -> bool {
        match &stored.slot {
            Slot::Entry(entry) => entry.was_used() && self.take() && entry.take_use(),
            _ => false,
        }
    }

    fn before_evict(&self, _state: &mut (), _key: &Box<str>, _stored: &mut StoredSlot) {
        self.take();
    }
}
