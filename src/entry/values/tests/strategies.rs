//! Any value of every kind that is on.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use sea_orm::Value;
use sea_orm::sea_query::{Enum, OptionEnum};

pub(super) fn any_row() -> impl Strategy<Value = Vec<Value>> {
    vec(any_value(), 0..20)
}

pub(super) fn any_value() -> BoxedStrategy<Value> {
    let flat = any_flat();
    #[cfg(feature = "postgres-array")]
    return flat.clone().prop_recursive(6, 40, 5, move |inner| of_arrays(&flat, &inner)).boxed();
    #[cfg(not(feature = "postgres-array"))]
    flat
}

/// Arrays of each kind, and arrays in arrays.
#[cfg(feature = "postgres-array")]
fn of_arrays(flat: &BoxedStrategy<Value>, inner: &BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let of_one_kind = |kind: BoxedStrategy<Value>| {
        let arrays = (kind.clone(), option::of(vec(kind, 0..5))).prop_map(|(one, elements)| {
            let kind = one.array_type();
            // Enums differ in their types.
            let own =
                |elements: Vec<Value>| elements.into_iter().filter(|e| e.array_type() == kind).collect();
            let elements = elements.map(own).map(Box::new);
            Value::Array(kind, elements)
        });
        arrays.boxed()
    };
    let arrays = Union::new(elements().into_iter().map(of_one_kind));
    let nested = inner.clone().prop_map(|value| match value {
        Value::Array(kind, elements) => {
            let inner = Value::Array(kind.clone(), elements);
            Value::Array(kind, Some(Box::new(vec![inner.clone(), inner])))
        }
        flat => flat,
    });
    prop_oneof![1 => flat.clone(), 2 => arrays, 1 => nested].boxed()
}

fn any_flat() -> BoxedStrategy<Value> {
    #[allow(unused_mut, reason = "without the feature")]
    let mut kinds = vec![any_element()];
    #[cfg(feature = "postgres-vector")]
    kinds.push(
        option::of(vec(any::<u32>().prop_map(f32::from_bits), 0..9))
            .prop_map(|v| Value::Vector(v.map(Into::into)))
            .boxed(),
    );
    Union::new(kinds).boxed()
}

/// A value of a kind that elements of arrays can have.
fn any_element() -> BoxedStrategy<Value> {
    Union::new(elements()).boxed()
}

fn elements() -> Vec<BoxedStrategy<Value>> {
    #[allow(unused_mut, reason = "without features")]
    let mut kinds = basic();
    #[cfg(feature = "with-json")]
    kinds.push(option::of(any_json()).prop_map(|v| Value::Json(v.map(Box::new))).boxed());
    #[cfg(feature = "with-chrono")]
    kinds.extend(of_chrono());
    #[cfg(feature = "with-time")]
    kinds.extend(of_time());
    kinds.extend(others());
    kinds
}

fn basic() -> Vec<BoxedStrategy<Value>> {
    let enums = prop_oneof![
        ".{0,12}".prop_map(|name| OptionEnum::None(name.into())),
        (".{0,12}", any::<String>()).prop_map(|(name, value)| {
            OptionEnum::Some(Box::new(Enum { type_name: name.into(), value: value.into() }))
        }),
    ];
    vec![
        any::<Option<bool>>().prop_map(Value::Bool).boxed(),
        any::<Option<i8>>().prop_map(Value::TinyInt).boxed(),
        any::<Option<i16>>().prop_map(Value::SmallInt).boxed(),
        any::<Option<i32>>().prop_map(Value::Int).boxed(),
        any::<Option<i64>>().prop_map(Value::BigInt).boxed(),
        any::<Option<u8>>().prop_map(Value::TinyUnsigned).boxed(),
        any::<Option<u16>>().prop_map(Value::SmallUnsigned).boxed(),
        any::<Option<u32>>().prop_map(Value::Unsigned).boxed(),
        any::<Option<u64>>().prop_map(Value::BigUnsigned).boxed(),
        // From bits, so that NaNs have all kinds of payloads.
        any::<Option<u32>>().prop_map(|v| Value::Float(v.map(f32::from_bits))).boxed(),
        any::<Option<u64>>().prop_map(|v| Value::Double(v.map(f64::from_bits))).boxed(),
        any::<Option<String>>().prop_map(Value::String).boxed(),
        any::<Option<char>>().prop_map(Value::Char).boxed(),
        option::of(vec(any::<u8>(), 0..300)).prop_map(Value::Bytes).boxed(),
        enums.prop_map(Value::Enum).boxed(),
    ]
}

#[cfg(feature = "with-json")]
pub(super) fn any_json() -> impl Strategy<Value = sea_orm::prelude::Json> {
    use sea_orm::prelude::Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        // What is no number becomes null.
        any::<u64>().prop_map(|bits| Json::from(f64::from_bits(bits))),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Json::Array),
            vec((".{0,6}", inner), 0..6).prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

#[cfg(feature = "with-chrono")]
fn of_chrono() -> Vec<BoxedStrategy<Value>> {
    use sea_orm::sea_query::value::prelude::chrono::Timelike;
    use sea_orm::sea_query::value::prelude::{
        FixedOffset, Local, NaiveDate, NaiveTime, chrono::Datelike, chrono::NaiveDateTime,
    };
    let days = NaiveDate::MIN.num_days_from_ce()..=NaiveDate::MAX.num_days_from_ce();
    let date = days.prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).unwrap());
    let nanos = prop_oneof![Just(0), 0..2_000_000_000_u32];
    let time = (0..86_400_u32, nanos).prop_map(|(seconds, nanos)| {
        let second = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap();
        second.with_nanosecond(nanos).unwrap()
    });
    let both = (date.clone(), time.clone()).prop_map(|(date, time)| NaiveDateTime::new(date, time));
    let offset = (-86_399..=86_399).prop_map(|offset| FixedOffset::east_opt(offset).unwrap());
    let zoned = (both.clone(), offset).prop_map(|(moment, offset)| moment.and_utc().with_timezone(&offset));
    vec![
        option::of(date).prop_map(Value::ChronoDate).boxed(),
        option::of(time).prop_map(Value::ChronoTime).boxed(),
        option::of(both.clone()).prop_map(Value::ChronoDateTime).boxed(),
        option::of(both.clone()).prop_map(|v| Value::ChronoDateTimeUtc(v.map(|v| v.and_utc()))).boxed(),
        option::of(both)
            .prop_map(|v| Value::ChronoDateTimeLocal(v.map(|v| v.and_utc().with_timezone(&Local))))
            .boxed(),
        option::of(zoned).prop_map(Value::ChronoDateTimeWithTimeZone).boxed(),
    ]
}

#[cfg(feature = "with-time")]
fn of_time() -> Vec<BoxedStrategy<Value>> {
    use sea_orm::sea_query::value::prelude::time::{Date, Time, UtcOffset};
    use sea_orm::sea_query::value::prelude::{OffsetDateTime, PrimitiveDateTime};
    let days = Date::MIN.to_julian_day()..=Date::MAX.to_julian_day();
    let date = days.prop_map(|day| Date::from_julian_day(day).unwrap());
    let nanos = prop_oneof![Just(0), 0..1_000_000_000_u32];
    let time = (0..24_u8, 0..60_u8, 0..60_u8, nanos)
        .prop_map(|(hour, minute, second, nanos)| Time::from_hms_nano(hour, minute, second, nanos).unwrap());
    let both = (date.clone(), time.clone()).prop_map(|(date, time)| PrimitiveDateTime::new(date, time));
    let offset = (-86_399..=86_399).prop_map(|offset| UtcOffset::from_whole_seconds(offset).unwrap());
    let zoned = (both.clone(), offset)
        .prop_map(|(moment, offset)| OffsetDateTime::new_in_offset(moment.date(), moment.time(), offset));
    vec![
        option::of(date).prop_map(Value::TimeDate).boxed(),
        option::of(time).prop_map(Value::TimeTime).boxed(),
        option::of(both).prop_map(Value::TimeDateTime).boxed(),
        option::of(zoned).prop_map(Value::TimeDateTimeWithTimeZone).boxed(),
    ]
}

#[allow(unused_mut, reason = "without features")]
fn others() -> Vec<BoxedStrategy<Value>> {
    let mut kinds: Vec<BoxedStrategy<Value>> = Vec::new();
    #[cfg(feature = "with-uuid")]
    kinds.push(
        any::<Option<u128>>().prop_map(|v| Value::Uuid(v.map(sea_orm::prelude::Uuid::from_u128))).boxed(),
    );
    #[cfg(feature = "with-rust_decimal")]
    kinds.push(
        option::of((any::<[u32; 3]>(), any::<bool>(), 0..=28_u32))
            .prop_map(|v| {
                Value::Decimal(v.map(|([low, middle, high], negative, scale)| {
                    sea_orm::prelude::Decimal::from_parts(low, middle, high, negative, scale)
                }))
            })
            .boxed(),
    );
    #[cfg(feature = "with-bigdecimal")]
    kinds.push(
        option::of((vec(any::<u8>(), 0..60), any::<i64>()))
            .prop_map(|v| {
                use sea_orm::sea_query::value::prelude::bigdecimal::{BigDecimal, num_bigint::BigInt};
                Value::BigDecimal(v.map(|(digits, scale)| {
                    Box::new(BigDecimal::new(BigInt::from_signed_bytes_le(&digits), scale))
                }))
            })
            .boxed(),
    );
    #[cfg(feature = "with-ipnetwork")]
    kinds.push(
        option::of((any::<std::net::IpAddr>(), 0..=128_u8))
            .prop_map(|v| {
                Value::IpNetwork(v.map(|(ip, prefix)| {
                    let prefix = if ip.is_ipv4() { prefix % 33 } else { prefix };
                    sea_orm::prelude::IpNetwork::new(ip, prefix).unwrap()
                }))
            })
            .boxed(),
    );
    #[cfg(feature = "with-mac_address")]
    kinds.push(any::<Option<[u8; 6]>>().prop_map(|v| Value::MacAddress(v.map(Into::into))).boxed());
    kinds
}
