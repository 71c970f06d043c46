mod hostile;
mod kinds;
mod round;
mod strategies;

use super::{Malformed, Reader, begin, push};
use sea_orm::Value;

/// The bytes of a row of these values.
fn encoded(row: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    begin(&mut out, row.len());
    for value in row {
        push(&mut out, value).unwrap();
    }
    out
}

/// All the values of a row, to its last byte.
fn decoded(bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let mut reader = Reader::of(bytes)?;
    let mut row = Vec::new();
    while reader.len() > 0 {
        row.push(reader.next()?);
    }
    reader.finish()?;
    Ok(row)
}

/// The value after it was written and read.
fn returned(value: &Value) -> Value {
    let mut row = decoded(&encoded(std::slice::from_ref(value))).unwrap();
    assert_eq!(row.len(), 1);
    row.remove(0)
}

#[track_caller]
fn comes_back(value: &Value) {
    let returned = returned(value);
    assert!(same(value, &returned), "{value:?} came back as {returned:?}");
}

/// Whether they are the same to the last bit. `==` alone is true for zeros of either sign, for
/// decimals of any scale and for instants of any offset; `Debug` alone hides some leap seconds.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(Some(a)), Value::Float(Some(b))) => a.to_bits() == b.to_bits(),
        (Value::Double(Some(a)), Value::Double(Some(b))) => a.to_bits() == b.to_bits(),
        #[cfg(feature = "with-json")]
        (Value::Json(Some(a)), Value::Json(Some(b))) => same_json(a, b),
        #[cfg(feature = "with-rust_decimal")]
        (Value::Decimal(Some(a)), Value::Decimal(Some(b))) => a.serialize() == b.serialize(),
        #[cfg(feature = "with-bigdecimal")]
        (Value::BigDecimal(Some(a)), Value::BigDecimal(Some(b))) => {
            a.as_bigint_and_scale() == b.as_bigint_and_scale()
        }
        #[cfg(feature = "postgres-array")]
        (Value::Array(kind_a, Some(a)), Value::Array(kind_b, Some(b))) => {
            kind_a == kind_b && a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        #[cfg(feature = "postgres-vector")]
        (Value::Vector(Some(a)), Value::Vector(Some(b))) => {
            a.as_slice().iter().map(|a| a.to_bits()).eq(b.as_slice().iter().map(|b| b.to_bits()))
        }
        _ => a == b && format!("{a:?}") == format!("{b:?}"),
    }
}

#[cfg(feature = "with-json")]
fn same_json(a: &sea_orm::prelude::Json, b: &sea_orm::prelude::Json) -> bool {
    use sea_orm::prelude::Json;
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b && a.to_string() == b.to_string(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let pairs = || a.iter().zip(b);
            a.len() == b.len() && pairs().all(|((key_a, a), (key_b, b))| key_a == key_b && same_json(a, b))
        }
        _ => a == b,
    }
}
