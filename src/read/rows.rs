//! Rows by primary key: one `GET` or `MGET`; on a miss a flight.

use super::by_key::load_by_key;
use super::decode::{Answer, decode};
use super::leader::Want;
use super::load::Mode;
use super::slot::{RowSlot, RowSlots, SharedRow};
use super::{Reader, Source, select};
use crate::autocache::Region;
use crate::entity::Row;
use crate::key;
use crate::keyspace::AnsweredBy;
use crate::store::{Found, StoreError};
use crate::telemetry::{Event, TARGET, Timed, Watch};
use crate::trace;
use bytes::Bytes;
use foldhash::quality::RandomState;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use sea_orm::sea_query::ValueTuple;
use std::collections::{HashMap, HashSet};

/// Keys of one read of the store.
const READ_KEYS_MAX: usize = 10_000;

/// The fast path: puts the row into the slot, if this process has already decoded it and verified its key.
/// `false` means only that the store must be asked.
#[inline]
pub(crate) fn find_by_id(region: &Region, pk: &ValueTuple, slot: &mut dyn RowSlot) -> bool {
    let keyspace = &region.keyspace;
    let (Some(ids), Some(id)) = (&keyspace.ids, key::integer(pk)) else { return false };
    if keyspace.is_off() || !keyspace.backend.is_sound() {
        return false;
    }
    let Some(reading) = keyspace.reading(AnsweredBy::Store) else { return false };
    let found = ids.read(id, reading.stamp, &mut |row| slot.copy(row));
    if found {
        keyspace.stats.count_by_id();
    }
    found
}

impl Reader<'_> {
    /// Puts the row with this primary key into the slot. Whether there is one.
    ///
    /// All paths but the hit's are functions that box their futures: the caller's future is as large as the largest
    /// one within, and a program that calls this compiles each future that is awaited here.
    pub(crate) async fn find(&self, pk: &ValueTuple, slot: &mut dyn RowSlot) -> Result<bool, DbErr> {
        let keyspace = self.keyspace();
        let Some(key) = keyspace.key(pk) else { return Ok(false) };
        if self.ignores_cache() {
            return self.bypass(pk, slot).await;
        }
        let watch = keyspace.backend.watch();
        let answer = match keyspace.backend.get(key).await {
            Ok(found) => decode(keyspace, pk, found, slot),
            Err(error) => return self.load_failed(pk, error, watch, slot).await,
        };
        let (event, found) = match answer {
            Answer::Row => (Event::hits, true),
            Answer::Absent => (Event::tombstone_hits, false),
            Answer::Nothing | Answer::Busy => return self.load_missed(pk, None, watch, slot).await,
            Answer::Unusable(bytes) => return self.load_missed(pk, Some(bytes), watch, slot).await,
        };
        trace::note_outcome(if found { "hit" } else { "tombstone" });
        keyspace.stats.count(event);
        keyspace.stats.time(Timed::Hit, watch);
        Ok(found)
    }

    /// Puts the rows with these primary keys into the slots, of which there are as many.
    pub(crate) async fn find_many(
        &self,
        pks: Vec<ValueTuple>,
        slots: &mut dyn RowSlots,
    ) -> Result<(), DbErr> {
        let keys: Vec<Option<String>> = pks.iter().map(|pk| self.keyspace().key(pk)).collect();
        if are_distinct(&keys) {
            let places: Vec<usize> = (0..pks.len()).collect();
            return self.find_distinct(&pks, keys.into_iter().flatten().collect(), &places, slots).await;
        }
        self.find_repeated(pks, keys, slots).await
    }

    /// The rows with these primary keys, without their type.
    pub(crate) async fn rows(&self, pks: Vec<ValueTuple>) -> Result<Vec<Option<Row>>, DbErr> {
        let ops = self.keyspace().schema.ops;
        let mut rows: Vec<SharedRow> = pks.iter().map(|_| SharedRow::of(ops)).collect();
        self.find_many(pks, &mut rows).await?;
        Ok(rows.into_iter().map(|shared| shared.row).collect())
    }

    /// The rows of keys of which some are the same, or no keys at all.
    fn find_repeated<'a>(
        &'a self,
        pks: Vec<ValueTuple>,
        keys: Vec<Option<String>>,
        slots: &'a mut dyn RowSlots,
    ) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async move {
            let mut firsts: HashMap<&str, usize> = HashMap::with_capacity(pks.len());
            let (mut places, mut repeated) = (Vec::with_capacity(pks.len()), Vec::new());
            for (place, key) in keys.iter().enumerate() {
                let Some(key) = key else { continue };
                match firsts.get(key.as_str()) {
                    Some(first) => repeated.push((*first, place)),
                    None => {
                        firsts.insert(key, place);
                        places.push(place);
                    }
                }
            }
            let first_pks: Vec<ValueTuple> = places.iter().map(|&place| pks[place].clone()).collect();
            let first_keys = places.iter().filter_map(|&place| keys[place].clone()).collect();
            self.find_distinct(&first_pks, first_keys, &places, slots).await?;
            for (first, place) in repeated {
                if pks[first] == pks[place] {
                    slots.duplicate(first, place);
                } else {
                    // Two primary keys have one key text: the cache can hold one of them at a time.
                    self.bypass(&pks[place], slots.slot(place)).await?;
                }
            }
            Ok(())
        })
    }

    /// Reads keys that are all different. Each primary key comes with its key and the place of its slot.
    async fn find_distinct(
        &self,
        pks: &[ValueTuple],
        keys: Vec<String>,
        places: &[usize],
        slots: &mut dyn RowSlots,
    ) -> Result<(), DbErr> {
        if self.ignores_cache() {
            let all = (0..pks.len()).collect();
            return self.bypass_many(pks, places, all, slots).await;
        }
        let keyspace = self.keyspace();
        let mut missed: Vec<(usize, Option<Bytes>)> = Vec::new();
        let (mut tombstones, mut mode) = (0, Mode::Lease);
        let watch = keyspace.backend.watch();
        let mut keys = keys.into_iter();
        for (chunk, pks) in pks.chunks(READ_KEYS_MAX).enumerate() {
            let found = match keyspace.backend.get_many(keys.by_ref().take(pks.len()).collect()).await {
                Ok(found) => found,
                Err(error) => {
                    self.note_failure(&error);
                    mode = Mode::NoLease;
                    Vec::new()
                }
            };
            let found = found.into_iter().chain(std::iter::repeat(Found::Nothing));
            for (place, (pk, found)) in (chunk * READ_KEYS_MAX..).zip(pks.iter().zip(found)) {
                match decode(keyspace, pk, found, slots.slot(places[place])) {
                    Answer::Row => {}
                    Answer::Absent => tombstones += 1,
                    Answer::Nothing | Answer::Busy => missed.push((place, None)),
                    Answer::Unusable(bytes) => missed.push((place, Some(bytes))),
                }
            }
        }
        let misses = missed.len() as u64;
        keyspace.stats.count_many(Event::hits, pks.len() as u64 - tombstones - misses);
        keyspace.stats.count_many(Event::tombstone_hits, tombstones);
        if missed.is_empty() {
            keyspace.stats.time(Timed::Hit, watch);
            return Ok(());
        }
        let watch = watch.or_started();
        let loaded = self.load_many_missed(pks, places, missed, mode, slots).await;
        keyspace.stats.time(Timed::Miss, watch);
        loaded
    }

    fn load_many_missed<'a>(
        &'a self,
        pks: &'a [ValueTuple],
        places: &'a [usize],
        missed: Vec<(usize, Option<Bytes>)>,
        mode: Mode,
        slots: &'a mut dyn RowSlots,
    ) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async move {
            if self.source == Source::Transaction {
                let missed = missed.into_iter().map(|(place, _)| place).collect();
                return self.bypass_many(pks, places, missed, slots).await;
            }
            let mut wants = Vec::with_capacity(missed.len());
            let mut of_wants = Vec::with_capacity(missed.len());
            for (place, unusable) in missed {
                wants.push(self.want(&pks[place], unusable));
                of_wants.push(places[place]);
            }
            for (place, rows) in of_wants.into_iter().zip(load_by_key(*self).run(wants, mode).await?) {
                if let Some(row) = rows.first() {
                    slots.slot(place).put(row);
                }
            }
            Ok(())
        })
    }

    /// Reads the row from the database and replaces the entry. Whether there is one.
    pub(crate) async fn refresh(&self, pk: &ValueTuple, slot: &mut dyn RowSlot) -> Result<bool, DbErr> {
        let keyspace = self.keyspace();
        let Some(key) = keyspace.key(pk) else { return Ok(false) };
        if self.ignores_cache() || self.source == Source::Transaction {
            return self.read_database(pk, slot).await;
        }
        let unusable = match keyspace.backend.get(key).await {
            Ok(Found::Bytes(bytes) | Found::Stamped { bytes, .. }) => Some(bytes),
            Ok(Found::Memory(entry)) => Some(entry.bytes().clone()),
            _ => None,
        };
        let rows = load_by_key(*self).refresh(self.want(pk, unusable)).await?;
        Ok(put_first(&rows, slot))
    }

    /// Whether a read would now be answered without the database.
    pub(crate) async fn contains(&self, pk: &ValueTuple) -> bool {
        let keyspace = self.keyspace();
        let Some(key) = keyspace.key(pk) else { return false };
        if self.ignores_cache() {
            return false;
        }
        match keyspace.backend.get(key).await {
            Ok(found) => {
                let mut slot = SharedRow::of(keyspace.schema.ops);
                matches!(decode(keyspace, pk, found, &mut slot), Answer::Row | Answer::Absent)
            }
            Err(error) => {
                self.note_failure(&error);
                false
            }
        }
    }

    /// What is wanted after a read of the store. The key went with that read and is made again: a hit
    /// keeps no copy for this.
    fn want(&self, pk: &ValueTuple, unusable: Option<Bytes>) -> Want {
        let key = self.keyspace().key(pk).unwrap_or_default();
        Want { key, values: pk.clone().into_iter().collect(), unusable }
    }

    fn load_missed<'a>(
        &'a self,
        pk: &'a ValueTuple,
        unusable: Option<Bytes>,
        watch: Watch,
        slot: &'a mut dyn RowSlot,
    ) -> BoxFuture<'a, Result<bool, DbErr>> {
        Box::pin(async move {
            tracing::debug!(target: TARGET, entity = %self.keyspace().model(), "miss");
            self.load_one(pk, unusable, Mode::Lease, watch, slot).await
        })
    }

    fn load_failed<'a>(
        &'a self,
        pk: &'a ValueTuple,
        error: StoreError,
        watch: Watch,
        slot: &'a mut dyn RowSlot,
    ) -> BoxFuture<'a, Result<bool, DbErr>> {
        Box::pin(async move {
            self.note_failure(&error);
            self.load_one(pk, None, Mode::NoLease, watch, slot).await
        })
    }

    async fn load_one(
        &self,
        pk: &ValueTuple,
        unusable: Option<Bytes>,
        mode: Mode,
        watch: Watch,
        slot: &mut dyn RowSlot,
    ) -> Result<bool, DbErr> {
        if self.source == Source::Transaction {
            return self.bypass(pk, slot).await;
        }
        let watch = watch.or_started();
        let loaded = load_by_key(*self).run(vec![self.want(pk, unusable)], mode).await;
        self.keyspace().stats.time(Timed::Miss, watch);
        Ok(put_first(&loaded?, slot))
    }

    pub(super) fn note_failure(&self, error: &StoreError) {
        self.keyspace().stats.count(Event::errors);
        tracing::debug!(target: TARGET, entity = %self.keyspace().model(), %error, "the database answers instead");
    }

    fn bypass<'a>(
        &'a self,
        pk: &'a ValueTuple,
        slot: &'a mut dyn RowSlot,
    ) -> BoxFuture<'a, Result<bool, DbErr>> {
        Box::pin(async move {
            self.keyspace().stats.count(Event::bypasses);
            trace::note_outcome("bypass");
            self.read_database(pk, slot).await
        })
    }

    async fn read_database(&self, pk: &ValueTuple, slot: &mut dyn RowSlot) -> Result<bool, DbErr> {
        let row = select::one(self.connection, &self.keyspace().schema, pk).await?;
        row.iter().for_each(|row| slot.put(row));
        Ok(row.is_some())
    }

    /// Reads those of the primary keys that have these numbers.
    fn bypass_many<'a>(
        &'a self,
        pks: &'a [ValueTuple],
        places: &'a [usize],
        wanted: Vec<usize>,
        slots: &'a mut dyn RowSlots,
    ) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async move {
            self.keyspace().stats.count_many(Event::bypasses, wanted.len() as u64);
            let wanted_pks: Vec<ValueTuple> = wanted.iter().map(|&place| pks[place].clone()).collect();
            let rows = select::many(self.connection, &self.keyspace().schema, &wanted_pks).await?;
            for (place, row) in wanted.into_iter().zip(rows) {
                if let Some(row) = row {
                    slots.slot(places[place]).put(&row);
                }
            }
            Ok(())
        })
    }
}

/// Puts the only row of the only answer into the slot. Whether there is one.
fn put_first(answers: &[super::Rows], slot: &mut dyn RowSlot) -> bool {
    match answers.first().and_then(|rows| rows.first()) {
        Some(row) => {
            slot.put(row);
            true
        }
        None => false,
    }
}

/// Whether these are keys, no two of them the same.
fn are_distinct(keys: &[Option<String>]) -> bool {
    let mut seen = HashSet::with_capacity_and_hasher(keys.len(), RandomState::default());
    keys.iter().all(|key| key.as_deref().is_some_and(|key| seen.insert(key)))
}
