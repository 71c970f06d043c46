//! What fred answers, as the cache needs it.

use super::faults::is_about_a_key;
use crate::store::{Found, Inspected, StoreError, StoreErrorKind};
use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::prelude::{FredResult, Value};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

pub(super) fn found(answer: FredResult<Option<Bytes>>) -> Result<Found, StoreError> {
    match answer {
        Ok(bytes) => Ok(bytes.map_or(Found::Nothing, Found::Bytes)),
        Err(error) if error.details().starts_with("WRONGTYPE") => Ok(Found::Foreign),
        Err(error) => Err(store_error(&error)),
    }
}

/// What the script `inspect` has answered about a key.
pub(super) fn inspected(key: String, answer: FredResult<Value>) -> Result<Inspected, StoreError> {
    let answer = answer.and_then(Value::convert::<(u8, Bytes, i64, u64)>);
    let (kind, bytes, left, now_ms) = answer.map_err(|error| store_error(&error))?;
    let found = match kind {
        0 => Found::Nothing,
        1 => Found::Bytes(bytes),
        _ => Found::Foreign,
    };
    let ttl = match left {
        -1 => Some(Duration::MAX),
        left => u64::try_from(left).ok().map(Duration::from_millis),
    };
    Ok(Inspected::new(key, found, ttl, now_ms))
}

/// fred answers a pipeline that failed as a whole with one error.
pub(super) fn one_for_each<T>(mut results: Vec<FredResult<T>>, count: usize) -> Vec<FredResult<T>> {
    if results.len() == count {
        return results;
    }
    let short = || Error::new(ErrorKind::Protocol, "a pipeline answered with another number of replies");
    let error = results.drain(..).find_map(Result::err).unwrap_or_else(short);
    (0..count).map(|_| Err(error.clone())).collect()
}

/// The answer, unless it comes too late. The timeout is around fred's future, not within, where it costs twice
/// as much; and beside it, since its 5 KiB are not to be moved once more.
pub(super) async fn in_time<T, F>(limit: Duration, mut answer: Pin<&mut F>) -> FredResult<T>
where
    F: Future<Output = FredResult<T>>,
{
    let mut late = pin!(tokio::time::sleep(limit));
    let first = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => late.as_mut().poll(context).map(|()| Err(timed_out())),
    });
    first.await
}

pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "Request timed out.")
}

pub(super) fn is_noscript(result: &FredResult<Value>) -> bool {
    matches!(result, Err(error) if error.details().starts_with("NOSCRIPT"))
}

pub(super) fn store_error(error: &Error) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Timeout => StoreErrorKind::Timeout,
        ErrorKind::Config | ErrorKind::Url => StoreErrorKind::Config,
        ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing | ErrorKind::Sentinel => {
            StoreErrorKind::Unreachable
        }
        ErrorKind::Unknown if has_no_task(error) => StoreErrorKind::Unreachable,
        _ => StoreErrorKind::Refused,
    };
    let details = error.details();
    if details.starts_with("NOPERM") && is_about_a_key(details) {
        // Which of them is a secret of the program.
        let message = "the Redis user may not touch the keys of this cache: \
                       `ACL SETUSER <user> ~<key_prefix><app label>:*`";
        return StoreError::new(kind, message);
    }
    StoreError::new(kind, details)
}

/// Whether the client's task has ended: fred has no kind for it.
fn has_no_task(error: &Error) -> bool {
    ["Failed to send command to router", "Client is not initialized"]
        .iter()
        .any(|text| error.details().starts_with(text))
}
