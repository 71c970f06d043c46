//! The header of an entry, 30 bytes before the payload: an encoded row, or the [mark](PkMark) of an absent one.
//!
//! | bytes | what |
//! | --- | --- |
//! | 0 | kind: `V` value, `T` tombstone |
//! | 1 | format version, [`FORMAT_VERSION`] |
//! | 2..6 | the entity: a hash of app label, model name and the id of the database |
//! | 6..10 | the schema: a hash of the columns in their order, their types and nullability, and `CACHE_VERSION` |
//! | 10..14 | stamp of the server that took the entry |
//! | 14..30 | nonce: the token of the fill or write that made it |

use super::Fingerprint;
use crate::coherence::{Kind, Token, kind_of};
use sha2::{Digest, Sha256};

/// Raised when the layout of the header or the encoding of the payload changes.
pub(crate) const FORMAT_VERSION: u8 = 2;
/// Bytes before the payload.
pub(crate) const HEADER_LEN: usize = 30;

/// What an entry says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Entity and schema.
    pub(crate) fingerprint: Fingerprint,
    /// The stamp of the server that took it.
    pub(crate) stamp: u32,
    /// Who made it.
    pub(crate) nonce: Token,
}

/// What a reader expects of an entry: whose it is, and, where it is given, which server has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) stamp: Option<u32>,
}

/// Why an entry cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A lease or an intent, not an entry.
    Marker,
    /// Not an entry of this format, or damaged.
    Malformed,
    /// An entry of another entity or another database.
    OtherEntity,
    /// An entry of another schema or another `CACHE_VERSION`.
    OtherSchema,
    /// An entry that a server took which has since been replaced.
    OtherServer,
}

impl Header {
    /// The header's bytes, for an entry of this kind byte.
    #[must_use]
    pub(crate) fn encode(&self, kind: u8) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = kind;
        bytes[1] = FORMAT_VERSION;
        bytes[2..6].copy_from_slice(&self.fingerprint.entity);
        bytes[6..10].copy_from_slice(&self.fingerprint.schema);
        bytes[10..14].copy_from_slice(&self.stamp.to_be_bytes());
        bytes[14..].copy_from_slice(&self.nonce.to_bytes());
        bytes
    }
}

/// What an entry says, to a reader that may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A row, encoded.
    Row(&'a [u8]),
    /// The row whose primary key has this mark does not exist.
    Absence(PkMark),
}

/// A short hash of a primary key's text. A row carries its key; an absence carries this, so that two
/// primary keys that share a key by mistake are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PkMark([u8; PkMark::LEN]);

impl PkMark {
    const LEN: usize = 8;

    /// The mark of a primary key.
    #[must_use]
    pub(crate) fn of(pk_text: &str) -> Self {
        let mut mark = [0; Self::LEN];
        mark.copy_from_slice(&Sha256::digest(pk_text)[..Self::LEN]);
        Self(mark)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What the bytes say to a reader.
///
/// # Errors
/// Why the bytes cannot be used.
pub(crate) fn read(bytes: &[u8], reading: Reading) -> Result<Content<'_>, Unreadable> {
    let Reading { fingerprint, stamp } = reading;
    let kind = match kind_of(bytes) {
        Kind::Marker => return Err(Unreadable::Marker),
        Kind::Unknown => return Err(Unreadable::Malformed),
        kind => kind,
    };
    let (header, payload) = bytes.split_at_checked(HEADER_LEN).ok_or(Unreadable::Malformed)?;
    if header[1] != FORMAT_VERSION {
        return Err(Unreadable::Malformed);
    }
    if header[2..6] != fingerprint.entity {
        return Err(Unreadable::OtherEntity);
    }
    if header[6..10] != fingerprint.schema {
        return Err(Unreadable::OtherSchema);
    }
    if stamp.is_some_and(|stamp| header[10..14] != stamp.to_be_bytes()) {
        return Err(Unreadable::OtherServer);
    }
    match kind {
        Kind::Value => Ok(Content::Row(payload)),
        _ => payload.try_into().map(|mark| Content::Absence(PkMark(mark))).map_err(|_| Unreadable::Malformed),
    }
}

/// The fingerprint of an entry of this format; `None` for what is none.
#[must_use]
pub(crate) fn fingerprint_of(bytes: &[u8]) -> Option<Fingerprint> {
    let header = bytes.first_chunk::<HEADER_LEN>()?;
    if !matches!(kind_of(bytes), Kind::Value | Kind::Tombstone) || header[1] != FORMAT_VERSION {
        return None;
    }
    let [_, _, a, b, c, d, e, f, g, h, ..] = *header;
    Some(Fingerprint { entity: [a, b, c, d], schema: [e, f, g, h] })
}

/// How much memory this entry's row takes when it is decoded, about; 0 for what is no row.
#[must_use]
pub(crate) fn decoded_bytes(bytes: &[u8]) -> usize {
    match (kind_of(bytes), bytes.get(HEADER_LEN..)) {
        (Kind::Value, Some(payload)) => super::values::decoded_bytes(payload),
        _ => 0,
    }
}

/// Whether a sweep of this entity must touch these bytes: its entries of any format (all formats begin
/// with kind, version and entity), and markers, which do not say whose they are. Nothing else: the
/// server may hold the data of others.
#[must_use]
pub(crate) fn concerns(bytes: &[u8], entity: [u8; 4]) -> bool {
    match kind_of(bytes) {
        Kind::Value | Kind::Tombstone => bytes.get(2..6) == Some(entity.as_slice()),
        Kind::Marker => true,
        Kind::Unknown => false,
    }
}
