//! What is written comes back.

use super::strategies::{any_row, any_value};
use super::{comes_back, decoded, encoded, returned, same};
use proptest::prelude::*;
use sea_orm::Value;
use sea_orm::sea_query::{Enum, OptionEnum};

proptest! {
    #[test]
    fn a_row_comes_back_as_the_very_same_values(row in any_row()) {
        let back = decoded(&encoded(&row)).unwrap();
        prop_assert_eq!(row.len(), back.len());
        for (before, after) in row.iter().zip(&back) {
            prop_assert!(same(before, after), "{:?} came back as {:?}", before, after);
        }
    }

    #[test]
    fn a_row_is_one_message_of_messagepack(row in any_row()) {
        let bytes = encoded(&row);
        prop_assert_eq!(message_len(&bytes), Some(bytes.len()));
    }

    #[test]
    fn a_value_is_written_the_same_way_again(value in any_value()) {
        let again = encoded(&[returned(&value)]);
        prop_assert_eq!(encoded(&[value]), again);
    }
}

/// The length of the first message in the bytes, read as any reader of MessagePack would.
fn message_len(bytes: &[u8]) -> Option<usize> {
    use rmp::Marker::*;
    let be = |at: usize, len: usize| {
        let bytes = bytes.get(at..at + len)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let (mut at, mut objects) = (0, 1);
    while objects > 0 {
        let marker = rmp::Marker::from_u8(*bytes.get(at)?);
        // The bytes of this object after its marker, and the objects that are inside of it.
        let (len, inside) = match marker {
            FixPos(_) | FixNeg(_) | Null | True | False => (0, 0),
            U8 | I8 => (1, 0),
            U16 | I16 => (2, 0),
            U32 | I32 | F32 => (4, 0),
            U64 | I64 | F64 => (8, 0),
            FixStr(len) => (len.into(), 0),
            Str8 | Bin8 => (1 + be(at + 1, 1)?, 0),
            Str16 | Bin16 => (2 + be(at + 1, 2)?, 0),
            Ext8 => (2 + be(at + 1, 1)?, 0),
            FixArray(len) => (0, len.into()),
            Array16 => (2, be(at + 1, 2)?),
            FixMap(len) => (0, 2 * usize::from(len)),
            other => panic!("{other:?} is not expected in a short row"),
        };
        at += 1 + len;
        objects = objects - 1 + inside;
    }
    Some(at)
}

#[test]
fn a_null_comes_back_as_the_null_of_its_kind() {
    for null in nulls() {
        comes_back(&null);
    }
}

fn nulls() -> Vec<Value> {
    vec![
        Value::Bool(None),
        Value::TinyInt(None),
        Value::SmallInt(None),
        Value::Int(None),
        Value::BigInt(None),
        Value::TinyUnsigned(None),
        Value::SmallUnsigned(None),
        Value::Unsigned(None),
        Value::BigUnsigned(None),
        Value::Float(None),
        Value::Double(None),
        Value::String(None),
        Value::Enum(OptionEnum::None("mood".into())),
        Value::Enum(OptionEnum::None("".into())),
        Value::Char(None),
        Value::Bytes(None),
        #[cfg(feature = "with-json")]
        Value::Json(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDate(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoTime(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTime(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTimeUtc(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTimeLocal(None),
        #[cfg(feature = "with-chrono")]
        Value::ChronoDateTimeWithTimeZone(None),
        #[cfg(feature = "with-time")]
        Value::TimeDate(None),
        #[cfg(feature = "with-time")]
        Value::TimeTime(None),
        #[cfg(feature = "with-time")]
        Value::TimeDateTime(None),
        #[cfg(feature = "with-time")]
        Value::TimeDateTimeWithTimeZone(None),
        #[cfg(feature = "with-uuid")]
        Value::Uuid(None),
        #[cfg(feature = "with-rust_decimal")]
        Value::Decimal(None),
        #[cfg(feature = "with-bigdecimal")]
        Value::BigDecimal(None),
        #[cfg(feature = "postgres-array")]
        Value::Array(sea_orm::sea_query::ArrayType::Int, None),
        #[cfg(feature = "postgres-array")]
        Value::Array(sea_orm::sea_query::ArrayType::Enum(Box::new("mood".into())), None),
        #[cfg(feature = "postgres-vector")]
        Value::Vector(None),
        #[cfg(feature = "with-ipnetwork")]
        Value::IpNetwork(None),
        #[cfg(feature = "with-mac_address")]
        Value::MacAddress(None),
    ]
}

#[test]
fn integers_come_back_at_their_limits() {
    for edge in [i64::MIN, i64::MAX, 0, -1, -32, -33, -128, -129, 127, 128, 255, 256, 65_535, 65_536] {
        comes_back(&Value::BigInt(Some(edge)));
    }
    for edge in [0, u64::MAX, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 1 << 63] {
        comes_back(&Value::BigUnsigned(Some(edge)));
    }
    let ends = [
        Value::TinyInt(Some(i8::MIN)),
        Value::TinyInt(Some(i8::MAX)),
        Value::SmallInt(Some(i16::MIN)),
        Value::SmallInt(Some(i16::MAX)),
        Value::Int(Some(i32::MIN)),
        Value::Int(Some(i32::MAX)),
        Value::TinyUnsigned(Some(u8::MAX)),
        Value::SmallUnsigned(Some(u16::MAX)),
        Value::Unsigned(Some(u32::MAX)),
    ];
    ends.iter().for_each(comes_back);
}

#[test]
fn floats_come_back_to_the_last_bit() {
    let doubles = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX, 5e-324];
    for double in doubles {
        comes_back(&Value::Double(Some(double)));
    }
    for bits in [0x7ff0_0000_0000_0001, 0x7ff8_dead_beef_0001, 0xfff8_0000_0000_0000_u64] {
        comes_back(&Value::Double(Some(f64::from_bits(bits))));
    }
    for bits in [0, 0x8000_0000, 0x7f80_0001, 0x7fc0_1234, 0xffff_ffff_u32, 1] {
        comes_back(&Value::Float(Some(f32::from_bits(bits))));
    }
}

#[test]
fn texts_and_bytes_of_any_length_come_back() {
    for len in [0, 1, 31, 32, 255, 256, 65_535, 65_536, 1_000_000] {
        comes_back(&Value::String(Some("x".repeat(len))));
        comes_back(&Value::Bytes(Some(vec![0xc1; len])));
    }
    comes_back(&Value::String(Some("Zoë 日本語 \0 🦀".to_owned())));
    for char in ['\0', 'a', '\u{7ff}', '\u{d7ff}', '\u{e000}', char::MAX] {
        comes_back(&Value::Char(Some(char)));
    }
}

#[test]
fn an_enum_keeps_its_type() {
    let mood = Enum { type_name: "mood".into(), value: "sad".into() };
    comes_back(&Value::Enum(OptionEnum::Some(Box::new(mood))));
    comes_back(&Value::Enum(OptionEnum::Some(Box::new(Enum { type_name: "".into(), value: "".into() }))));
}

#[cfg(feature = "with-uuid")]
#[test]
fn a_uuid_takes_sixteen_bytes_and_its_marks() {
    let uuid = Value::Uuid(Some(sea_orm::prelude::Uuid::from_u128(u128::MAX - 1)));
    comes_back(&uuid);
    assert_eq!(encoded(&[uuid]).len(), 1 + 1 + 2 + 16);
}

#[cfg(feature = "with-rust_decimal")]
#[test]
fn a_decimal_keeps_its_scale_and_sign() {
    use sea_orm::prelude::Decimal;
    let mut negative_zero = Decimal::new(0, 3);
    negative_zero.set_sign_negative(true);
    let scaled = [Decimal::new(1, 0), Decimal::new(10, 1), Decimal::new(1000, 3), Decimal::new(0, 28)];
    for decimal in scaled.into_iter().chain([Decimal::MIN, Decimal::MAX, negative_zero]) {
        comes_back(&Value::Decimal(Some(decimal)));
    }
}

#[cfg(feature = "with-bigdecimal")]
#[test]
fn a_big_decimal_keeps_its_digits_and_scale() {
    use sea_orm::prelude::BigDecimal;
    let large = format!("-{}.{}", "123456789".repeat(50), "0".repeat(40));
    for text in ["0", "0.00", "-1.0", "1.00", "1e400", &large] {
        comes_back(&Value::BigDecimal(Some(Box::new(text.parse::<BigDecimal>().unwrap()))));
    }
    for scale in [i64::MIN, i64::MAX] {
        comes_back(&Value::BigDecimal(Some(Box::new(BigDecimal::new(7.into(), scale)))));
    }
}

#[cfg(feature = "with-ipnetwork")]
#[test]
fn a_network_keeps_its_host_and_prefix() {
    for text in ["10.1.2.3/8", "10.1.2.3/32", "0.0.0.0/0", "fe80::1/64", "::/0", "::ffff:1.2.3.4/128"] {
        comes_back(&Value::IpNetwork(Some(text.parse().unwrap())));
    }
}

#[cfg(feature = "with-mac_address")]
#[test]
fn a_mac_address_comes_back() {
    comes_back(&Value::MacAddress(Some([0, 255, 1, 2, 3, 0xc0].into())));
}

#[cfg(feature = "postgres-vector")]
#[test]
fn a_vector_comes_back_to_the_last_bit() {
    comes_back(&Value::Vector(Some(vec![].into())));
    comes_back(&Value::Vector(Some(vec![-0.0, 1.5, f32::from_bits(0x7fc0_0042), f32::MIN].into())));
}
