//! Values to bytes.

use super::cell::{cell, try_cell};
use super::kinds::unsupported;
use super::{Unsupported, tag, wire};
use sea_orm::Value;
use sea_orm::sea_query::OptionEnum;

/// The value with its tag. Arrays may lie `depth` deep in it.
#[cfg_attr(not(feature = "postgres-array"), allow(unused_variables))]
pub(super) fn value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), Unsupported> {
    match value {
        Value::Bool(v) => cell(out, tag::BOOL, *v, wire::bool),
        Value::TinyInt(v) => cell(out, tag::TINY_INT, v.map(i64::from), wire::int),
        Value::SmallInt(v) => cell(out, tag::SMALL_INT, v.map(i64::from), wire::int),
        Value::Int(v) => cell(out, tag::INT, v.map(i64::from), wire::int),
        Value::BigInt(v) => cell(out, tag::BIG_INT, *v, wire::int),
        Value::TinyUnsigned(v) => cell(out, tag::TINY_UNSIGNED, v.map(u64::from), wire::uint),
        Value::SmallUnsigned(v) => cell(out, tag::SMALL_UNSIGNED, v.map(u64::from), wire::uint),
        Value::Unsigned(v) => cell(out, tag::UNSIGNED, v.map(u64::from), wire::uint),
        Value::BigUnsigned(v) => cell(out, tag::BIG_UNSIGNED, *v, wire::uint),
        Value::Float(v) => cell(out, tag::FLOAT, *v, wire::float),
        Value::Double(v) => cell(out, tag::DOUBLE, *v, wire::double),
        Value::String(v) => try_cell(out, tag::STRING, v.as_deref(), wire::text),
        Value::Char(v) => cell(out, tag::CHAR, v.map(u64::from), wire::uint),
        Value::Bytes(v) => try_cell(out, tag::BYTES, v.as_deref(), wire::binary),
        Value::Enum(v) => enumeration(out, v),
        #[cfg(feature = "postgres-array")]
        Value::Array(kind, v) => super::postgres::write_array(out, kind, v.as_deref(), depth, self::value),
        #[allow(unreachable_patterns, reason = "sea-query may have more features on than this crate")]
        _ => of_a_feature(out, value),
    }
}

/// The values of the kinds which depend on features, without arrays.
#[allow(unused_variables, reason = "without any of the features")]
fn of_a_feature(out: &mut Vec<u8>, value: &Value) -> Result<(), Unsupported> {
    match value {
        #[cfg(feature = "with-json")]
        Value::Json(v) => try_cell(out, tag::JSON, v.as_deref(), super::json::write),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDate(_)
        | Value::ChronoTime(_)
        | Value::ChronoDateTime(_)
        | Value::ChronoDateTimeUtc(_)
        | Value::ChronoDateTimeLocal(_)
        | Value::ChronoDateTimeWithTimeZone(_) => super::chrono::write(out, value),
        #[cfg(feature = "with-time")]
        Value::TimeDate(_)
        | Value::TimeTime(_)
        | Value::TimeDateTime(_)
        | Value::TimeDateTimeWithTimeZone(_) => super::time::write(out, value),
        #[cfg(feature = "with-uuid")]
        Value::Uuid(v) => try_cell(out, tag::UUID, v.as_ref(), |out, v| wire::binary(out, v.as_bytes())),
        #[cfg(feature = "with-rust_decimal")]
        Value::Decimal(v) => try_cell(out, tag::DECIMAL, *v, super::decimal::write),
        #[cfg(feature = "with-bigdecimal")]
        Value::BigDecimal(v) => try_cell(out, tag::BIG_DECIMAL, v.as_deref(), super::decimal::write_big),
        #[cfg(feature = "postgres-vector")]
        Value::Vector(v) => try_cell(out, tag::VECTOR, v.as_ref(), super::postgres::write_vector),
        #[cfg(feature = "with-ipnetwork")]
        Value::IpNetwork(v) => try_cell(out, tag::IP_NETWORK, *v, super::net::write_network),
        #[cfg(feature = "with-mac_address")]
        Value::MacAddress(v) => try_cell(out, tag::MAC_ADDRESS, *v, |out, v| wire::binary(out, &v.bytes())),
        #[allow(unreachable_patterns, reason = "sea-query may have more features on than this crate")]
        _ => Err(unsupported(value)),
    }
}

/// The name of the type is kept for NULL too.
fn enumeration(out: &mut Vec<u8>, value: &OptionEnum) -> Result<(), Unsupported> {
    out.push(tag::ENUM);
    wire::array_header(out, 2)?;
    match value {
        OptionEnum::Some(value) => {
            wire::text(out, &value.type_name)?;
            wire::text(out, &value.value)
        }
        OptionEnum::None(type_name) => {
            wire::text(out, type_name)?;
            wire::nil(out);
            Ok(())
        }
    }
}
