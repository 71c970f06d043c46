//! Rows as the values of their columns, in MessagePack: an array of a tag and a payload for each
//! column. A value comes back as the very same variant with the very same bits.

mod cell;
#[cfg(feature = "with-chrono")]
mod chrono;
#[cfg(any(feature = "with-rust_decimal", feature = "with-bigdecimal"))]
mod decimal;
#[cfg(feature = "with-json")]
mod json;
mod kinds;
#[cfg(any(feature = "with-ipnetwork", feature = "with-mac_address"))]
mod net;
#[cfg(any(feature = "postgres-array", feature = "postgres-vector"))]
mod postgres;
mod read;
mod size;
mod tag;
#[cfg(test)]
mod tests;
#[cfg(feature = "with-time")]
mod time;
mod wire;
mod write;

use sea_orm::Value;
use wire::Input;

pub(crate) use kinds::{supports, supports_arrays, supports_vectors};
pub(crate) use size::decoded_bytes;

/// How deep arrays may lie in arrays. The depth of JSON is counted on its own.
const ARRAY_DEPTH: usize = 8;
/// How deep arrays and objects may lie in each other in JSON, which is what serde_json reads itself.
const JSON_DEPTH: usize = 128;

/// A value which cannot be written, so that its row is not cached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsupported {
    /// Values of this kind, or this particular value of it, cannot be cached.
    #[error("{}", kinds::reason(.0))]
    Kind(String),
    /// JSON or arrays nested deeper than can be read safely.
    #[cfg_attr(not(any(feature = "with-json", feature = "postgres-array")), allow(dead_code))]
    #[error("JSON or an array is nested too deep")]
    TooDeep,
}

/// The bytes are not a row of values, or hold a kind of value which this build does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed values")]
pub(crate) struct Malformed;

/// Begins a row of `columns` values.
pub(crate) fn begin(out: &mut Vec<u8>, columns: usize) {
    wire::row_header(out, columns);
}

/// Adds the value of the next column. After an error `out` is as it was before.
pub(crate) fn push(out: &mut Vec<u8>, value: &Value) -> Result<(), Unsupported> {
    let before = out.len();
    let written = write::value(out, value, ARRAY_DEPTH);
    if written.is_err() {
        out.truncate(before);
    }
    written
}

/// Reads the values of a row one after the other.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    input: Input<'a>,
    left: usize,
}

impl<'a> Reader<'a> {
    /// Over the bytes of a row, whose header is read at once.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut input = Input::of(bytes);
        let left = input.row_header()?;
        Ok(Self { input, left })
    }

    /// The number of values that are left.
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    /// The value of the next column. It is an error to read past the last.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Value, Malformed> {
        self.left = self.left.checked_sub(1).ok_or(Malformed)?;
        read::value(&mut self.input, ARRAY_DEPTH)
    }

    /// Errs when values or bytes are left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.left == 0 && self.input.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
