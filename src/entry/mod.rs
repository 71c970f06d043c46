//! Entries: the bytes of a cached row or list.

mod codec;
mod fingerprint;
mod header;
mod raw;
#[cfg(test)]
mod tests;
pub(crate) mod values;

pub(crate) use codec::{decode_members, encode_members, encode_row, encode_tombstone};
pub(crate) use fingerprint::{Fingerprint, schema_hash};
pub(crate) use header::{
    Content, HEADER_LEN, Header, PkMark, Reading, Unreadable, concerns, decoded_bytes, fingerprint_of, read,
};
pub use raw::RawEntry;
