//! [`Memberships`]: the lists that a write may add its row to.

use crate::keyspace::{IndexDef, Keyspace};
use sea_orm::ActiveValue;
use sea_orm::sea_query::Value;

/// What is known of them before the statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memberships {
    /// The keys of lists, as far as the values are known.
    pub(crate) keys: Vec<String>,
    /// The places of the concerned indexes in their keyspace.
    indexes: Vec<usize>,
}

impl Memberships {
    /// An insert joins a list of every index. An update, a list of each index of which it sets a column.
    pub(crate) fn of(keyspace: &Keyspace, value: &dyn Fn(usize) -> ActiveValue<Value>, insert: bool) -> Self {
        let mut memberships = Self::default();
        for (place, index) in keyspace.indexes.iter().enumerate().filter(|(_, index)| index.cached) {
            let given = |column: &usize| match value(*column) {
                ActiveValue::Set(value) => (true, Some(value)),
                ActiveValue::Unchanged(value) => (insert, Some(value)),
                ActiveValue::NotSet if insert => (true, keyspace.schema.columns[*column].default_of_insert()),
                ActiveValue::NotSet => (false, None),
            };
            let columns: Vec<(bool, Option<Value>)> = index.columns.iter().map(given).collect();
            if !insert && !columns.iter().any(|(set, _)| *set) {
                continue;
            }
            memberships.indexes.push(place);
            let values: Option<Vec<Value>> = columns.into_iter().map(|(_, value)| value).collect();
            memberships.keys.extend(values.map(|values| keyspace.index_key(index, &values)));
        }
        memberships
    }

    /// The keys of the lists that this row has joined.
    pub(crate) fn keys_of(&self, keyspace: &Keyspace, value: &dyn Fn(usize) -> Value) -> Vec<String> {
        let index = |place: &usize| keyspace.indexes.get(*place);
        let key = |index: &IndexDef| keyspace.index_key(index, &index.values(value));
        self.indexes.iter().filter_map(index).map(key).collect()
    }
}

/// The keys of all lists that a row is in.
pub(crate) fn all_list_keys(keyspace: &Keyspace, value: &dyn Fn(usize) -> Value) -> Vec<String> {
    let cached = keyspace.indexes.iter().filter(|index| index.cached);
    cached.map(|index| keyspace.index_key(index, &index.values(value))).collect()
}
