//! The store inside the process: values in moka, markers beside them.
//!
//! Markers (leases and write intents) are kept out of the values' capacity: a marker that is evicted
//! costs coherence, a value that is evicted costs one read. A hit touches moka alone. Every step
//! runs [`coherence::apply`](crate::coherence::apply) under the lock of its key's shard.

use super::{Command, Found, Reply, Resident, Store, StoreError, Sweep};
use crate::coherence::{self, Answer, Change, Lifetime, Slot, Step};
use crate::entry;
use async_trait::async_trait;
use bytes::Bytes;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState as Hasher;
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as RealInstant};
use tokio::time::Instant;

const SHARDS: usize = 64;
/// A shard is swept of dead markers when it holds this many and again at each doubling.
const SWEEP_FROM: usize = 256;
/// What an entry costs beside its key and bytes, roughly; part of its weight.
const ENTRY_OVERHEAD_BYTES: usize = 160;

/// A store in this process' memory, bounded by a number of entries or of bytes.
///
/// For tests, for one-process services, and for entities that may differ between processes never:
/// other processes do not see its invalidations.
///
/// ```
/// use sea_orm_autocache::MemoryStore;
///
/// let by_count = MemoryStore::new(10_000);
/// let by_size = MemoryStore::with_max_bytes(64 * 1024 * 1024);
/// # let _ = (by_count, by_size);
/// ```
pub struct MemoryStore {
    values: Cache<String, Value, Hasher>,
    shards: Box<[Mutex<Shard>]>,
    hasher: Hasher,
    started: Instant,
}

type ResidentSlot = Slot<Arc<Resident>>;

#[derive(Clone)]
struct Value {
    entry: Arc<Resident>,
    /// `None`: never.
    expires: Option<Instant>,
    life: Option<Duration>,
}

struct Shard {
    markers: HashMap<String, Marker>,
    sweep_at: usize,
}

struct Marker {
    slot: ResidentSlot,
    expires_ms: u64,
}

/// moka frees the memory of expired values; whether one has expired is decided by the store's clock.
struct ByLife;

impl Expiry<String, Value> for ByLife {
    fn expire_after_create(&self, _: &String, value: &Value, _: RealInstant) -> Option<Duration> {
        value.life
    }
    fn expire_after_update(
        &self,
        _: &String,
        value: &Value,
        _: RealInstant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        value.life
    }
}

impl MemoryStore {
    /// A store of at most this many entries; the ones used least go first.
    #[must_use]
    pub fn new(max_entries: u64) -> Self {
        Self::with_cache(Cache::builder().max_capacity(max_entries))
    }

    /// A store of at most about this many bytes, counting keys, entries and their overhead.
    #[must_use]
    pub fn with_max_bytes(max_bytes: u64) -> Self {
        let weigh = |key: &String, value: &Value| {
            let bytes = key.len() + value.entry.bytes().len() + ENTRY_OVERHEAD_BYTES;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self::with_cache(Cache::builder().max_capacity(max_bytes).weigher(weigh))
    }

    fn with_cache(builder: moka::sync::CacheBuilder<String, Value, Cache<String, Value>>) -> Self {
        // Keys may be chosen by users, so their hashes must not be foreseen.
        let hasher = Hasher::with_seed(rand::random(), SharedSeed::global_random());
        let shard = || Mutex::new(Shard { markers: HashMap::new(), sweep_at: SWEEP_FROM });
        Self {
            values: builder
                .eviction_policy(EvictionPolicy::tiny_lfu())
                .expire_after(ByLife)
                .build_with_hasher(hasher.clone()),
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher,
            started: Instant::now(),
        }
    }

    /// How many values and tombstones are held, roughly: the count lags a little behind.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.values.run_pending_tasks();
        self.values.entry_count()
    }

    /// The protocol's clock.
    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        // A panic under the lock leaves whole markers behind, so the data is sound.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, key: &str, now: Instant) -> Option<Arc<Resident>> {
        let value = self.values.get(key)?;
        let alive = value.expires.is_none_or(|expires| expires > now);
        alive.then_some(value.entry)
    }

    fn slot(&self, shard: &Shard, key: &str, now: Instant) -> ResidentSlot {
        match shard.markers.get(key) {
            Some(marker) if marker.expires_ms > self.ms(now) => marker.slot.clone(),
            _ => self.value(key, now).map_or(Slot::Empty, Slot::Entry),
        }
    }

    pub(super) fn peek(&self, key: &str) -> Found {
        let now = Instant::now();
        if let Some(entry) = self.value(key, now) {
            return Found::Resident(entry);
        }
        match self.slot(&self.shard(key), key, now) {
            Slot::Empty => Found::Nothing,
            Slot::Entry(entry) => Found::Resident(entry),
            marker => coherence::encode_marker(&marker).map_or(Found::Nothing, |b| Found::Bytes(b.into())),
        }
    }

    fn step(&self, key: String, step: Step<Arc<Resident>>) -> Answer<Bytes> {
        let mut shard = self.shard(&key);
        let now = Instant::now();
        let slot = self.slot(&shard, &key, now);
        let transition = coherence::apply(&slot, step, self.ms(now));
        self.change(&mut shard, key, transition.change, now);
        transition.answer.map(|entry| entry.bytes().clone())
    }

    fn change(&self, shard: &mut Shard, key: String, change: Change<Arc<Resident>>, now: Instant) {
        let now_ms = self.ms(now);
        match change {
            Change::Keep => {}
            Change::Remove | Change::Put(Slot::Empty, _) => {
                shard.markers.remove(&key);
                self.values.invalidate(&key);
            }
            Change::Put(Slot::Entry(entry), lifetime) => {
                let life = match lifetime {
                    Lifetime::For(life) => Some(life),
                    Lifetime::Forever | Lifetime::AsBefore => None,
                };
                // A moment too far away to be told of never comes.
                let expires = life.and_then(|life| now.checked_add(life));
                shard.markers.remove(&key);
                self.values.insert(key, Value { entry, expires, life });
            }
            Change::Put(marker, lifetime) => {
                let expires_ms = match lifetime {
                    Lifetime::For(life) => now_ms.saturating_add(millis(life)),
                    Lifetime::Forever => u64::MAX,
                    Lifetime::AsBefore => shard.markers.get(&key).map_or(now_ms, |before| before.expires_ms),
                };
                self.values.invalidate(&key);
                shard.markers.insert(key, Marker { slot: marker, expires_ms });
                shard.forget_dead(now_ms);
            }
        }
    }

    /// Every key that exists, values and markers alike.
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.values.iter().map(|(key, _)| key.to_string()).collect();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            keys.extend(shard.markers.keys().cloned());
        }
        keys
    }
}

impl Shard {
    fn forget_dead(&mut self, now_ms: u64) {
        if self.markers.len() >= self.sweep_at {
            self.markers.retain(|_, marker| marker.expires_ms > now_ms);
            self.sweep_at = SWEEP_FROM.max(self.markers.len() * 2);
        }
    }
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
        let resident = |entry| Arc::new(Resident::new(entry));
        commands.into_iter().map(|command| Ok(self.step(command.key, command.step.map(resident)))).collect()
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        let mut touched = 0;
        for key in self.keys().into_iter().filter(|key| key.starts_with(&sweep.prefix)) {
            let concerned = match (&sweep.entity, self.peek(&key)) {
                (_, Found::Nothing) => false,
                (Some(entity), Found::Resident(entry)) => entry::concerns(entry.bytes(), *entity),
                _ => true,
            };
            if concerned {
                self.step(key, Step::Invalidate);
                touched += 1;
            }
        }
        Ok(touched)
    }
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("entries", &self.values.entry_count()).finish_non_exhaustive()
    }
}
