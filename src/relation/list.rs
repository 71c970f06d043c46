//! Reading lists: the members of each value, then their rows.

use super::index::{IndexDef, column_of};
use super::members::{Look, look};
use super::order::ListOrder;
use super::seed;
use crate::autocache::Region;
use crate::controller::{Home, Reader, Source};
use crate::entity::CachedEntity;
use crate::key::same_text;
use crate::store::Found;
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::sea_query::{Expr, ExprTrait, Value, ValueTuple};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait, QueryFilter};
use std::collections::HashMap;
use std::sync::Arc;

/// Values of one `SELECT … IN`, well below every database's limit on parameters.
const SELECT_VALUES_MAX: usize = 500;

/// Reads lists of one index through one connection.
pub(super) struct Lists<'a, E: CachedEntity, C> {
    pub(super) home: &'a Home,
    pub(super) connection: &'a C,
    pub(super) source: Source,
    pub(super) index: &'a IndexDef,
    /// The index's columns.
    columns: Vec<E::Column>,
    order: ListOrder<E>,
}

/// A list that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) key: String,
    /// In the order of the index's columns.
    pub(super) values: Vec<Value>,
    /// The entry that was found and cannot be used.
    pub(super) unusable: Option<Bytes>,
}

/// The rows of one list, in no order.
pub(super) type Rows<E> = Arc<Vec<<E as EntityTrait>::Model>>;

impl<'a, E: CachedEntity, C: ConnectionTrait> Lists<'a, E, C> {
    pub(super) fn new(home: &'a Home, connection: &'a C, source: Source, index: &'a IndexDef) -> Self {
        let columns = index.columns.iter().filter_map(|name| column_of::<E>(name)).collect();
        let order = ListOrder::of(index, home.region.database);
        Self { home, connection, source, index, columns, order }
    }

    pub(super) fn region(&self) -> &'a Arc<Region> {
        &self.home.region
    }

    pub(super) fn reader(&self) -> Reader<'a, E, C> {
        Reader::new(self.home, self.connection, self.source)
    }

    /// The rows that have these values, one ordered list for each, as often as it is given. Values are in
    /// the order of the index's columns.
    pub(super) async fn get(&self, values: Vec<Vec<Value>>) -> Result<Vec<Vec<E::Model>>, DbErr> {
        let keys: Vec<String> =
            values.iter().map(|values| self.region().index_key(self.index, values)).collect();
        let mut places: HashMap<String, usize> = HashMap::with_capacity(keys.len());
        let mut wants = Vec::new();
        for (key, values) in keys.iter().zip(values) {
            if !places.contains_key(key) {
                places.insert(key.clone(), wants.len());
                wants.push(Want { key: key.clone(), values, unusable: None });
            }
        }
        let lists = self.get_distinct(wants).await?;
        let lists: Vec<Vec<E::Model>> = lists.into_iter().map(|rows| self.sorted(rows)).collect();
        if lists.len() == keys.len() {
            return Ok(lists);
        }
        Ok(keys.iter().filter_map(|key| places.get(key).map(|place| lists[*place].clone())).collect())
    }

    fn sorted(&self, rows: Rows<E>) -> Vec<E::Model> {
        let mut rows = Arc::unwrap_or_clone(rows);
        self.order.sort(&mut rows);
        rows
    }

    async fn get_distinct(&self, wants: Vec<Want>) -> Result<Vec<Rows<E>>, DbErr> {
        let region = self.region();
        if !self.index.cached || self.reader().ignores_cache() {
            return self.bypass(&wants).await;
        }
        let keys: Vec<String> = wants.iter().map(|want| want.key.clone()).collect();
        let found = match region.backend.get_some(keys).await {
            Ok(found) => found,
            Err(error) => {
                region.stats.count(Event::errors);
                tracing::debug!(target: TARGET, entity = %region.model, %error, "the database answers instead");
                return self.bypass(&wants).await;
            }
        };
        let mut lists: Vec<Option<Rows<E>>> = wants.iter().map(|_| None).collect();
        let mut known = Vec::new();
        let mut missed = Vec::new();
        for (place, (want, found)) in wants.into_iter().zip(found).enumerate() {
            match self.look(&want, &found) {
                Look::Members(members) => known.push((place, want, members)),
                Look::Unusable(bytes) => missed.push((place, Want { unusable: Some(bytes), ..want })),
                Look::Nothing | Look::Busy => missed.push((place, want)),
            }
        }
        region.stats.count_many(Event::list_hits, known.len() as u64);
        region.stats.count_many(Event::list_misses, missed.len() as u64);
        let (known_places, known): (Vec<usize>, Vec<_>) =
            known.into_iter().map(|(place, want, members)| (place, (want, members))).unzip();
        for (place, rows) in known_places.into_iter().zip(self.rows_of(known).await?) {
            lists[place] = Some(rows);
        }
        let (missed_places, missed): (Vec<usize>, Vec<Want>) = missed.into_iter().unzip();
        for (place, rows) in missed_places.into_iter().zip(self.load(missed).await?) {
            lists[place] = Some(rows);
        }
        Ok(lists.into_iter().map(Option::unwrap_or_default).collect())
    }

    pub(super) fn look(&self, want: &Want, found: &Found) -> Look {
        look::<E>(self.region(), self.index, &want.values, found)
    }

    /// The rows of lists whose members are known: all of them by one read of the row cache. Rows that are
    /// gone, or have moved to another value, are no longer members.
    pub(super) async fn rows_of(&self, lists: Vec<(Want, Vec<ValueTuple>)>) -> Result<Vec<Rows<E>>, DbErr> {
        let members: Vec<ValueTuple> =
            lists.iter().flat_map(|(_, members)| members.iter().cloned()).collect();
        if members.is_empty() {
            return Ok(lists.iter().map(|_| Rows::<E>::default()).collect());
        }
        let mut rows = self.reader().get_many(members).await?.into_iter();
        let mut answers = Vec::with_capacity(lists.len());
        for (want, members) in lists {
            let rows = rows.by_ref().take(members.len()).flatten();
            answers.push(Arc::new(rows.filter(|row| self.has(row, &want.values)).collect()));
        }
        Ok(answers)
    }

    /// Whether the row has these values.
    pub(super) fn has(&self, row: &E::Model, values: &[Value]) -> bool {
        let mut columns = self.columns.iter().zip(values);
        self.columns.len() == values.len()
            && columns.all(|(column, value)| same_text(&row.get(*column), value))
    }

    async fn load(&self, wants: Vec<Want>) -> Result<Vec<Rows<E>>, DbErr> {
        match self.source {
            _ if wants.is_empty() => Ok(Vec::new()),
            Source::Primary => seed::shared::<E>(self.home, self.index, wants).await,
            Source::Given => seed::alone(self, wants).await,
            Source::Transaction | Source::DatabaseOnly => self.bypass(&wants).await,
        }
    }

    async fn bypass(&self, wants: &[Want]) -> Result<Vec<Rows<E>>, DbErr> {
        self.region().stats.count_many(Event::bypasses, wants.len() as u64);
        self.select(wants).await
    }

    /// The rows in the database, by one statement for each [`SELECT_VALUES_MAX`] lists.
    pub(super) async fn select(&self, wants: &[Want]) -> Result<Vec<Rows<E>>, DbErr> {
        let mut lists = Vec::with_capacity(wants.len());
        for wants in wants.chunks(SELECT_VALUES_MAX) {
            lists.extend(self.select_chunk(wants).await?);
        }
        Ok(lists)
    }

    async fn select_chunk(&self, wants: &[Want]) -> Result<Vec<Rows<E>>, DbErr> {
        let values = wants.iter().map(|want| want.values.as_slice());
        let rows = E::find().filter(is_one_of::<E>(self.index, values)).all(self.connection).await?;
        if let [want] = wants {
            let exact = |row: &E::Model| !self.index.exact || self.has(row, &want.values);
            return Ok(vec![Arc::new(rows.into_iter().filter(exact).collect())]);
        }
        let key_of = |values: &[Value]| self.index.text(values);
        let mut places: HashMap<String, Vec<usize>> = HashMap::with_capacity(wants.len());
        for (place, want) in wants.iter().enumerate() {
            places.entry(key_of(&want.values)).or_default().push(place);
        }
        let mut lists: Vec<Vec<E::Model>> = wants.iter().map(|_| Vec::new()).collect();
        let mut strangers = false;
        for row in rows {
            match places.get(&key_of(&self.index.values_of::<E>(&row))) {
                Some(places) => places.iter().for_each(|place| lists[*place].push(row.clone())),
                None => strangers = true,
            }
        }
        if strangers && !self.index.exact {
            // The database takes two spellings for one value: only it can say which list a row is in.
            return self.select_one_by_one(wants).await;
        }
        Ok(lists.into_iter().map(Arc::new).collect())
    }

    async fn select_one_by_one(&self, wants: &[Want]) -> Result<Vec<Rows<E>>, DbErr> {
        let mut lists = Vec::with_capacity(wants.len());
        for want in wants {
            let one = is_one_of::<E>(self.index, [want.values.as_slice()]);
            lists.push(Arc::new(E::find().filter(one).all(self.connection).await?));
        }
        Ok(lists)
    }
}

/// The condition that the index's columns have one of these values. NULL is a value, too.
pub(super) fn is_one_of<'v, E: CachedEntity>(
    index: &IndexDef,
    values: impl IntoIterator<Item = &'v [Value]>,
) -> sea_orm::Condition {
    let columns: Vec<E::Column> = index.columns.iter().filter_map(|name| column_of::<E>(name)).collect();
    let is_null = |value: &Value| *value == value.as_null();
    let (with_null, plain): (Vec<&[Value]>, Vec<&[Value]>) =
        values.into_iter().partition(|values| values.iter().any(is_null));
    let mut any = sea_orm::Condition::any();
    match (columns.as_slice(), plain.is_empty()) {
        (_, true) => {}
        ([column], false) => any = any.add(column.is_in(plain.iter().map(|values| values[0].clone()))),
        (columns, false) => {
            let tuple = Expr::tuple(columns.iter().map(|column| Expr::col(column.as_column_ref())));
            let values = plain.iter().map(|values| ValueTuple::Many(values.to_vec()));
            any = any.add(tuple.in_tuples(values));
        }
    }
    for values in with_null {
        let mut all = sea_orm::Condition::all();
        for (column, value) in columns.iter().zip(values) {
            all = all.add(if is_null(value) { column.is_null() } else { column.eq(value.clone()) });
        }
        any = any.add(all);
    }
    any
}
