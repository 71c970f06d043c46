//! The kinds of chrono, as numbers. Nanoseconds from 1,000,000,000 on are a leap second.

use super::cell::cell;
use super::kinds::unsupported;
use super::wire::{self, Input};
use super::{Malformed, Unsupported, tag};
use sea_orm::Value;
use sea_orm::sea_query::value::prelude::{
    DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc,
    chrono::{Datelike, TimeZone, Timelike},
};

pub(super) fn write(out: &mut Vec<u8>, value: &Value) -> Result<(), Unsupported> {
    match value {
        Value::ChronoDate(v) => {
            cell(out, tag::CHRONO_DATE, *v, |out, date| wire::int(out, date.num_days_from_ce().into()))
        }
        Value::ChronoTime(v) => cell(out, tag::CHRONO_TIME, *v, |out, time| {
            wire::moment(out, (time.num_seconds_from_midnight().into(), time.nanosecond()));
        }),
        Value::ChronoDateTime(v) => {
            cell(out, tag::CHRONO_DATE_TIME, v.map(|v| instant(&v.and_utc())), wire::moment)
        }
        Value::ChronoDateTimeUtc(v) => {
            cell(out, tag::CHRONO_DATE_TIME_UTC, v.as_ref().map(instant), wire::moment)
        }
        Value::ChronoDateTimeLocal(v) => {
            cell(out, tag::CHRONO_DATE_TIME_LOCAL, v.as_ref().map(instant), wire::moment)
        }
        Value::ChronoDateTimeWithTimeZone(v) => {
            cell(out, tag::CHRONO_DATE_TIME_WITH_TIME_ZONE, *v, |out, v| {
                let (seconds, nanos) = instant(&v);
                wire::offset_moment(out, (seconds, nanos, v.offset().local_minus_utc()));
            })
        }
        _ => Err(unsupported(value)),
    }
}

pub(super) fn read(input: &mut Input<'_>, tag: u8) -> Result<Value, Malformed> {
    Ok(match tag {
        tag::CHRONO_DATE => Value::ChronoDate(input.nullable(date)?),
        tag::CHRONO_TIME => Value::ChronoTime(input.nullable(time)?),
        tag::CHRONO_DATE_TIME => Value::ChronoDateTime(input.nullable(utc)?.map(|v| v.naive_utc())),
        tag::CHRONO_DATE_TIME_UTC => Value::ChronoDateTimeUtc(input.nullable(utc)?),
        tag::CHRONO_DATE_TIME_LOCAL => {
            Value::ChronoDateTimeLocal(input.nullable(utc)?.map(|v| v.with_timezone(&Local)))
        }
        tag::CHRONO_DATE_TIME_WITH_TIME_ZONE => {
            Value::ChronoDateTimeWithTimeZone(input.nullable(with_offset)?)
        }
        _ => return Err(Malformed),
    })
}

fn instant<Z: TimeZone>(moment: &DateTime<Z>) -> (i64, u32) {
    (moment.timestamp(), moment.timestamp_subsec_nanos())
}

fn date(input: &mut Input<'_>) -> Result<NaiveDate, Malformed> {
    NaiveDate::from_num_days_from_ce_opt(input.int()?).ok_or(Malformed)
}

fn time(input: &mut Input<'_>) -> Result<NaiveTime, Malformed> {
    let (seconds, nanos) = input.moment()?;
    let seconds = u32::try_from(seconds).map_err(|_| Malformed)?;
    // Given both at once, chrono takes a leap second at second 59 only; a value may have it at any.
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0);
    time.and_then(|time| time.with_nanosecond(nanos)).ok_or(Malformed)
}

fn utc(input: &mut Input<'_>) -> Result<DateTime<Utc>, Malformed> {
    from_instant(input.moment()?).ok_or(Malformed)
}

fn from_instant((seconds, nanos): (i64, u32)) -> Option<DateTime<Utc>> {
    if nanos < 1_000_000_000 {
        return DateTime::from_timestamp(seconds, nanos);
    }
    // As in `time`.
    let second: NaiveDateTime = DateTime::from_timestamp(seconds, 0)?.naive_utc();
    second.with_nanosecond(nanos).map(|moment| moment.and_utc())
}

fn with_offset(input: &mut Input<'_>) -> Result<DateTime<FixedOffset>, Malformed> {
    let (seconds, nanos, offset) = input.offset_moment()?;
    let offset = FixedOffset::east_opt(offset).ok_or(Malformed)?;
    let moment = from_instant((seconds, nanos)).ok_or(Malformed)?;
    Ok(moment.with_timezone(&offset))
}
