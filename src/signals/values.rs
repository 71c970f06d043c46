//! What the values of an active model say of its write.

use crate::entity::{Schema, pk_tuple};
use crate::keyspace::Keyspace;
use crate::sql::Verb;
use crate::write::StatementId;
use sea_orm::ActiveValue;
use sea_orm::sea_query::{Value, ValueTuple};

/// The statement that SeaORM makes of these values; `None` if it makes none: an update that sets nothing.
pub(super) fn statement_of(
    schema: &Schema,
    verb: Verb,
    value: &dyn Fn(usize) -> ActiveValue<Value>,
) -> Option<StatementId> {
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    for (number, column) in schema.columns.iter().enumerate() {
        let given = match (verb, value(number)) {
            (Verb::Insert, ActiveValue::Set(value) | ActiveValue::Unchanged(value)) => Some(value),
            (Verb::Update, ActiveValue::Set(value)) if !schema.pk.contains(&number) => Some(value),
            _ => None,
        };
        if let Some(value) = given {
            columns.push(column.name);
            values.push(value);
        }
    }
    match verb {
        Verb::Insert => return Some(StatementId::of(verb, columns, &values)),
        Verb::Update if columns.is_empty() => return None,
        _ => {}
    }
    for column in &schema.pk {
        match value(*column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => values.push(value),
            ActiveValue::NotSet => return None,
        }
    }
    Some(StatementId::of(verb, columns, &values))
}

/// The primary key among these values; `None` if a part of it is not set.
pub(super) fn pk_of(keyspace: &Keyspace, value: &dyn Fn(usize) -> ActiveValue<Value>) -> Option<ValueTuple> {
    let set = |column: &usize| match value(*column) {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
        ActiveValue::NotSet => None,
    };
    keyspace.schema.pk.iter().map(set).collect::<Option<Vec<Value>>>().map(pk_tuple)
}
