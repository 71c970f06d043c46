//! The kinds of the crate time, as numbers.

use super::cell::cell;
use super::kinds::unsupported;
use super::wire::{self, Input};
use super::{Malformed, Unsupported, tag};
use sea_orm::Value;
use sea_orm::sea_query::value::prelude::{
    OffsetDateTime, PrimitiveDateTime,
    time::{Date, Time, UtcOffset},
};

const SECONDS_OF_A_DAY: i64 = 86_400;
/// The Julian day of 1970-01-01, so that seconds of our time are small.
const EPOCH: i64 = 2_440_588;

pub(super) fn write(out: &mut Vec<u8>, value: &Value) -> Result<(), Unsupported> {
    match value {
        Value::TimeDate(v) => {
            cell(out, tag::TIME_DATE, *v, |out, date| wire::int(out, date.to_julian_day().into()))
        }
        Value::TimeTime(v) => {
            cell(out, tag::TIME_TIME, *v, |out, v| wire::moment(out, (seconds(v), v.nanosecond())))
        }
        Value::TimeDateTime(v) => cell(out, tag::TIME_DATE_TIME, *v, |out, v| {
            wire::moment(out, (local_seconds(v.date(), v.time()), v.nanosecond()));
        }),
        // The local time, since that of UTC may be outside of the type's limits.
        Value::TimeDateTimeWithTimeZone(v) => cell(out, tag::TIME_DATE_TIME_WITH_TIME_ZONE, *v, |out, v| {
            let local = local_seconds(v.date(), v.time());
            wire::offset_moment(out, (local, v.nanosecond(), v.offset().whole_seconds()));
        }),
        _ => Err(unsupported(value)),
    }
}

pub(super) fn read(input: &mut Input<'_>, tag: u8) -> Result<Value, Malformed> {
    Ok(match tag {
        tag::TIME_DATE => Value::TimeDate(input.nullable(date)?),
        tag::TIME_TIME => Value::TimeTime(input.nullable(time)?),
        tag::TIME_DATE_TIME => Value::TimeDateTime(input.nullable(date_time)?),
        tag::TIME_DATE_TIME_WITH_TIME_ZONE => Value::TimeDateTimeWithTimeZone(input.nullable(with_offset)?),
        _ => return Err(Malformed),
    })
}

/// Seconds since midnight.
fn seconds(time: Time) -> i64 {
    let (hour, minute, second) = time.as_hms();
    i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)
}

fn local_seconds(date: Date, time: Time) -> i64 {
    (i64::from(date.to_julian_day()) - EPOCH) * SECONDS_OF_A_DAY + seconds(time)
}

fn date(input: &mut Input<'_>) -> Result<Date, Malformed> {
    Date::from_julian_day(input.int()?).map_err(|_| Malformed)
}

fn time(input: &mut Input<'_>) -> Result<Time, Malformed> {
    let (seconds, nanos) = input.moment()?;
    time_of_day(seconds, nanos)
}

fn time_of_day(seconds: i64, nanos: u32) -> Result<Time, Malformed> {
    let hour = u8::try_from(seconds / 3600).map_err(|_| Malformed)?;
    let minute = u8::try_from(seconds / 60 % 60).map_err(|_| Malformed)?;
    let second = u8::try_from(seconds % 60).map_err(|_| Malformed)?;
    Time::from_hms_nano(hour, minute, second, nanos).map_err(|_| Malformed)
}

fn date_time(input: &mut Input<'_>) -> Result<PrimitiveDateTime, Malformed> {
    let (seconds, nanos) = input.moment()?;
    let (date, time) = parts(seconds, nanos)?;
    Ok(PrimitiveDateTime::new(date, time))
}

fn with_offset(input: &mut Input<'_>) -> Result<OffsetDateTime, Malformed> {
    let (seconds, nanos, offset) = input.offset_moment()?;
    let (date, time) = parts(seconds, nanos)?;
    let offset = UtcOffset::from_whole_seconds(offset).map_err(|_| Malformed)?;
    Ok(OffsetDateTime::new_in_offset(date, time, offset))
}

fn parts(local_seconds: i64, nanos: u32) -> Result<(Date, Time), Malformed> {
    let day = local_seconds.div_euclid(SECONDS_OF_A_DAY) + EPOCH;
    let day = i32::try_from(day).map_err(|_| Malformed)?;
    let date = Date::from_julian_day(day).map_err(|_| Malformed)?;
    Ok((date, time_of_day(local_seconds.rem_euclid(SECONDS_OF_A_DAY), nanos)?))
}
