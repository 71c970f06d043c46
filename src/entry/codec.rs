//! Rows as MessagePack arrays: small, quick, and bound to the order of the columns, which the
//! fingerprint guards.

use super::{Header, PkMark};
use bytes::Bytes;
use rmp_serde::config::BytesMode;
use rmp_serde::{Serializer, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

const TYPICAL_ENTRY_BYTES: usize = 256;

/// A value entry.
///
/// # Errors
/// The model's own `Serialize` failed.
pub fn encode_value<M: Serialize>(header: &Header, model: &M) -> Result<Bytes, encode::Error> {
    let mut bytes = Vec::with_capacity(TYPICAL_ENTRY_BYTES);
    bytes.extend(header.encode(b'V'));
    model.serialize(&mut Serializer::new(&mut bytes).with_bytes(BytesMode::ForceAll))?;
    Ok(bytes.into())
}

/// A tombstone entry: the row with this primary key is known not to exist.
#[must_use]
pub fn encode_tombstone(header: &Header, pk: PkMark) -> Bytes {
    [header.encode(b'T').as_slice(), pk.bytes()].concat().into()
}

/// The model in a value's payload.
///
/// # Errors
/// The bytes are not a model of this type.
pub fn decode_model<M: DeserializeOwned>(payload: &[u8]) -> Result<M, decode::Error> {
    rmp_serde::from_slice(payload)
}
