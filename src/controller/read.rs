//! The way of a read: one `GET`; on a miss a flight.

use super::load::{Load, Mode, Want, shared};
use super::look::{Look, look};
use super::{Home, not_found, select};
use crate::autocache::{Region, Trust};
use crate::entity::CachedEntity;
use crate::store::StoreError;
use crate::telemetry::{Event, TARGET};
use sea_orm::sea_query::ValueTuple;
use sea_orm::{ConnectionTrait, DbErr};
use std::collections::HashMap;
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

    pub(super) async fn get(&self, pk: ValueTuple) -> Result<E::Model, DbErr> {
        match self.find_row(&pk).await? {
            Some(row) => Ok(row),
            None => Err(not_found(self.region(), &pk)),
        }
    }

    pub(super) async fn find(&self, pk: ValueTuple) -> Result<Option<E::Model>, DbErr> {
        self.find_row(&pk).await
    }

    async fn find_row(&self, pk: &ValueTuple) -> Result<Option<E::Model>, DbErr> {
        let region = self.region();
        let Some(key) = region.key(pk) else { return Ok(None) };
        if self.ignores_cache() {
            return self.bypass(pk).await;
        }
        let found = match region.backend.get(&key).await {
            Ok(found) => look::<E>(region, pk, found),
            Err(error) => return self.load_failed(Want::new(key, pk.clone()), &error).await,
        };
        let unusable = match found {
            Look::Row(row) => {
                region.stats.count(Event::hits);
                return Ok(Some(row));
            }
            Look::Absent => {
                region.stats.count(Event::tombstone_hits);
                return Ok(None);
            }
            Look::Nothing | Look::Busy => None,
            Look::Unusable(bytes) => Some(bytes),
        };
        region.stats.count(Event::misses);
        tracing::debug!(target: TARGET, entity = %region.model, "miss");
        if self.source == Source::Transaction {
            return self.bypass(pk).await;
        }
        let want = Want { unusable, ..Want::new(key, pk.clone()) };
        self.load(vec![want], Mode::Lease).await.map(|mut rows| rows.pop().flatten())
    }

    pub(crate) async fn get_many(&self, pks: Vec<ValueTuple>) -> Result<Vec<Option<E::Model>>, DbErr> {
        let region = self.region();
        let keys: Vec<Option<String>> = pks.iter().map(|pk| region.key(pk)).collect();
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
        let wants = firsts
            .iter()
            .map(|&place| Want::new(keys[place].clone().unwrap_or_default(), pks[place].clone()));
        let found = self.get_distinct(wants.collect()).await?;
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

    /// The rows of keys that are all different, in their order.
    async fn get_distinct(&self, wants: Vec<Want>) -> Result<Vec<Option<E::Model>>, DbErr> {
        let region = self.region();
        if self.ignores_cache() {
            return self.bypass_many(&wants).await;
        }
        let mut rows: Vec<Option<E::Model>> = Vec::with_capacity(wants.len());
        let mut missed = Vec::new();
        let mut places = Vec::new();
        let mut mode = Mode::Lease;
        let (mut hits, mut tombstones) = (0, 0);
        for wants in wants.chunks(READ_KEYS_MAX) {
            let keys: Vec<String> = wants.iter().map(|want| want.key.clone()).collect();
            let found = match region.backend.get_many(&keys).await {
                Ok(found) => found,
                Err(error) => {
                    self.note_failure(&error);
                    mode = Mode::NoLease;
                    Vec::new()
                }
            };
            let mut found = found.into_iter();
            for want in wants {
                let seen = found.next().map_or(Look::Nothing, |found| look::<E>(region, &want.pk, found));
                match seen {
                    Look::Row(row) => {
                        hits += 1;
                        rows.push(Some(row));
                        continue;
                    }
                    Look::Absent => tombstones += 1,
                    Look::Nothing | Look::Busy => {
                        places.push(rows.len());
                        missed.push(want.clone());
                    }
                    Look::Unusable(bytes) => {
                        places.push(rows.len());
                        missed.push(Want { unusable: Some(bytes), ..want.clone() });
                    }
                }
                rows.push(None);
            }
        }
        region.stats.count_many(Event::hits, hits);
        region.stats.count_many(Event::tombstone_hits, tombstones);
        region.stats.count_many(Event::misses, missed.len() as u64);
        if missed.is_empty() {
            return Ok(rows);
        }
        let loaded = if self.source == Source::Transaction {
            self.bypass_many(&missed).await?
        } else {
            self.load(missed, mode).await?
        };
        for (place, row) in places.into_iter().zip(loaded) {
            rows[place] = row;
        }
        Ok(rows)
    }

    pub(super) async fn refresh(&self, pk: ValueTuple) -> Result<E::Model, DbErr> {
        let region = self.region();
        let Some(key) = region.key(&pk) else { return Err(not_found(region, &pk)) };
        let standing = if self.ignores_cache() { None } else { region.backend.get(&key).await.ok() };
        let unusable = match standing {
            Some(crate::store::Found::Bytes(bytes)) => Some(bytes),
            Some(crate::store::Found::Resident(resident)) => Some(resident.bytes().clone()),
            _ => None,
        };
        let want = Want { unusable, ..Want::new(key, pk.clone()) };
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
        match region.backend.get(&key).await {
            Ok(found) => Ok(look::<E>(region, pk, found).answer().is_some()),
            Err(error) => {
                self.note_failure(&error);
                Ok(false)
            }
        }
    }

    /// Whether the store is not even asked.
    pub(crate) fn ignores_cache(&self) -> bool {
        let region = self.region();
        self.source == Source::DatabaseOnly || region.is_off() || region.trust() == Trust::Broken
    }

    async fn load(&self, wants: Vec<Want>, mode: Mode) -> Result<Vec<Option<E::Model>>, DbErr> {
        match self.source {
            Source::Primary => shared::<E>(self.home, wants, mode).await,
            _ => Load::<E, C>::new(self.home, self.connection).alone(wants, mode).await,
        }
    }

    async fn load_failed(&self, want: Want, error: &StoreError) -> Result<Option<E::Model>, DbErr> {
        self.note_failure(error);
        if self.source == Source::Transaction {
            return self.bypass(&want.pk).await;
        }
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

    async fn bypass_many(&self, wants: &[Want]) -> Result<Vec<Option<E::Model>>, DbErr> {
        if wants.is_empty() {
            return Ok(Vec::new());
        }
        self.region().stats.count_many(Event::bypasses, wants.len() as u64);
        let pks: Vec<ValueTuple> = wants.iter().map(|want| want.pk.clone()).collect();
        select::many::<E, C>(self.connection, &pks).await
    }
}
