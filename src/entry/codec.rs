//! Entries from values, and values from entries.

use super::values::{self, Malformed, Reader, Unsupported};
use super::{HEADER_LEN, Header, PkMark};
use bytes::Bytes;
use sea_orm::sea_query::{Value, ValueTuple};

const TYPICAL_ENTRY_BYTES: usize = 256;

/// A value entry: a row of so many columns.
///
/// # Errors
/// The value of this column cannot be cached.
pub(crate) fn encode_row(
    header: &Header,
    columns: usize,
    value: &dyn Fn(usize) -> Value,
) -> Result<Bytes, (usize, Unsupported)> {
    let mut bytes = Vec::with_capacity(TYPICAL_ENTRY_BYTES);
    bytes.extend(header.encode(b'V'));
    values::begin(&mut bytes, columns);
    for column in 0..columns {
        values::push(&mut bytes, &value(column)).map_err(|error| (column, error))?;
    }
    Ok(bytes.into())
}

/// A value entry: the mark of a list's values, and the primary keys of its rows.
///
/// # Errors
/// A primary key cannot be cached.
pub(crate) fn encode_members(
    header: &Header,
    mark: u64,
    members: &[ValueTuple],
) -> Result<Bytes, Unsupported> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + 16 + members.len() * 8);
    bytes.extend(header.encode(b'V'));
    let of_members = members.iter().map(|pk| pk.clone().into_iter().count()).sum::<usize>();
    values::begin(&mut bytes, 1 + of_members);
    values::push(&mut bytes, &Value::BigUnsigned(Some(mark)))?;
    for value in members.iter().flat_map(|pk| pk.clone().into_iter()) {
        values::push(&mut bytes, &value)?;
    }
    Ok(bytes.into())
}

/// The mark and the primary keys of a list, each of so many values.
///
/// # Errors
/// The bytes are no such list.
pub(crate) fn decode_members(payload: &[u8], arity: usize) -> Result<(u64, Vec<Vec<Value>>), Malformed> {
    let mut reader = Reader::of(payload)?;
    let Value::BigUnsigned(Some(mark)) = reader.next()? else { return Err(Malformed) };
    if arity == 0 || reader.len() % arity != 0 {
        return Err(Malformed);
    }
    // A length is a promise of the bytes: room is made as they keep it.
    let mut members = Vec::new();
    while reader.len() > 0 {
        members.push((0..arity).map(|_| reader.next()).collect::<Result<_, _>>()?);
    }
    reader.finish()?;
    Ok((mark, members))
}

/// A tombstone entry: the row with this primary key is known not to exist.
#[must_use]
pub(crate) fn encode_tombstone(header: &Header, pk: PkMark) -> Bytes {
    [header.encode(b'T').as_slice(), pk.bytes()].concat().into()
}
