//! Values of columns as JSON and as text.

use sea_orm_autocache::sea_orm::Value;
use serde_json::{Value as Json, json};

/// Numbers, booleans, text and JSON as themselves, bytes in hex, everything else as its SQL literal.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Bool(Some(v)) => json!(v),
        Value::TinyInt(Some(v)) => json!(v),
        Value::SmallInt(Some(v)) => json!(v),
        Value::Int(Some(v)) => json!(v),
        Value::BigInt(Some(v)) => json!(v),
        Value::TinyUnsigned(Some(v)) => json!(v),
        Value::SmallUnsigned(Some(v)) => json!(v),
        Value::Unsigned(Some(v)) => json!(v),
        Value::BigUnsigned(Some(v)) => json!(v),
        Value::Float(Some(v)) => json!(v),
        Value::Double(Some(v)) => json!(v),
        Value::String(Some(v)) => json!(v),
        Value::Json(Some(v)) => (**v).clone(),
        Value::Bytes(Some(v)) => json!(v.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        other if *other == other.as_null() => Json::Null,
        other => json!(other.to_string().trim_matches('\'')),
    }
}

pub fn text(value: &Value) -> String {
    match json(value) {
        Json::Null => "NULL".to_owned(),
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// The variant of `sea_orm::Value`.
pub fn kind(value: &Value) -> String {
    let debug = format!("{value:?}");
    debug.split('(').next().unwrap_or_default().to_owned()
}
