//! Bytes to values.

use super::wire::Input;
use super::{Malformed, tag};
use sea_orm::Value;
use sea_orm::sea_query::{Enum, OptionEnum};

/// The next tag and its value. Arrays may lie `depth` deep in it.
#[cfg_attr(not(feature = "postgres-array"), allow(unused_variables))]
#[inline] // A fifth of the time of a row.
pub(super) fn value(input: &mut Input<'_>, depth: usize) -> Result<Value, Malformed> {
    Ok(match input.tag()? {
        tag::BOOL => Value::Bool(input.nullable(Input::bool)?),
        tag::TINY_INT => Value::TinyInt(input.nullable(Input::int)?),
        tag::SMALL_INT => Value::SmallInt(input.nullable(Input::int)?),
        tag::INT => Value::Int(input.nullable(Input::int)?),
        tag::BIG_INT => Value::BigInt(input.nullable(Input::int)?),
        tag::TINY_UNSIGNED => Value::TinyUnsigned(input.nullable(Input::int)?),
        tag::SMALL_UNSIGNED => Value::SmallUnsigned(input.nullable(Input::int)?),
        tag::UNSIGNED => Value::Unsigned(input.nullable(Input::int)?),
        tag::BIG_UNSIGNED => Value::BigUnsigned(input.nullable(Input::uint)?),
        tag::FLOAT => Value::Float(input.nullable(Input::float)?),
        tag::DOUBLE => Value::Double(input.nullable(Input::double)?),
        tag::STRING => Value::String(input.nullable(Input::text)?.map(str::to_owned)),
        tag::CHAR => Value::Char(input.nullable(char)?),
        tag::BYTES => Value::Bytes(input.nullable(Input::binary)?.map(<[u8]>::to_vec)),
        tag::ENUM => Value::Enum(enumeration(input)?),
        #[cfg(feature = "postgres-array")]
        tag::ARRAY => super::postgres::read_array(input, depth, value)?,
        tag => of_a_feature(input, tag)?,
    })
}

/// The values of the kinds which depend on features, without arrays.
#[allow(unused_variables, reason = "without any of the features")]
fn of_a_feature(input: &mut Input<'_>, tag: u8) -> Result<Value, Malformed> {
    match tag {
        #[cfg(feature = "with-json")]
        tag::JSON => Ok(Value::Json(input.nullable(super::json::read)?.map(Box::new))),
        #[cfg(feature = "with-chrono")]
        tag::CHRONO_DATE..=tag::CHRONO_DATE_TIME_WITH_TIME_ZONE => super::chrono::read(input, tag),
        #[cfg(feature = "with-time")]
        tag::TIME_DATE..=tag::TIME_DATE_TIME_WITH_TIME_ZONE => super::time::read(input, tag),
        #[cfg(feature = "with-uuid")]
        tag::UUID => Ok(Value::Uuid(input.nullable(Input::bytes)?.map(sea_orm::prelude::Uuid::from_bytes))),
        #[cfg(feature = "with-rust_decimal")]
        tag::DECIMAL => Ok(Value::Decimal(input.nullable(super::decimal::read)?)),
        #[cfg(feature = "with-bigdecimal")]
        tag::BIG_DECIMAL => Ok(Value::BigDecimal(input.nullable(super::decimal::read_big)?.map(Box::new))),
        #[cfg(feature = "postgres-vector")]
        tag::VECTOR => Ok(Value::Vector(input.nullable(super::postgres::read_vector)?)),
        #[cfg(feature = "with-ipnetwork")]
        tag::IP_NETWORK => Ok(Value::IpNetwork(input.nullable(super::net::read_network)?)),
        #[cfg(feature = "with-mac_address")]
        tag::MAC_ADDRESS => Ok(Value::MacAddress(input.nullable(super::net::read_mac)?)),
        _ => Err(Malformed),
    }
}

fn char(input: &mut Input<'_>) -> Result<char, Malformed> {
    char::from_u32(input.int()?).ok_or(Malformed)
}

fn enumeration(input: &mut Input<'_>) -> Result<OptionEnum, Malformed> {
    input.array_of(2)?;
    let type_name = input.text()?.into();
    Ok(match input.nullable(Input::text)? {
        Some(value) => OptionEnum::Some(Box::new(Enum { type_name, value: value.to_owned().into() })),
        None => OptionEnum::None(type_name),
    })
}
