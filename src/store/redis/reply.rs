//! What a server answers, as the cache needs it.

use super::wire::{RespValue, WireError};
use crate::store::{Found, Inspected, StoreError, StoreErrorKind};
use bytes::Bytes;
use std::time::Duration;

/// What a read of a key has found.
pub(super) fn found(answer: Result<Option<Bytes>, WireError>) -> Result<Found, WireError> {
    match answer {
        Ok(bytes) => Ok(bytes.map_or(Found::Nothing, Found::Bytes)),
        Err(error) if error.code() == "WRONGTYPE" => Ok(Found::Foreign),
        Err(error) => Err(error),
    }
}

/// As [`found`], of a `GET` among others.
pub(super) fn found_value(answer: Result<RespValue, WireError>) -> Result<Found, WireError> {
    found(answer.map(|value| match value {
        RespValue::Bytes(bytes) => Some(bytes),
        _ => None,
    }))
}

/// What the script `inspect` has answered about a key.
pub(super) fn inspected(key: String, answer: RespValue) -> Result<Inspected, StoreError> {
    let strange = || StoreError::new(StoreErrorKind::Refused, "an inspection has a strange answer");
    let fields = answer.into_array().and_then(|fields| <[RespValue; 4]>::try_from(fields).ok());
    let [kind, bytes, left, now_ms] = fields.ok_or_else(strange)?;
    let (RespValue::Integer(kind), RespValue::Integer(left), RespValue::Integer(now_ms)) =
        (kind, left, now_ms)
    else {
        return Err(strange());
    };
    let found = match (kind, bytes) {
        (0, _) => Found::Nothing,
        (1, RespValue::Bytes(bytes)) => Found::Bytes(bytes),
        _ => Found::Foreign,
    };
    let ttl = match left {
        -1 => Some(Duration::MAX),
        left => u64::try_from(left).ok().map(Duration::from_millis),
    };
    Ok(Inspected::new(key, found, ttl, now_ms.unsigned_abs()))
}
