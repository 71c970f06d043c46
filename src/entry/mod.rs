//! Entries: the bytes of a cached row, from the header to the fidelity of its columns.

mod codec;
mod fidelity;
mod fingerprint;
mod header;

pub use codec::{decode_model, encode_tombstone, encode_value};
pub use fidelity::first_difference;
pub use fingerprint::{Fingerprint, schema_of};
pub use header::{Content, FORMAT_VERSION, HEADER_LEN, Header, PkMark, Unreadable, concerns, read};
