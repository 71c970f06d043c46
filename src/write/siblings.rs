//! [`Siblings`]: entities that change with the rows of another one.

use super::all_list_keys;
use crate::keyspace::Keyspace;
use sea_orm::ActiveValue;
use sea_orm::sea_query::Value;
use std::sync::Arc;

/// What a write of one entity means for others: for those of the same table, and those that depend on the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Siblings {
    of_table: Vec<Sibling>,
    /// Of these any row may change.
    dependent: Vec<Arc<Keyspace>>,
}

/// Another entity of the table.
#[derive(Clone, Debug)]
struct Sibling {
    keyspace: Arc<Keyspace>,
    /// For each of its columns the writer's of the same name.
    columns: Vec<Option<usize>>,
    /// Whether its keys and lists follow from the writer's columns.
    is_known: bool,
}

/// What a write touches beside its own row.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) keys: Vec<(Arc<Keyspace>, String)>,
    /// Any row of these.
    pub(crate) entities: Vec<Arc<Keyspace>>,
}

impl Siblings {
    pub(crate) fn of<'a>(
        writer: &Arc<Keyspace>,
        of_table: impl Iterator<Item = &'a Arc<Keyspace>>,
        dependent: Vec<Arc<Keyspace>>,
    ) -> Self {
        let others = of_table.filter(|other| other.id() != writer.id() && !other.is_off());
        Self { of_table: others.map(|other| Sibling::of(writer, other)).collect(), dependent }
    }

    /// What a write with these values is about to touch, as far as they tell.
    pub(crate) fn before(&self, value: &dyn Fn(usize) -> ActiveValue<Value>, insert: bool) -> Beside {
        let mut beside = Beside { keys: Vec::new(), entities: self.dependent.clone() };
        for sibling in &self.of_table {
            let given = |column: &usize| match value(sibling.columns[*column]?) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
                ActiveValue::NotSet => None,
            };
            let keyspace = &sibling.keyspace;
            let pk: Option<Vec<Value>> = keyspace.schema.pk.iter().map(given).collect();
            // A row that gets another key had an older one.
            let is_set = |column: &usize| {
                sibling.columns[*column].is_some_and(|own| matches!(value(own), ActiveValue::Set(_)))
            };
            let moves = !insert && keyspace.schema.pk.iter().any(is_set);
            if !sibling.is_known || moves || pk.is_none() && !insert {
                beside.entities.push(keyspace.clone());
                continue;
            }
            let key = pk.and_then(|pk| keyspace.key_of_values(pk));
            let list = |values: Vec<Value>, index| keyspace.index_key(index, &values);
            let lists = keyspace.indexes.iter().filter(|index| index.cached).filter_map(|index| {
                let values: Option<Vec<Value>> = index.columns.iter().map(given).collect();
                values.map(|values| list(values, index))
            });
            beside.keys.extend(key.into_iter().chain(lists).map(|key| (keyspace.clone(), key)));
        }
        beside
    }

    /// What a write has touched of the entities of the table that has left or removed a row with these values.
    pub(crate) fn after(&self, value: &dyn Fn(usize) -> Value) -> Beside {
        let mut touched = Beside::default();
        for Sibling { keyspace, columns, is_known } in &self.of_table {
            if !is_known {
                touched.entities.push(keyspace.clone());
                continue;
            }
            let own = |column: usize| columns[column].map_or(Value::Int(None), value);
            let key = keyspace.key_of_values(keyspace.schema.pk.iter().map(|column| own(*column)).collect());
            let keys = key.into_iter().chain(all_list_keys(keyspace, &own));
            touched.keys.extend(keys.map(|key| (keyspace.clone(), key)));
        }
        touched
    }

    /// Those of which a row gets another key where these columns are set.
    pub(crate) fn moved_by<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a Arc<Keyspace>> {
        let moves = |sibling: &&Sibling| {
            let schema = &sibling.keyspace.schema;
            let mut pk = schema.pk.iter().map(|column| schema.columns[*column].name);
            pk.any(|column| names.iter().any(|name| name.eq_ignore_ascii_case(column)))
        };
        self.of_table.iter().filter(moves).map(|sibling| &sibling.keyspace)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Keyspace>> {
        self.of_table.iter().map(|sibling| &sibling.keyspace).chain(&self.dependent).cloned().collect()
    }

    /// The entities that depend on the table.
    pub(crate) fn dependent(&self) -> &[Arc<Keyspace>] {
        &self.dependent
    }
}

impl Sibling {
    fn of(writer: &Keyspace, keyspace: &Arc<Keyspace>) -> Self {
        let schema = &keyspace.schema;
        let columns: Vec<Option<usize>> =
            schema.columns.iter().map(|column| writer.schema.column(column.name)).collect();
        let indexes = keyspace.indexes.iter().filter(|index| index.cached);
        let mut needed = schema.pk.iter().chain(indexes.flat_map(|index| &index.columns));
        // Where the database takes other values for the same key, the row may have another one.
        let is_known = keyspace.exact_keys && needed.all(|column| columns[*column].is_some());
        Self { keyspace: keyspace.clone(), columns, is_known }
    }
}
