//! The laws of single kinds which take more than a line, and which kinds there are.

use super::super::{Unsupported, supports, tag};
#[allow(unused_imports, reason = "without features")]
use super::{comes_back, decoded, encoded, returned};
use sea_orm::Value;
use sea_orm::sea_query::ArrayType;

/// All of them, in the order of their numbers.
const TAGS: [u8; 33] = [
    tag::BOOL,
    tag::TINY_INT,
    tag::SMALL_INT,
    tag::INT,
    tag::BIG_INT,
    tag::TINY_UNSIGNED,
    tag::SMALL_UNSIGNED,
    tag::UNSIGNED,
    tag::BIG_UNSIGNED,
    tag::FLOAT,
    tag::DOUBLE,
    tag::STRING,
    tag::ENUM,
    tag::CHAR,
    tag::BYTES,
    tag::JSON,
    tag::CHRONO_DATE,
    tag::CHRONO_TIME,
    tag::CHRONO_DATE_TIME,
    tag::CHRONO_DATE_TIME_UTC,
    tag::CHRONO_DATE_TIME_LOCAL,
    tag::CHRONO_DATE_TIME_WITH_TIME_ZONE,
    tag::TIME_DATE,
    tag::TIME_TIME,
    tag::TIME_DATE_TIME,
    tag::TIME_DATE_TIME_WITH_TIME_ZONE,
    tag::UUID,
    tag::DECIMAL,
    tag::BIG_DECIMAL,
    tag::ARRAY,
    tag::VECTOR,
    tag::IP_NETWORK,
    tag::MAC_ADDRESS,
];

#[test]
fn a_tag_never_changes() {
    assert!(TAGS.iter().copied().eq(1..=33));
}

#[test]
fn the_bytes_of_a_row_never_change() {
    let row = [Value::Int(Some(-1)), Value::String(Some("ab".to_owned())), Value::Bool(None)];
    assert_eq!(encoded(&row), [0x96, 4, 0xff, 12, 0xa2, b'a', b'b', 1, 0xc0]);
}

#[test]
fn the_kinds_of_every_build_are_supported() {
    let kinds = [ArrayType::Bool, ArrayType::BigUnsigned, ArrayType::String, ArrayType::Bytes];
    for kind in kinds.into_iter().chain([ArrayType::Enum(Box::new("mood".into()))]) {
        assert_eq!(supports(&kind), Ok(()));
    }
    #[cfg(feature = "with-json")]
    assert_eq!(supports(&ArrayType::Json), Ok(()));
    #[cfg(feature = "with-chrono")]
    assert_eq!(supports(&ArrayType::ChronoDateTimeLocal), Ok(()));
}

#[test]
fn what_is_off_is_named_with_its_feature() {
    let reason = Unsupported::Kind("Array".to_owned()).to_string();
    assert_eq!(reason.contains("`postgres-array`"), cfg!(not(feature = "postgres-array")), "{reason}");
    let reason = Unsupported::Kind("Range".to_owned()).to_string();
    assert_eq!(reason, "Range cannot be cached");
}

/// The drivers of the tests turn on arrays in sea-query.
#[cfg(not(feature = "postgres-array"))]
#[test]
fn an_array_without_its_feature_is_unsupported() {
    use super::super::{begin, push};
    let mut out = Vec::new();
    begin(&mut out, 1);
    let refused = push(&mut out, &Value::Array(ArrayType::Int, None));
    assert_eq!(refused, Err(Unsupported::Kind("Array".to_owned())));
    assert_eq!(out, [0x92]);
}

#[cfg(feature = "with-chrono")]
mod of_chrono {
    use super::{Value, comes_back, encoded};
    use sea_orm::sea_query::value::prelude::chrono::Timelike;
    use sea_orm::sea_query::value::prelude::{
        DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc,
    };

    fn leap(hour: u32, minute: u32, second: u32) -> NaiveTime {
        let time = NaiveTime::from_hms_opt(hour, minute, second).unwrap();
        time.with_nanosecond(1_999_999_999).unwrap()
    }

    #[test]
    fn dates_and_times_come_back_at_their_limits() {
        for date in [NaiveDate::MIN, NaiveDate::MAX] {
            comes_back(&Value::ChronoDate(Some(date)));
        }
        for moment in [NaiveDateTime::MIN, NaiveDateTime::MAX, DateTime::UNIX_EPOCH.naive_utc()] {
            comes_back(&Value::ChronoDateTime(Some(moment)));
            comes_back(&Value::ChronoDateTimeUtc(Some(moment.and_utc())));
            comes_back(&Value::ChronoDateTimeLocal(Some(moment.and_utc().with_timezone(&Local))));
            for seconds in [-86_399, -1, 0, 1, 20_700, 86_399] {
                let offset = FixedOffset::east_opt(seconds).unwrap();
                let moment = moment.and_utc().with_timezone(&offset);
                comes_back(&Value::ChronoDateTimeWithTimeZone(Some(moment)));
            }
        }
        comes_back(&Value::ChronoTime(Some(NaiveTime::MIN)));
        comes_back(&Value::ChronoTime(NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999)));
    }

    #[test]
    fn a_leap_second_stays_one_at_any_second() {
        for time in [leap(23, 59, 59), leap(12, 34, 56)] {
            comes_back(&Value::ChronoTime(Some(time)));
            let moment = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap().and_time(time);
            comes_back(&Value::ChronoDateTime(Some(moment)));
            comes_back(&Value::ChronoDateTimeUtc(Some(moment.and_utc())));
            comes_back(&Value::ChronoDateTimeLocal(Some(moment.and_utc().with_timezone(&Local))));
        }
    }

    #[test]
    fn whole_seconds_take_no_nanoseconds() {
        let at = |nanos| Value::ChronoDateTimeUtc(DateTime::<Utc>::from_timestamp(1_700_000_000, nanos));
        assert_eq!(encoded(&[at(0)]).len(), 1 + 1 + 5);
        assert_eq!(encoded(&[at(1_000)]).len(), 1 + 1 + 1 + 5 + 3);
    }
}

#[cfg(feature = "with-time")]
#[test]
fn times_with_an_offset_come_back_at_their_limits() {
    use sea_orm::sea_query::value::prelude::time::{Date, Time, UtcOffset};
    use sea_orm::sea_query::value::prelude::{OffsetDateTime, PrimitiveDateTime};
    let last = Time::from_hms_nano(23, 59, 59, 999_999_999).unwrap();
    for (date, time) in [(Date::MIN, Time::MIDNIGHT), (Date::MAX, last)] {
        comes_back(&Value::TimeDate(Some(date)));
        comes_back(&Value::TimeTime(Some(time)));
        comes_back(&Value::TimeDateTime(Some(PrimitiveDateTime::new(date, time))));
        for offset in [-93_599, -3_601, 0, 1, 20_700, 93_599] {
            let offset = UtcOffset::from_whole_seconds(offset).unwrap();
            let moment = OffsetDateTime::new_in_offset(date, time, offset);
            comes_back(&Value::TimeDateTimeWithTimeZone(Some(moment)));
        }
    }
}

#[cfg(feature = "postgres-array")]
mod of_arrays {
    use super::super::super::{ARRAY_DEPTH, Malformed, Unsupported, begin, push, tag};
    use super::super::decoded;
    use super::{ArrayType, Value, comes_back};
    use sea_orm::sea_query::OptionEnum;

    pub(super) fn nested(depth: usize) -> Value {
        (1..depth).fold(Value::Array(ArrayType::Int, Some(Box::default())), |inner, _| {
            Value::Array(ArrayType::Int, Some(Box::new(vec![inner])))
        })
    }

    #[test]
    fn an_empty_array_is_not_a_null() {
        comes_back(&Value::Array(ArrayType::String, Some(Box::default())));
        comes_back(&Value::Array(ArrayType::String, None));
    }

    #[test]
    fn an_array_keeps_the_nulls_in_it() {
        let elements = vec![Value::Int(Some(1)), Value::Int(None), Value::Int(Some(-70_000))];
        comes_back(&Value::Array(ArrayType::Int, Some(Box::new(elements))));
    }

    #[test]
    fn an_array_of_several_kinds_is_neither_written_nor_read() {
        let elements = vec![Value::Int(Some(1)), Value::BigInt(Some(1))];
        let mut out = Vec::new();
        begin(&mut out, 1);
        let before = out.clone();
        let refused = push(&mut out, &Value::Array(ArrayType::Int, Some(Box::new(elements))));
        assert_eq!(refused, Err(Unsupported::Kind("an array of several kinds".to_owned())));
        assert_eq!(out, before);
        let mood = |name: &str| ArrayType::Enum(Box::new(name.to_owned().into()));
        let sad = Value::Enum(OptionEnum::None("mood".into()));
        comes_back(&Value::Array(mood("mood"), Some(Box::new(vec![sad.clone()]))));
        assert!(push(&mut out, &Value::Array(mood("tea"), Some(Box::new(vec![sad])))).is_err());
        let text_among_ints = [0x92, tag::ARRAY, 0x92, tag::INT, 0x92, tag::STRING, 0xa1, b'x'];
        assert_eq!(decoded(&text_among_ints), Err(Malformed));
    }

    #[test]
    fn arrays_nested_too_deep_are_refused() {
        comes_back(&nested(ARRAY_DEPTH));
        let mut out = Vec::new();
        begin(&mut out, 1);
        assert_eq!(push(&mut out, &nested(ARRAY_DEPTH + 1)), Err(Unsupported::TooDeep));
        assert_eq!(out, [0x92]);
    }
}

#[cfg(feature = "with-json")]
mod of_json {
    use super::super::super::json::DEPTH;
    use super::super::super::{Unsupported, begin, push};
    use super::{Value, comes_back, returned};
    use sea_orm::prelude::Json;
    use sea_orm::sea_query::value::prelude::serde_json::{from_str, json};

    fn column(json: Json) -> Value {
        Value::Json(Some(Box::new(json)))
    }

    #[test]
    fn the_null_of_json_is_not_the_null_of_the_column() {
        assert!(matches!(returned(&column(Json::Null)), Value::Json(Some(json)) if json.is_null()));
        assert!(matches!(returned(&Value::Json(None)), Value::Json(None)));
        comes_back(&column(json!([null, { "a": null }])));
    }

    #[test]
    fn numbers_keep_their_form() {
        for text in ["0", "-0", "-0.0", "0.0", "1.0", "1", "1e300", "-1.5e-7", "5e-324"] {
            comes_back(&column(from_str(text).unwrap()));
        }
        for number in [json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(u64::MAX as f64)] {
            comes_back(&column(number));
        }
    }

    /// With serde_json's `arbitrary_precision` these differ from the numbers near them.
    #[test]
    fn numbers_of_many_digits_keep_them() {
        for text in ["123456789012345678901234567890", "0.10", "1.00000000000000000000001", "1e+400"] {
            if let Ok(number) = from_str(text) {
                comes_back(&column(number));
            }
        }
    }

    #[test]
    fn floats_come_back_though_serde_json_would_read_their_text_differently() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Between 0 and 2, where such floats are frequent.
            comes_back(&column(json!(f64::from_bits(bits >> 2))));
        }
    }

    #[test]
    fn keys_keep_their_order() {
        comes_back(&column(json!({ "z": 1, "a": { "y": [], "b": {} }, "": "", "m": [1, "two", 3.5] })));
    }

    #[test]
    fn json_nested_too_deep_is_refused() {
        let nested = |depth| (1..depth).fold(json!([]), |inner, _| json!([inner]));
        comes_back(&column(nested(DEPTH)));
        let mut out = Vec::new();
        begin(&mut out, 1);
        assert_eq!(push(&mut out, &column(nested(DEPTH + 1))), Err(Unsupported::TooDeep));
        assert_eq!(out, [0x92]);
    }
}
