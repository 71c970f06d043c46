//! What a hit answers is what `find_by_id` answers: every kind of column, at its limits, and NULL.

use crate::entities::values::{Grade, Label, Metres, Port, Size, Tea};
use crate::entities::values::{decimal, json, moment, named, real, text, tiny, unsigned, whole};
use crate::entries::alike::are_alike;
use crate::support::{Database, each_world};
use sea_orm::prelude::{Date, DateTime, DateTimeUtc, DateTimeWithTimeZone, Decimal, Json, Time, Uuid};

/// Each case once with all that may be NULL set, and once without.
fn both<C, M>(cases: impl IntoIterator<Item = C>, row: impl Fn(&C, bool) -> M) -> Vec<M> {
    let cases: Vec<C> = cases.into_iter().collect();
    cases.iter().flat_map(|case| [row(case, true), row(case, false)]).collect()
}

#[tokio::test]
async fn integers_and_truths_at_their_limits() {
    each_world(|world| async move {
        let cases = [
            (i16::MIN, i32::MIN, i64::MIN, true),
            (-1, -1, -1, false),
            (0, 0, 0, true),
            (i16::MAX, i32::MAX, i64::MAX, false),
        ];
        let rows = both(cases, |&(small, int, big, flag), set| whole::Model {
            id: 0,
            small,
            maybe_small: set.then_some(small),
            int,
            maybe_int: set.then_some(int),
            big,
            maybe_big: set.then_some(big),
            flag,
            maybe_flag: set.then_some(flag),
        });
        are_alike::<whole::Entity>(&world, "", rows).await?;
        if world.database == Database::Postgres {
            return Ok(()); // It has no integer of one byte.
        }
        let tiny = |&tiny: &i8, set: bool| tiny::Model { id: 0, tiny, maybe_tiny: set.then_some(tiny) };
        are_alike::<tiny::Entity>(&world, "", both([i8::MIN, -1, 0, i8::MAX], tiny)).await
    })
    .await;
}

#[tokio::test]
async fn unsigned_integers_at_their_limits() {
    each_world(|world| async move {
        if world.database != Database::MariaDb {
            return Ok(()); // Only MariaDB has them.
        }
        let cases = [(0, 0, 0, 0), (u8::MAX, u16::MAX, u32::MAX, u64::MAX), (128, 32_768, 1 << 31, 1 << 63)];
        let rows = both(cases, |&(tiny, small, int, big), set| unsigned::Model {
            id: 0,
            tiny,
            maybe_tiny: set.then_some(tiny),
            small,
            maybe_small: set.then_some(small),
            int,
            maybe_int: set.then_some(int),
            big,
            maybe_big: set.then_some(big),
        });
        are_alike::<unsigned::Entity>(&world, "", rows).await
    })
    .await;
}

#[tokio::test]
async fn floats_with_what_is_no_number_among_them() {
    each_world(|world| async move {
        let mut cases = vec![
            (0.0, 0.0),
            (-0.0, -0.0),
            (0.1, 0.1),
            (1.0 / 3.0, 1.0 / 3.0),
            (f32::MAX, f64::MAX),
            (f32::MIN_POSITIVE, f64::MIN_POSITIVE),
            (16_777_217.0, 9_007_199_254_740_993.0),
        ];
        if world.database != Database::MariaDb {
            cases.extend([(f32::INFINITY, f64::INFINITY), (f32::NEG_INFINITY, f64::NEG_INFINITY)]);
        }
        if world.database == Database::Postgres {
            cases.extend([(f32::NAN, f64::NAN), (1e-45, 5e-324)]);
        }
        let rows = both(cases, |&(single, double), set| real::Model {
            id: 0,
            single,
            maybe_single: set.then_some(single),
            double,
            maybe_double: set.then_some(double),
        });
        are_alike::<real::Entity>(&world, "", rows).await
    })
    .await;
}

#[tokio::test]
async fn texts_bytes_and_uuids() {
    each_world(|world| async move {
        let long = "é🦀".repeat(8_000);
        let texts = ["", " ", "a", "é", "日本語", "🦀 and \u{301}", "a'b\"c\\d%_", "null", "\t\r\n", &long];
        let letters = ["", "a", "ab", "abc", "é🦀ß"];
        let uuids = [Uuid::nil(), Uuid::max(), Uuid::from_u128(1), Uuid::new_v4()];
        let bytes: Vec<u8> = (0..=255).collect();
        let cases = texts.iter().enumerate().map(|(n, text)| {
            let bytes = if n == 0 { Vec::new() } else { bytes[n..].repeat(n) };
            (*text, letters[n % letters.len()], bytes, uuids[n % uuids.len()])
        });
        let rows = both(cases, |(text, letters, bytes, uuid), set| text::Model {
            id: 0,
            text: (*text).to_owned(),
            maybe_text: set.then(|| (*text).to_owned()),
            letters: (*letters).to_owned(),
            bytes: bytes.clone(),
            maybe_bytes: set.then(|| bytes.clone()),
            uuid: *uuid,
            maybe_uuid: set.then_some(*uuid),
        });
        let wide = "ALTER TABLE kind_text CONVERT TO CHARACTER SET utf8mb4";
        are_alike::<text::Entity>(&world, wide, rows).await
    })
    .await;
}

#[tokio::test]
async fn decimals_at_their_limits_and_with_zeros_at_their_end() {
    each_world(|world| async move {
        let mut texts = vec!["0", "0.00", "1", "1.0", "1.50", "-1.5000", "0.0001", "1234567890.0987"];
        if world.database == Database::Postgres {
            let limits = ["79228162514264337593543950335", "-79228162514264337593543950335"];
            texts.extend(limits);
            texts.extend(["0.0000000000000000000000000001", "7.9228162514264337593543950335", "100000"]);
        }
        let price = Decimal::new(123_450, 4);
        let rows = both(texts, |text, set| {
            let decimal: Decimal = text.parse().expect("a decimal");
            decimal::Model { id: 0, decimal, maybe_decimal: set.then_some(decimal), price }
        });
        let wide = "ALTER TABLE kind_decimal MODIFY `decimal` decimal(38, 12) NOT NULL, \
                    MODIFY maybe_decimal decimal(38, 12) NULL";
        are_alike::<decimal::Entity>(&world, wide, rows).await
    })
    .await;
}

/// MariaDB keeps whole seconds unless it is told otherwise.
pub(super) fn precise(table: &str) -> String {
    format!(
        "ALTER TABLE {table} MODIFY `time` time(6) NOT NULL, MODIFY maybe_time time(6) NULL, \
         MODIFY `local` datetime(6) NOT NULL, MODIFY maybe_local datetime(6) NULL, \
         MODIFY utc timestamp(6) NOT NULL DEFAULT 0, MODIFY maybe_utc timestamp(6) NULL, \
         MODIFY zoned timestamp(6) NOT NULL DEFAULT 0, MODIFY maybe_zoned timestamp(6) NULL"
    )
}

#[tokio::test]
async fn moments_to_the_microsecond() {
    each_world(|world| async move {
        let mut cases = vec![
            ("1970-01-02", "00:00:00", "1970-01-02T00:00:01Z"),
            ("2024-02-29", "12:34:56.789012", "2024-02-29T12:34:56.789012+05:30"),
            ("2000-01-01", "23:59:59.999999", "1999-12-31T23:59:59.999999-11:00"),
            ("1999-12-31", "00:00:00.000001", "2037-12-31T23:59:59.000001+00:00"),
            ("2024-01-01", "01:02:03.5", "2024-06-30T12:00:00.123456789Z"),
        ];
        if world.database != Database::MariaDb {
            cases.push(("0001-01-01", "00:00:00", "0001-01-01T00:00:00Z"));
            cases.push(("9999-12-31", "23:59:59", "9999-12-31T23:59:59.999999Z"));
        }
        let rows = both(cases, |(date, time, zoned), set| {
            let (date, time): (Date, Time) = (date.parse().expect("a date"), time.parse().expect("a time"));
            let zoned: DateTimeWithTimeZone = zoned.parse().expect("a moment");
            let (local, utc): (DateTime, DateTimeUtc) = (date.and_time(time), zoned.to_utc());
            moment::Model {
                id: 0,
                date,
                maybe_date: set.then_some(date),
                time,
                maybe_time: set.then_some(time),
                local,
                maybe_local: set.then_some(local),
                utc,
                maybe_utc: set.then_some(utc),
                zoned,
                maybe_zoned: set.then_some(zoned),
            }
        });
        are_alike::<moment::Entity>(&world, &precise("kind_moment"), rows).await
    })
    .await;
}

#[tokio::test]
async fn json_of_every_shape() {
    each_world(|world| async move {
        let texts = [
            "null",
            "true",
            "0",
            "-1",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1",
            "1.0",
            "1e300",
            "-0.0",
            "0.30000000000000004",
            "\"\"",
            "\"é🦀\\u0001\"",
            "[]",
            "{}",
            "[null, [], {}, [[1, 2.5], \"x\"]]",
            r#"{"": null, "b": {"a": [1, {"c": false}]}, "a": 1}"#,
        ];
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let texts: Vec<String> = texts.map(str::to_owned).into_iter().chain([nested(30)]).collect();
        let rows = both(texts, |text, set| {
            let json: Json = text.parse().expect("JSON");
            json::Model { id: 0, json: json.clone(), maybe_json: set.then(|| json.clone()), binary: json }
        });
        are_alike::<json::Entity>(&world, "", rows).await
    })
    .await;
}

#[tokio::test]
async fn enums_and_new_types() {
    each_world(|world| async move {
        let cases = [
            (Tea::Everyday, Size::Small, Grade::Poor, i32::MIN, "", 0),
            (Tea::Afternoon, Size::Large, Grade::Fine, i32::MAX, "é: a label", u16::MAX),
        ];
        let rows = both(cases, |&(tea, size, grade, metres, label, port), set| named::Model {
            id: 0,
            tea,
            maybe_tea: set.then_some(tea),
            size,
            maybe_size: set.then_some(size),
            grade,
            maybe_grade: set.then_some(grade),
            metres: Metres(metres),
            maybe_metres: set.then_some(Metres(metres)),
            label: Label(label.to_owned()),
            maybe_label: set.then(|| Label(label.to_owned())),
            port: Port(port),
            maybe_port: set.then_some(Port(port)),
        });
        are_alike::<named::Entity>(&world, "", rows).await
    })
    .await;
}
