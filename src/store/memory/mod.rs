//! The store inside the process: one map from keys to slots, in shards of their own locks.
//!
//! A step runs [`coherence::apply`](crate::coherence::apply) under the lock of its key's shard; a hit shares
//! that lock with other readers. Markers (leases and write intents) weigh nothing and so are never
//! evicted: a marker that is evicted costs coherence, a value that is evicted costs one read.

mod entry;
mod id_index;
mod slot;

pub(crate) use entry::Decoded;
pub use entry::MemoryEntry;
pub(crate) use id_index::IdIndex;

use super::{Command, Found, Inspected, Reply, Store, StoreError, Sweep};
use crate::coherence::{self, Answer, Change, Lifetime, Slot, Step};
use async_trait::async_trait;
use bytes::Bytes;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState as Hasher;
use quick_cache::unsync::Cache;
use slot::{EntrySlot, Scale, SecondChance, StoredSlot, is_marker};
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::time::Instant;

const SHARDS_MAX: u64 = 64;
/// A shard has its share of the room. So many entries are spread over shards evenly enough.
const SHARD_ENTRIES_MIN: u64 = 1_024;
/// And none is smaller than a large entry needs.
const SHARD_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// A shard is swept of dead markers when it holds this many and again at each doubling.
const SWEEP_FROM: usize = 256;
/// A guess, for the first size of the tables.
const TYPICAL_ENTRY_BYTES: u64 = 512;

/// A store in this process' memory, bounded by a number of entries or of bytes.
///
/// For tests and for services of one process. Do not use it in multi-process deployments: each process sees
/// only its own writes. Entries that have expired make room when they are asked for or when room is needed.
///
/// ```
/// use sea_orm_autocache::MemoryStore;
///
/// let by_count = MemoryStore::new(10_000);
/// let by_size = MemoryStore::with_max_bytes(64 * 1024 * 1024);
/// # let _ = (by_count, by_size);
/// ```
pub struct MemoryStore {
    shards: Box<[RwLock<Shard>]>,
    hasher: Hasher,
    scale: Scale,
    started: Instant,
}

struct Shard {
    slots: Cache<Box<str>, StoredSlot, Scale, Hasher, SecondChance>,
    chance: SecondChance,
    markers: usize,
    sweep_at: usize,
}

impl MemoryStore {
    /// A store of at most about this many entries; the ones used least go first.
    #[must_use]
    pub fn new(max_entries: u64) -> Self {
        Self::with_room(max_entries, SHARD_ENTRIES_MIN, max_entries, Scale::Entries)
    }

    /// A store of at most about this many bytes, counting keys, entries, the decoded rows beside them, and their
    /// overhead. What a row takes is estimated from the values of its columns.
    #[must_use]
    pub fn with_max_bytes(max_bytes: u64) -> Self {
        Self::with_room(max_bytes, SHARD_BYTES_MIN, max_bytes / TYPICAL_ENTRY_BYTES, Scale::Bytes)
    }

    fn with_room(room: u64, shard_min: u64, entries: u64, scale: Scale) -> Self {
        // Keys may be chosen by users, so their hashes must not be foreseen.
        let hasher = Hasher::with_seed(rand::random(), SharedSeed::global_random());
        let shards = (room / shard_min).clamp(1, SHARDS_MAX);
        let entries = usize::try_from(entries / shards).unwrap_or(usize::MAX).min(1 << 20);
        let shard = |_| {
            let chance = SecondChance::default();
            let slots = Cache::with(entries, room.div_ceil(shards), scale, hasher.clone(), chance.clone());
            RwLock::new(Shard { slots, chance, markers: 0, sweep_at: SWEEP_FROM })
        };
        Self { shards: (0..shards).map(shard).collect(), hasher, scale, started: Instant::now() }
    }

    /// How many values and tombstones are held.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        let now = Instant::now();
        let count = |shard: &RwLock<Shard>| {
            let shard = read(shard);
            shard.slots.iter().filter(|(_, stored)| stored.is_alive(now) && !stored.is_marker()).count()
                as u64
        };
        self.shards.iter().map(count).sum()
    }

    /// Values and tombstones, those that have expired among them; and their bytes, where the room is measured in bytes.
    /// Unlike [`entry_count`](Self::entry_count) it looks at no entry.
    pub(super) fn in_use(&self) -> (u64, Option<u64>) {
        let of_shard = |shard: &RwLock<Shard>| {
            let shard = read(shard);
            (shard.slots.len().saturating_sub(shard.markers) as u64, shard.slots.weight())
        };
        let sum = |(entries, weight), (more, heavier)| (entries + more, weight + heavier);
        let (entries, weight) = self.shards.iter().map(of_shard).fold((0, 0), sum);
        (entries, matches!(self.scale, Scale::Bytes).then_some(weight))
    }

    /// The protocol's clock.
    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn shard(&self, key: &str) -> &RwLock<Shard> {
        match &*self.shards {
            [only] => only,
            shards => &shards[self.hasher.hash_one(key) as usize % shards.len()],
        }
    }

    pub(super) fn peek(&self, key: &str) -> Found {
        let (slot, expires) = match read(self.shard(key)).slots.get(key) {
            Some(stored) => (stored.slot.clone(), stored.expires),
            None => return Found::Nothing,
        };
        if expires.is_some_and(|expires| expires <= Instant::now()) {
            return Found::Nothing;
        }
        found(slot)
    }

    fn step(&self, key: String, step: Step<Arc<MemoryEntry>>) -> Answer<Bytes> {
        let mut shard = write(self.shard(&key));
        let now = Instant::now();
        let slot = shard.slot(&key, now);
        let transition = coherence::apply(&slot, step, self.ms(now));
        shard.change(key, transition.change, now);
        transition.answer.map(|entry| entry.bytes().clone())
    }

    /// Every key that is held, values and markers alike.
    fn keys(&self) -> Vec<String> {
        let keys = |shard: &RwLock<Shard>| {
            read(shard).slots.iter().map(|(key, _)| key.to_string()).collect::<Vec<String>>()
        };
        self.shards.iter().flat_map(keys).collect()
    }
}

impl Shard {
    fn slot(&self, key: &str, now: Instant) -> EntrySlot {
        let alive = self.slots.peek(key).filter(|stored| stored.is_alive(now));
        alive.map_or(Slot::Empty, |stored| stored.slot.clone())
    }

    fn change(&mut self, key: String, change: Change<Arc<MemoryEntry>>, now: Instant) {
        match change {
            Change::Keep => {}
            Change::Remove | Change::Put(Slot::Empty, _) => {
                let before = self.slots.remove(key.as_str());
                self.markers -= usize::from(before.is_some_and(|(_, stored)| stored.is_marker()));
            }
            Change::Put(slot, lifetime) => {
                let before = self.slots.peek(key.as_str());
                let expires = match lifetime {
                    // A moment too far away to be represented never comes.
                    Lifetime::For(life) => now.checked_add(life),
                    Lifetime::Forever => None,
                    Lifetime::AsBefore => before.map_or(Some(now), |before| before.expires),
                };
                self.markers -= usize::from(before.is_some_and(StoredSlot::is_marker));
                self.markers += usize::from(is_marker(&slot));
                self.chance.begin(self.slots.len() - self.markers.min(self.slots.len()));
                self.slots.insert(key.into_boxed_str(), StoredSlot::new(slot, expires));
                self.forget_dead(now);
            }
        }
    }

    /// Drops markers that have expired: their owners have died.
    fn forget_dead(&mut self, now: Instant) {
        if self.markers < self.sweep_at {
            return;
        }
        self.slots.retain(|_, stored| !stored.is_marker() || stored.is_alive(now));
        self.markers = self.slots.iter().filter(|(_, stored)| stored.is_marker()).count();
        self.sweep_at = SWEEP_FROM.max(self.markers * 2);
    }
}

fn found(slot: EntrySlot) -> Found {
    match slot {
        Slot::Empty => Found::Nothing,
        Slot::Entry(entry) => Found::Memory(entry),
        marker => coherence::encode_marker(&marker).map_or(Found::Nothing, |b| Found::Bytes(b.into())),
    }
}

// A panic under the lock leaves whole slots behind, so the data is sound.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        Ok(self.peek(key))
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        Ok(keys.iter().map(|key| self.peek(key)).collect())
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        let in_memory = |entry| match self.scale {
            Scale::Entries => Arc::new(MemoryEntry::new(entry)),
            Scale::Bytes => Arc::new(MemoryEntry::weighed(entry)),
        };
        commands.into_iter().map(|command| Ok(self.step(command.key, command.step.map(in_memory)))).collect()
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        let mut touched = 0;
        for key in self.keys().into_iter().filter(|key| key.starts_with(&sweep.prefix)) {
            let concerned = match (&sweep.entity, self.peek(&key)) {
                (_, Found::Nothing) => false,
                (Some(entity), Found::Memory(entry)) => crate::entry::concerns(entry.bytes(), *entity),
                _ => true,
            };
            if concerned {
                self.step(key, Step::Invalidate);
                touched += 1;
            }
        }
        Ok(touched)
    }

    /// Unlike a read, this is no use by which an entry stays longer.
    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        let shard = read(self.shard(key));
        let now = Instant::now();
        let stored = shard.slots.peek(key).filter(|stored| stored.is_alive(now));
        let ttl = stored.map(|stored| stored.expires.map_or(Duration::MAX, |expires| expires - now));
        let found = stored.map_or(Found::Nothing, |stored| found(stored.slot.clone()));
        Ok(Inspected::new(key.to_owned(), found, ttl, self.ms(now)))
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("entries", &self.entry_count()).finish_non_exhaustive()
    }
}
