//! [`Memberships`]: the lists that a write may add its row to.

use crate::keyspace::{IndexDef, Keyspace};
use sea_orm::ActiveValue;
use sea_orm::sea_query::Value;

/// What is known of them before the statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memberships {
    /// The keys of lists that it may join, as far as the values are known.
    pub(crate) keys: Vec<String>,
    /// The keys of lists that it is in, and stays in unless the database changes other columns, too.
    stays: Vec<String>,
}

impl Memberships {
    /// An insert joins a list of every index. An update, a list of each index of which it sets a column.
    pub(crate) fn of(keyspace: &Keyspace, value: &dyn Fn(usize) -> ActiveValue<Value>, insert: bool) -> Self {
        let mut memberships = Self::default();
        for index in cached(keyspace) {
            let given = |column: &usize| match value(*column) {
                ActiveValue::Set(value) => (true, Some(value)),
                ActiveValue::Unchanged(value) => (insert, Some(value)),
                ActiveValue::NotSet if insert => (true, keyspace.schema.columns[*column].default_of_insert()),
                ActiveValue::NotSet => (false, None),
            };
            let columns: Vec<(bool, Option<Value>)> = index.columns.iter().map(given).collect();
            let joins = insert || columns.iter().any(|(set, _)| *set);
            let values: Option<Vec<Value>> = columns.into_iter().map(|(_, value)| value).collect();
            let key = values.map(|values| keyspace.index_key(index, &values));
            if joins { &mut memberships.keys } else { &mut memberships.stays }.extend(key);
        }
        memberships
    }

    /// The keys of the lists that the row has joined. Only the row that the database has returned tells them: a
    /// generated column or a trigger may have changed what the statement did not set.
    pub(crate) fn keys_of(&self, keyspace: &Keyspace, value: &dyn Fn(usize) -> Value) -> Vec<String> {
        let mut keys = all_list_keys(keyspace, value);
        keys.retain(|key| !self.stays.contains(key));
        keys
    }
}

/// The keys of all lists that a row is in.
pub(crate) fn all_list_keys(keyspace: &Keyspace, value: &dyn Fn(usize) -> Value) -> Vec<String> {
    cached(keyspace).map(|index| keyspace.index_key(index, &index.values(value))).collect()
}

fn cached(keyspace: &Keyspace) -> impl Iterator<Item = &IndexDef> {
    keyspace.indexes.iter().filter(|index| index.cached)
}
