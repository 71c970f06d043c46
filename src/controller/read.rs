//! The way of a read: one `GET`; on a miss a flight.

use super::load::{Load, Mode, Want, shared};
use super::look::{Look, look};
use super::{Home, not_found, select};
use crate::autocache::Region;
use crate::entity::CachedEntity;
use crate::store::{Found, StoreError};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use foldhash::quality::RandomState;
use sea_orm::sea_query::ValueTuple;
use sea_orm::{ConnectionTrait, DbErr};
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

/// Keys of one read of the store.
const READ_KEYS_MAX: usize = 10_000;

/// Where misses are read, and what may be done with what is found there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The Autocache's own connection: reads are shared between tasks, and fill the cache.
    Primary,
    /// A given connection to the primary: reads fill the cache.
    Given,
    /// A transaction that has written nothing: the cache may answer, reads do not fill it.
    Transaction,
    /// A transaction that may know better than the cache, or nobody knows what.
    DatabaseOnly,
}

pub(crate) struct Reader<'a, E, C> {
    home: &'a Home,
    connection: &'a C,
    source: Source,
    entity: PhantomData<fn() -> E>,
}

impl<'a, E: CachedEntity, C: ConnectionTrait> Reader<'a, E, C> {
    pub(crate) fn new(home: &'a Home, connection: &'a C, source: Source) -> Self {
        Self { home, connection, source, entity: PhantomData }
    }

    fn region(&self) -> &'a Region {
        &self.home.region
    }

    pub(super) async fn get(&self, pk: &ValueTuple) -> Result<E::Model, DbErr> {
        match self.find(pk).await? {
            Some(row) => Ok(row),
            None => Err(not_found(self.region(), pk)),
        }
    }

    /// All other ways than the hit's are boxed: whoever awaits a read carries the larger of its futures.
    pub(super) async fn find(&self, pk: &ValueTuple) -> Result<Option<E::Model>, DbErr> {
        let region = self.region();
        let Some(key) = region.key(pk) else { return Ok(None) };
        if self.ignores_cache() {
            return Box::pin(self.bypass(pk)).await;
        }
        let look = match region.backend.get(key).await {
            Ok(found) => look::<E>(region, pk, found),
            Err(error) => return Box::pin(self.load_failed(pk, error)).await,
        };
        match look {
            Look::Row(row) => {
                region.stats.count(Event::hits);
                Ok(Some(row))
            }
            Look::Absent => {
                region.stats.count(Event::tombstone_hits);
                Ok(None)
            }
            Look::Nothing | Look::Busy => Box::pin(self.load_missed(pk, None)).await,
            Look::Unusable(bytes) => Box::pin(self.load_missed(pk, Some(bytes))).await,
        }
    }

    pub(crate) async fn get_many(&self, pks: Vec<ValueTuple>) -> Result<Vec<Option<E::Model>>, DbErr> {
        let keys: Vec<Option<String>> = pks.iter().map(|pk| self.region().key(pk)).collect();
        if are_distinct(&keys) {
            return self.get_distinct(&pks, keys.into_iter().flatten().collect()).await;
        }
        Box::pin(self.get_repeated(pks, keys)).await
    }

    /// The rows of keys of which some are the same, or no keys at all.
    async fn get_repeated(
        &self,
        pks: Vec<ValueTuple>,
        keys: Vec<Option<String>>,
    ) -> Result<Vec<Option<E::Model>>, DbErr> {
        // The first place of each key; the others copy from it.
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(pks.len());
        let mut firsts = Vec::with_capacity(pks.len());
        for (place, key) in keys.iter().enumerate() {
            if let Some(key) = key {
                places.entry(key).or_insert_with(|| {
                    firsts.push(place);
                    place
                });
            }
        }
        let first_pks: Vec<ValueTuple> = firsts.iter().map(|&place| pks[place].clone()).collect();
        let first_keys = firsts.iter().filter_map(|&place| keys[place].clone()).collect();
        let found = self.get_distinct(&first_pks, first_keys).await?;
        let by_place: HashMap<usize, &Option<E::Model>> = firsts.iter().copied().zip(&found).collect();
        let mut rows = Vec::with_capacity(pks.len());
        for (place, key) in keys.iter().enumerate() {
            let first = key.as_deref().and_then(|key| places.get(key).copied());
            rows.push(match first {
                None => None,
                Some(first) if pks[first] == pks[place] => {
                    by_place.get(&first).and_then(|row| (*row).clone())
                }
                // Two primary keys under one key text: the cache can hold one of them at a time.
                Some(_) => self.bypass(&pks[place]).await?,
            });
        }
        Ok(rows)
    }

    /// The rows of keys that are all different, in their order. Each primary key comes with its key.
    async fn get_distinct(
        &self,
        pks: &[ValueTuple],
        keys: Vec<String>,
    ) -> Result<Vec<Option<E::Model>>, DbErr> {
        if self.ignores_cache() {
            return Box::pin(self.bypass_many(pks)).await;
        }
        let region = self.region();
        let mut seen = Seen { rows: Vec::with_capacity(pks.len()), missed: Vec::new(), tombstones: 0 };
        let mut mode = Mode::Lease;
        let mut keys = keys.into_iter();
        for pks in pks.chunks(READ_KEYS_MAX) {
            let found = match region.backend.get_many(keys.by_ref().take(pks.len()).collect()).await {
                Ok(found) => found,
                Err(error) => {
                    self.note_failure(&error);
                    mode = Mode::NoLease;
                    Vec::new()
                }
            };
            let found = found.into_iter().chain(std::iter::repeat(Found::Nothing));
            for (pk, found) in pks.iter().zip(found) {
                seen.note(look::<E>(region, pk, found));
            }
        }
        self.count_seen(&seen);
        if seen.missed.is_empty() {
            return Ok(seen.rows);
        }
        Box::pin(self.load_many_missed(pks, seen, mode)).await
    }

    fn count_seen(&self, seen: &Seen<E::Model>) {
        let (stats, missed) = (&self.region().stats, seen.missed.len() as u64);
        stats.count_many(Event::hits, seen.rows.len() as u64 - seen.tombstones - missed);
        stats.count_many(Event::tombstone_hits, seen.tombstones);
        stats.count_many(Event::misses, missed);
    }

    async fn load_many_missed(
        &self,
        pks: &[ValueTuple],
        seen: Seen<E::Model>,
        mode: Mode,
    ) -> Result<Vec<Option<E::Model>>, DbErr> {
        let Seen { mut rows, missed, .. } = seen;
        let (places, unusable): (Vec<usize>, Vec<Option<Bytes>>) = missed.into_iter().unzip();
        let loaded = if self.source == Source::Transaction {
            let pks: Vec<ValueTuple> = places.iter().map(|&place| pks[place].clone()).collect();
            self.bypass_many(&pks).await?
        } else {
            let wants = places.iter().zip(unusable);
            self.load(wants.map(|(&place, unusable)| self.want(&pks[place], unusable)).collect(), mode)
                .await?
        };
        for (place, row) in places.into_iter().zip(loaded) {
            rows[place] = row;
        }
        Ok(rows)
    }

    pub(super) async fn refresh(&self, pk: ValueTuple) -> Result<E::Model, DbErr> {
        let region = self.region();
        let Some(key) = region.key(&pk) else { return Err(not_found(region, &pk)) };
        let standing = if self.ignores_cache() { None } else { region.backend.get(key).await.ok() };
        let unusable = match standing {
            Some(Found::Bytes(bytes)) => Some(bytes),
            Some(Found::Resident(resident)) => Some(resident.bytes().clone()),
            _ => None,
        };
        let want = self.want(&pk, unusable);
        let row = if self.ignores_cache() {
            self.bypass(&pk).await?
        } else {
            let load = Load::<E, C>::new(self.home, self.connection);
            load.alone(vec![want], Mode::Refresh).await?.pop().flatten()
        };
        row.ok_or_else(|| not_found(region, &pk))
    }

    pub(super) async fn contains(&self, pk: &ValueTuple) -> Result<bool, DbErr> {
        let region = self.region();
        let Some(key) = region.key(pk) else { return Ok(false) };
        if self.ignores_cache() {
            return Ok(false);
        }
        match region.backend.get(key).await {
            Ok(found) => Ok(look::<E>(region, pk, found).answer().is_some()),
            Err(error) => {
                self.note_failure(&error);
                Ok(false)
            }
        }
    }

    /// Whether the store is not even asked.
    pub(crate) fn ignores_cache(&self) -> bool {
        self.source == Source::DatabaseOnly || self.region().ignores_cache()
    }

    async fn load(&self, wants: Vec<Want>, mode: Mode) -> Result<Vec<Option<E::Model>>, DbErr> {
        match self.source {
            Source::Primary => shared::<E>(self.home, wants, mode).await,
            _ => Load::<E, C>::new(self.home, self.connection).alone(wants, mode).await,
        }
    }

    /// What is wanted after a read of the store. The key went with that read and is made again: a hit
    /// keeps no copy for this.
    fn want(&self, pk: &ValueTuple, unusable: Option<Bytes>) -> Want {
        Want { key: self.region().key(pk).unwrap_or_default(), pk: pk.clone(), unusable }
    }

    async fn load_missed(&self, pk: &ValueTuple, unusable: Option<Bytes>) -> Result<Option<E::Model>, DbErr> {
        let region = self.region();
        region.stats.count(Event::misses);
        tracing::debug!(target: TARGET, entity = %region.model, "miss");
        if self.source == Source::Transaction {
            return self.bypass(pk).await;
        }
        let want = self.want(pk, unusable);
        self.load(vec![want], Mode::Lease).await.map(|mut rows| rows.pop().flatten())
    }

    async fn load_failed(&self, pk: &ValueTuple, error: StoreError) -> Result<Option<E::Model>, DbErr> {
        self.note_failure(&error);
        if self.source == Source::Transaction {
            return self.bypass(pk).await;
        }
        let want = self.want(pk, None);
        self.load(vec![want], Mode::NoLease).await.map(|mut rows| rows.pop().flatten())
    }

    fn note_failure(&self, error: &StoreError) {
        self.region().stats.count(Event::errors);
        tracing::debug!(target: TARGET, entity = %self.region().model, %error, "the database answers instead");
    }

    async fn bypass(&self, pk: &ValueTuple) -> Result<Option<E::Model>, DbErr> {
        self.region().stats.count(Event::bypasses);
        select::one::<E, C>(self.connection, pk).await
    }

    async fn bypass_many(&self, pks: &[ValueTuple]) -> Result<Vec<Option<E::Model>>, DbErr> {
        if pks.is_empty() {
            return Ok(Vec::new());
        }
        self.region().stats.count_many(Event::bypasses, pks.len() as u64);
        select::many::<E, C>(self.connection, pks).await
    }
}

/// What a read of many keys has seen so far.
struct Seen<M> {
    /// One for each key; `None` where the row is absent or not known yet.
    rows: Vec<Option<M>>,
    /// The places of the rows that are not known yet, with the entries that cannot be used.
    missed: Vec<(usize, Option<Bytes>)>,
    tombstones: u64,
}

impl<M> Seen<M> {
    fn note(&mut self, look: Look<M>) {
        let row = match look {
            Look::Row(row) => Some(row),
            Look::Absent => {
                self.tombstones += 1;
                None
            }
            Look::Nothing | Look::Busy => {
                self.missed.push((self.rows.len(), None));
                None
            }
            Look::Unusable(bytes) => {
                self.missed.push((self.rows.len(), Some(bytes)));
                None
            }
        };
        self.rows.push(row);
    }
}

/// Whether these are keys, no two of them the same.
fn are_distinct(keys: &[Option<String>]) -> bool {
    let mut seen = HashSet::with_capacity_and_hasher(keys.len(), RandomState::default());
    keys.iter().all(|key| key.as_deref().is_some_and(|key| seen.insert(key)))
}
