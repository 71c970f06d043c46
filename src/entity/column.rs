//! [`Column`]: what is known of a column without its entity's type.

use crate::entry::values;
use sea_orm::sea_query::{ArrayType, ColumnType, DynIden, Expr, Value};
use sea_orm::{ColumnDef, DbBackend};

/// What stands for the kind of vectors: SeaORM has none, and panics where it is asked for it.
pub(crate) const KIND_OF_VECTORS: ArrayType = ArrayType::Float;

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) definition: ColumnDef,
    /// The kind of its values.
    pub(crate) kind: ArrayType,
    /// Its table and itself, for conditions.
    pub(crate) reference: (DynIden, DynIden),
    /// What a `RETURNING` says to read it.
    pub(crate) returning: Expr,
}

/// A value that is none of its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongType {
    pub(crate) column: String,
    pub(crate) wanted: String,
    pub(crate) given: String,
}

impl Column {
    /// Whether two values are equal for the database exactly when their texts are. They are not under
    /// collations that ignore case, in padded text, in decimals.
    pub(crate) fn compares_exactly(&self, database: Option<DbBackend>) -> bool {
        match self.definition.get_column_type() {
            ColumnType::Uuid | ColumnType::Boolean | ColumnType::Enum { .. } => true,
            ColumnType::Blob | ColumnType::VarBinary(_) => true,
            ColumnType::String(_) | ColumnType::Text => {
                // The kinds of other crates' types cannot be named without their features.
                let kind = format!("{:?}", self.kind);
                database.is_some_and(|d| d != DbBackend::MySql) && matches!(kind.as_str(), "String" | "Uuid")
            }
            other => is_number(other),
        }
    }

    /// Why values of this column cannot be cached, if they cannot.
    pub(crate) fn unsupported(&self) -> Option<String> {
        match self.definition.get_column_type() {
            ColumnType::Vector(_) => values::supports_vectors().err(),
            ColumnType::Array(_) => {
                values::supports_arrays().and_then(|()| values::supports(&self.kind)).err()
            }
            _ => values::supports(&self.kind).err(),
        }
    }

    /// NULL, where that is certainly what an insert that does not name the column puts into it.
    pub(crate) fn default_of_insert(&self) -> Option<Value> {
        let null = self.definition.is_null() && self.definition.get_column_default().is_none();
        null.then_some(Value::Int(None))
    }

    /// The value as one of this column's kind: integers among each other, text and enums.
    ///
    /// A value of another kind would be another key in the cache, under which no writer looks for it.
    ///
    /// # Errors
    /// There is no such value.
    pub(crate) fn convert(&self, value: Value) -> Result<Value, WrongType> {
        if is_null(&value) || self.holds(&value) {
            return Ok(value);
        }
        if self.is_compound() || is_vector(&value) {
            return Err(self.refuse(&value));
        }
        if let Some(number) = integer(&value) {
            return integer_of(&self.kind, number).ok_or_else(|| self.refuse(&value));
        }
        match (&value, &self.kind) {
            (Value::Float(Some(v)), ArrayType::Double) => Ok(Value::Double(Some(f64::from(*v)))),
            (Value::Char(Some(c)), ArrayType::String) => Ok(c.to_string().into()),
            (Value::String(Some(text)), ArrayType::Char) if text.chars().count() == 1 => {
                Ok(Value::Char(text.chars().next()))
            }
            // Enums come as text or as a type of their own, and SeaORM takes both.
            _ if is_text(&value.array_type()) && is_text(&self.kind) => Ok(value),
            _ => Err(self.refuse(&value)),
        }
    }

    /// Whether this is a number that the column cannot hold: no row has it.
    pub(crate) fn is_out_of_range(&self, value: &Value) -> bool {
        let holds = |number| integer_of(&self.kind, number).is_some();
        !self.is_compound() && holds(0) && integer(value).is_some_and(|number| !holds(number))
    }

    /// Whether the value is one of this column as it is. Any value may be asked about: of a vector SeaORM
    /// panics where it is asked for its kind.
    pub(crate) fn holds(&self, value: &Value) -> bool {
        match self.definition.get_column_type() {
            ColumnType::Vector(_) => is_vector(value),
            // The kind of an array is that of its elements.
            #[cfg(feature = "postgres-array")]
            ColumnType::Array(_) => matches!(value, Value::Array(kind, _) if *kind == self.kind),
            _ => !is_vector(value) && value.array_type() == self.kind,
        }
    }

    fn is_compound(&self) -> bool {
        matches!(self.definition.get_column_type(), ColumnType::Vector(_) | ColumnType::Array(_))
    }

    fn refuse(&self, value: &Value) -> WrongType {
        let wanted = match self.definition.get_column_type() {
            ColumnType::Vector(_) => "Vector".to_owned(),
            ColumnType::Array(_) => format!("an array of {:?}", self.kind),
            _ => format!("{:?}", self.kind),
        };
        WrongType { column: self.name.to_owned(), wanted, given: name_of(value) }
    }
}

fn is_vector(value: &Value) -> bool {
    match value {
        #[cfg(feature = "postgres-vector")]
        Value::Vector(_) => true,
        _ => false,
    }
}

/// What the value's kind is called in a message.
fn name_of(value: &Value) -> String {
    match value {
        #[cfg(feature = "postgres-vector")]
        Value::Vector(_) => "Vector".to_owned(),
        #[cfg(feature = "postgres-array")]
        Value::Array(kind, _) => format!("an array of {kind:?}"),
        value => format!("{:?}", value.array_type()),
    }
}

pub(crate) fn is_null(value: &Value) -> bool {
    match value {
        // `as_null` clones the name of an enum's type.
        Value::Int(v) => v.is_none(),
        Value::BigInt(v) => v.is_none(),
        Value::String(v) => v.is_none(),
        other => *other == other.as_null(),
    }
}

pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::TinyInt(v) => v.map(i128::from),
        Value::SmallInt(v) => v.map(i128::from),
        Value::Int(v) => v.map(i128::from),
        Value::BigInt(v) => v.map(i128::from),
        Value::TinyUnsigned(v) => v.map(i128::from),
        Value::SmallUnsigned(v) => v.map(i128::from),
        Value::Unsigned(v) => v.map(i128::from),
        Value::BigUnsigned(v) => v.map(i128::from),
        _ => None,
    }
}

/// The number as a value of this kind; `None` if it is no kind of integer, or too small for it.
pub(crate) fn integer_of(kind: &ArrayType, number: i128) -> Option<Value> {
    Some(match kind {
        ArrayType::TinyInt => Value::TinyInt(Some(number.try_into().ok()?)),
        ArrayType::SmallInt => Value::SmallInt(Some(number.try_into().ok()?)),
        ArrayType::Int => Value::Int(Some(number.try_into().ok()?)),
        ArrayType::BigInt => Value::BigInt(Some(number.try_into().ok()?)),
        ArrayType::TinyUnsigned => Value::TinyUnsigned(Some(number.try_into().ok()?)),
        ArrayType::SmallUnsigned => Value::SmallUnsigned(Some(number.try_into().ok()?)),
        ArrayType::Unsigned => Value::Unsigned(Some(number.try_into().ok()?)),
        ArrayType::BigUnsigned => Value::BigUnsigned(Some(number.try_into().ok()?)),
        _ => return None,
    })
}

fn is_text(kind: &ArrayType) -> bool {
    // The kind of enums exists with sea-query's feature `backend-postgres` only, as its text does not.
    *kind == ArrayType::String || format!("{kind:?}").starts_with("Enum(")
}

pub(crate) fn is_number(column: &ColumnType) -> bool {
    matches!(
        column,
        ColumnType::TinyInteger
            | ColumnType::SmallInteger
            | ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::TinyUnsigned
            | ColumnType::SmallUnsigned
            | ColumnType::Unsigned
            | ColumnType::BigUnsigned
    )
}
