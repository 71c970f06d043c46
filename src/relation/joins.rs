//! The lists that a write may add its row to.

use super::index::{IndexDef, column_of};
use crate::autocache::Region;
use crate::entity::CachedEntity;
use sea_orm::sea_query::Value;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait};

/// What is known of it before the statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joins {
    /// The keys of lists, as far as the values are known.
    pub(crate) keys: Vec<String>,
    /// The places of the concerned indexes in their region.
    indexes: Vec<usize>,
}

impl Joins {
    /// An insert joins a list of every index. An update, a list of each index of which it sets a column.
    pub(crate) fn of<A>(region: &Region, model: &A, insert: bool) -> Self
    where
        A: ActiveModelTrait<Entity: CachedEntity>,
    {
        let mut joins = Self::default();
        for (place, index) in region.indexes.iter().enumerate().filter(|(_, index)| index.cached) {
            let given = |name: &&'static str| match column_of::<A::Entity>(name).map(|c| (c, model.get(c))) {
                Some((_, ActiveValue::Set(value))) => (true, Some(value)),
                Some((_, ActiveValue::Unchanged(value))) => (insert, Some(value)),
                Some((column, ActiveValue::NotSet)) if insert => (true, default_of::<A::Entity>(column)),
                _ => (false, None),
            };
            let columns: Vec<(bool, Option<Value>)> = index.columns.iter().map(given).collect();
            if !insert && !columns.iter().any(|(set, _)| *set) {
                continue;
            }
            joins.indexes.push(place);
            let values: Option<Vec<Value>> = columns.into_iter().map(|(_, value)| value).collect();
            joins.keys.extend(values.map(|values| region.index_key(index, &values)));
        }
        joins
    }

    /// The keys of the lists that this row has joined.
    pub(crate) fn keys_of<E: CachedEntity>(&self, region: &Region, row: &E::Model) -> Vec<String> {
        let index = |place: &usize| region.indexes.get(*place);
        let key = |index| region.index_key(index, &IndexDef::values_of::<E>(index, row));
        self.indexes.iter().filter_map(index).map(key).collect()
    }
}

/// The keys of all lists that this row is in.
pub(crate) fn all_keys_of<E: CachedEntity>(region: &Region, row: &E::Model) -> Vec<String> {
    let cached = region.indexes.iter().filter(|index| index.cached);
    cached.map(|index| region.index_key(index, &index.values_of::<E>(row))).collect()
}

/// What the database puts into a column that an insert does not name, where that is certain: NULL.
fn default_of<E: CachedEntity>(column: E::Column) -> Option<Value> {
    let definition = column.def();
    let null = definition.is_null() && definition.get_column_default().is_none();
    null.then_some(Value::Int(None))
}
