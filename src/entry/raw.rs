use super::header::{FORMAT_VERSION, HEADER_LEN, fingerprint_of};
use super::values::Reader;
use crate::coherence::{Kind, kind_of};
use sea_orm::Value;

/// What the bytes of an entry say to whoever knows no entity: for tools. The first bytes of an entry will do for all but
/// its values.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEntry {
    /// Whether it is a tombstone, and else a row or a list.
    pub is_tombstone: bool,
    /// The version of its format.
    pub format: u8,
    /// Hashes of its entity and of its columns, if it is of this format.
    pub fingerprint: Option<String>,
    /// The values of a row, or a mark and the values of the primary keys of a list.
    pub values: Option<Vec<Value>>,
}

impl RawEntry {
    /// The format that this version of the library writes and reads.
    pub const FORMAT: u8 = FORMAT_VERSION;

    /// `None`: the bytes are no entry of any format.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let kind = kind_of(bytes);
        let payload = bytes.get(HEADER_LEN..)?;
        if !matches!(kind, Kind::Value | Kind::Tombstone) {
            return None;
        }
        let fingerprint = fingerprint_of(bytes).map(|fingerprint| fingerprint.to_string());
        let values = if fingerprint.is_some() && kind == Kind::Value { values_of(payload) } else { None };
        Some(Self { is_tombstone: kind == Kind::Tombstone, format: bytes[1], fingerprint, values })
    }
}

fn values_of(payload: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader::of(payload).ok()?;
    // A length is a promise of the bytes: room is made as they keep it.
    let mut values = Vec::new();
    while reader.len() > 0 {
        values.push(reader.next().ok()?);
    }
    reader.finish().ok()?;
    Some(values)
}
