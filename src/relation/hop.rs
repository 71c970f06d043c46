//! From rows to their related rows: along one relation, or several in a row.

use super::erased::values_of;
use super::index::{IndexDef, pk_columns};
use super::list::Lists;
use crate::autocache::Autocache;
use crate::controller::{Home, Reader, Source};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use crate::key::same_text;
use crate::telemetry::Event;
use sea_orm::sea_query::{Value, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Identity, RelationDef};

/// One relation on the way.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    from_table: String,
    from: Vec<String>,
    to_table: String,
    to: Vec<String>,
}

impl Hop {
    /// # Errors
    /// The relation has a condition of its own, which only the database can judge.
    pub(super) fn of(relation: &RelationDef) -> Result<Self, CacheError> {
        let hop = Self {
            from_table: relation.from_tbl.sea_orm_table().to_string(),
            from: names(&relation.from_col),
            to_table: relation.to_tbl.sea_orm_table().to_string(),
            to: names(&relation.to_col),
        };
        if relation.on_condition.is_some() {
            return Err(CacheError::Conditional { from: hop.from_table, to: hop.to_table });
        }
        Ok(hop)
    }
}

/// Relations in a row, from one entity to another.
#[derive(Clone, Debug)]
pub(super) struct Path(Vec<Hop>);

impl Path {
    /// # Errors
    /// As [`Hop::of`]; and the relations do not lead from the one entity to the other.
    pub(super) fn new<A: EntityTrait, B: EntityTrait>(
        relations: impl IntoIterator<Item = RelationDef>,
    ) -> Result<Self, CacheError> {
        let hops = relations.into_iter().map(|relation| Hop::of(&relation)).collect::<Result<Vec<_>, _>>()?;
        let tables = hops.iter().map(|hop| hop.from_table.as_str()).chain([B::default().table_name()]);
        let expected =
            [A::default().table_name()].into_iter().chain(hops.iter().map(|hop| hop.to_table.as_str()));
        if hops.is_empty() || !tables.eq(expected) {
            let (from, to) = (A::default().table_name().to_owned(), B::default().table_name().to_owned());
            return Err(CacheError::Astray { from, to });
        }
        Ok(Self(hops))
    }

    /// The columns of the first entity that the path begins with.
    pub(super) fn start(&self) -> &[String] {
        &self.0[0].from
    }

    /// The related rows of each start. A start with a NULL in it has none, and nobody is asked.
    pub(super) async fn follow<R: CachedEntity, C: ConnectionTrait>(
        &self,
        autocache: &Autocache,
        connection: &C,
        source: Source,
        starts: Vec<Vec<Value>>,
    ) -> Result<Vec<Vec<R::Model>>, DbErr> {
        let mut fronts: Vec<Vec<Vec<Value>>> = starts.into_iter().map(|start| vec![start]).collect();
        let Some((last, between)) = self.0.split_last() else { return Ok(Vec::new()) };
        for (place, hop) in between.iter().enumerate() {
            let wanted = &self.0[place + 1].from;
            let (keys, sizes) = flattened(fronts);
            let home = home_of(autocache, &hop.to_table)?;
            let found = hop_any(&home, connection, source, hop, keys, wanted).await?;
            fronts = gathered(found, &sizes);
        }
        let (keys, sizes) = flattened(fronts);
        let home = Home { autocache: autocache.clone(), region: autocache.region::<R>()? };
        let rows = lists_by::<R, C>(&home, connection, source, &last.to, keys).await?;
        Ok(gathered(rows, &sizes))
    }
}

fn names(identity: &Identity) -> Vec<String> {
    identity.iter().map(ToString::to_string).collect()
}

fn is_null(value: &Value) -> bool {
    *value == value.as_null()
}

fn flattened<T>(groups: Vec<Vec<T>>) -> (Vec<T>, Vec<usize>) {
    let sizes = groups.iter().map(Vec::len).collect();
    (groups.into_iter().flatten().collect(), sizes)
}

/// Joins the lists of each group: as many as its size says.
fn gathered<T>(lists: Vec<Vec<T>>, sizes: &[usize]) -> Vec<Vec<T>> {
    let mut lists = lists.into_iter();
    sizes.iter().map(|size| lists.by_ref().take(*size).flatten().collect()).collect()
}

fn home_of(autocache: &Autocache, table: &str) -> Result<Home, CacheError> {
    let region = autocache.region_of_table(table);
    let region = region.ok_or_else(|| CacheError::NotCached { table: table.to_owned() })?;
    Ok(Home { autocache: autocache.clone(), region })
}

/// A hop over an entity whose type is not known here: through the cache where it is a junction, unless a
/// connection was given.
async fn hop_any<C: ConnectionTrait>(
    home: &Home,
    connection: &C,
    source: Source,
    hop: &Hop,
    keys: Vec<Vec<Value>>,
    wanted: &[String],
) -> Result<Vec<Vec<Vec<Value>>>, DbErr> {
    let entity = home.region.erased;
    if source == Source::Primary && entity.is_junction() {
        return entity.hop(home, &hop.to, keys, wanted).await;
    }
    let asked: Vec<Vec<Value>> = keys.iter().filter(|key| !key.iter().any(is_null)).cloned().collect();
    if asked.is_empty() {
        return Ok(keys.iter().map(|_| Vec::new()).collect());
    }
    home.region.stats.count_many(Event::bypasses, asked.len() as u64);
    let statement = entity.select(&hop.to, &asked, false);
    let mut lists: Vec<Vec<Vec<Value>>> = keys.iter().map(|_| Vec::new()).collect();
    for found in connection.query_all(&statement).await? {
        let row = entity.row(&found)?;
        let (Some(own), Some(values)) = (values_of(&*row, &hop.to), values_of(&*row, wanted)) else {
            continue;
        };
        for (key, list) in keys.iter().zip(&mut lists) {
            if key.len() == own.len() && key.iter().zip(&own).all(|(a, b)| same_text(a, b)) {
                list.push(values.clone());
            }
        }
    }
    Ok(lists)
}

/// The rows whose columns have each of these values, as lists. Values with a NULL have none.
pub(super) async fn lists_by<E: CachedEntity, C: ConnectionTrait>(
    home: &Home,
    connection: &C,
    source: Source,
    columns: &[String],
    keys: Vec<Vec<Value>>,
) -> Result<Vec<Vec<E::Model>>, DbErr> {
    let asked: Vec<Vec<Value>> = keys.iter().filter(|key| !key.iter().any(is_null)).cloned().collect();
    let lists = if asked.is_empty() {
        Vec::new()
    } else if let Some(order) = permutation(&pk_columns::<E>(), columns) {
        let pks = asked.into_iter().map(|key| pk_of(permuted(key, &order))).collect();
        let rows = Reader::<E, C>::new(home, connection, source).get_many(pks).await?;
        rows.into_iter().map(|row| row.into_iter().collect()).collect()
    } else {
        let (index, order) = index_for(home, columns, false)?;
        let values = asked.into_iter().map(|key| permuted(key, &order)).collect();
        Lists::<E, C>::new(home, connection, source, index).get(values).await?
    };
    let mut lists = lists.into_iter();
    let list = |key: &Vec<Value>| if key.iter().any(is_null) { None } else { lists.next() };
    Ok(keys.iter().map(list).map(Option::unwrap_or_default).collect())
}

pub(super) fn pk_of(mut values: Vec<Value>) -> ValueTuple {
    match values.len() {
        1 => ValueTuple::One(values.remove(0)),
        2 => {
            let second = values.remove(1);
            ValueTuple::Two(values.remove(0), second)
        }
        3 => {
            let (third, second) = (values.remove(2), values.remove(1));
            ValueTuple::Three(values.remove(0), second, third)
        }
        _ => ValueTuple::Many(values),
    }
}

/// The index of these columns, and how values in their order come into the order of the index.
pub(super) fn index_for<'a, S: AsRef<str>>(
    home: &'a Home,
    columns: &[S],
    unique: bool,
) -> Result<(&'a IndexDef, Vec<usize>), CacheError> {
    let mut indexes = home.region.indexes.iter().filter(|index| index.unique || !unique);
    let found = indexes.find_map(|index| Some((index, permutation(&index.columns, columns)?)));
    found.ok_or_else(|| CacheError::NoIndex {
        entity: home.region.model.clone(),
        columns: columns.iter().map(|column| column.as_ref().to_owned()).collect(),
        unique,
    })
}

/// For each of the own columns its place among the given ones; `None` if they are not the same columns.
pub(super) fn permutation<S: AsRef<str>>(own: &[&'static str], given: &[S]) -> Option<Vec<usize>> {
    let place = |name: &&'static str| given.iter().position(|other| other.as_ref() == *name);
    own.iter().map(place).collect::<Option<Vec<_>>>().filter(|_| own.len() == given.len())
}

pub(super) fn permuted(values: Vec<Value>, order: &[usize]) -> Vec<Value> {
    order.iter().filter_map(|place| values.get(*place).cloned()).collect()
}
