//! Lists by value: the members of each value, then their rows.

use super::by_value::load_by_value;
use super::leader::Want;
use super::list_reader::{ListReader, Members};
use super::load::Mode;
use super::order::ListOrder;
use super::{Reader, Rows, Source};
use crate::entity::Row;
use crate::telemetry::{Event, TARGET, Timed};
use crate::trace::{self, Subject};
use sea_orm::DbErr;
use sea_orm::sea_query::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads lists of one index through the cache.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    lists: ListReader<'a>,
    place: usize,
}

impl<'a> Lists<'a> {
    /// The lists of the index at this place of its keyspace.
    pub(crate) fn new(reader: Reader<'a>, place: usize) -> Self {
        Self { lists: ListReader::new(reader, place), place }
    }

    /// The rows that have these values, one ordered list for each, as often as it is given. Values are in
    /// the order of the index's columns.
    pub(crate) async fn get(&self, values: Vec<Vec<Value>>) -> Result<Vec<Vec<Row>>, DbErr> {
        let keyspace = self.lists.keyspace();
        let (system, table) = (keyspace.backend.system(), keyspace.table());
        let subject = Subject { system, operation: "MGET", table, batch: values.len() };
        trace::spanned(trace::Kind::List, subject, self.get_all(values)).await
    }

    async fn get_all(&self, values: Vec<Vec<Value>>) -> Result<Vec<Vec<Row>>, DbErr> {
        let keys: Vec<String> =
            values.iter().map(|values| self.lists.keyspace().index_key(self.lists.index, values)).collect();
        let mut places: HashMap<String, usize> = HashMap::with_capacity(keys.len());
        let mut wants = Vec::new();
        for (key, values) in keys.iter().zip(values) {
            if !places.contains_key(key) {
                places.insert(key.clone(), wants.len());
                wants.push(Want { key: key.clone(), values, unusable: None });
            }
        }
        let order = ListOrder::of(self.lists.keyspace(), self.lists.index);
        let sorted = |rows: Rows| {
            let mut rows = Arc::unwrap_or_clone(rows);
            order.sort(&mut rows);
            rows
        };
        let lists: Vec<Vec<Row>> = self.get_distinct(wants).await?.into_iter().map(sorted).collect();
        if lists.len() == keys.len() {
            return Ok(lists);
        }
        Ok(keys.iter().filter_map(|key| places.get(key).map(|place| lists[*place].clone())).collect())
    }

    async fn get_distinct(&self, wants: Vec<Want>) -> Result<Vec<Rows>, DbErr> {
        let keyspace = self.lists.keyspace();
        if !self.lists.index.cached || self.lists.reader.ignores_cache() {
            return self.bypass(&wants).await;
        }
        let watch = keyspace.backend.watch();
        let keys: Vec<String> = wants.iter().map(|want| want.key.clone()).collect();
        let found = match keyspace.backend.get_many(keys).await {
            Ok(found) => found,
            Err(error) => {
                keyspace.stats.count(Event::errors);
                tracing::debug!(target: TARGET, entity = %keyspace.model(), %error, "the database answers instead");
                return self.bypass(&wants).await;
            }
        };
        let mut lists: Vec<Option<Rows>> = wants.iter().map(|_| None).collect();
        let (mut known_places, mut known) = (Vec::new(), Vec::new());
        let (mut missed_places, mut missed) = (Vec::new(), Vec::new());
        for (place, (want, found)) in wants.into_iter().zip(found).enumerate() {
            let want = match self.lists.members(&want, &found) {
                Members::Known(members) => {
                    known_places.push(place);
                    known.push((want, members));
                    continue;
                }
                Members::Unusable(bytes) => Want { unusable: Some(bytes), ..want },
                Members::Nothing | Members::Busy => want,
            };
            missed_places.push(place);
            missed.push(want);
        }
        keyspace.stats.count_many(Event::list_hits, known.len() as u64);
        let timed = if missed.is_empty() { Timed::ListHit } else { Timed::ListMiss };
        for (place, rows) in known_places.into_iter().zip(self.lists.rows_of(known).await?) {
            lists[place] = Some(rows);
        }
        for (place, rows) in missed_places.into_iter().zip(self.load(missed).await?) {
            lists[place] = Some(rows);
        }
        keyspace.stats.time(timed, watch);
        Ok(lists.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn load(&self, wants: Vec<Want>) -> Result<Vec<Rows>, DbErr> {
        match self.lists.reader.source {
            _ if wants.is_empty() => Ok(Vec::new()),
            Source::Primary | Source::Given => {
                load_by_value(self.lists.reader, self.place).run(wants, Mode::Lease).await
            }
            Source::Transaction | Source::DatabaseOnly => self.bypass(&wants).await,
        }
    }

    async fn bypass(&self, wants: &[Want]) -> Result<Vec<Rows>, DbErr> {
        self.lists.keyspace().stats.count_many(Event::list_bypasses, wants.len() as u64);
        self.lists.select(wants).await
    }
}
