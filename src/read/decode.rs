//! What a store has found under a row's key.

use super::slot::{RowSlot, SharedRow};
use crate::entry::values::Reader;
use crate::entry::{Content, PkMark, Unreadable};
use crate::key::{self, pk_text, same_text};
use crate::keyspace::{AnsweredBy, Keyspace};
use crate::store::{Decoded, Found, MemoryEntry};
use crate::telemetry::Event;
use bytes::Bytes;
use sea_orm::sea_query::{Value, ValueTuple};
use std::any::Any;
use std::sync::Arc;

pub(super) enum Answer {
    /// The row is in its slot.
    Row,
    /// The row is known not to exist.
    Absent,
    /// The key is empty.
    Nothing,
    /// A reader or a writer is at work.
    Busy,
    /// Bytes that this reader cannot use; a lease may take them over.
    Unusable(Bytes),
}

/// Decodes what was found, into the slot if it is the row with this primary key.
pub(super) fn decode(keyspace: &Keyspace, pk: &ValueTuple, found: Found, slot: &mut dyn RowSlot) -> Answer {
    match found {
        Found::Nothing => Answer::Nothing,
        Found::Foreign => {
            keyspace.stats.count(Event::undecodable);
            Answer::Nothing
        }
        Found::Bytes(bytes) => decode_bytes(keyspace, pk, bytes, AnsweredBy::Store, slot),
        Found::Stamped { bytes, stamp } => decode_bytes(keyspace, pk, bytes, AnsweredBy::Server(stamp), slot),
        Found::Memory(entry) => {
            let answer = decode_in_memory(keyspace, pk, &entry, slot);
            if let (Answer::Row, Some(ids), Some(id)) = (&answer, &keyspace.ids, key::integer(pk)) {
                ids.list(id, &entry);
            }
            answer
        }
    }
}

/// Decodes an entry once, and leaves the row for the next reader.
fn decode_in_memory(
    keyspace: &Keyspace,
    pk: &ValueTuple,
    entry: &Arc<MemoryEntry>,
    slot: &mut dyn RowSlot,
) -> Answer {
    let reading = keyspace.reading(AnsweredBy::Store);
    if let Some(known) = entry.decoded()
        && Some(known.reading) == reading
        && is_row_of(keyspace, &*known.row, pk)
    {
        slot.put(&known.row);
        return Answer::Row;
    }
    let mut shared = SharedRow::of(keyspace.schema.ops);
    let answer = decode_bytes(keyspace, pk, entry.bytes().clone(), AnsweredBy::Store, &mut shared);
    if let (Some(row), Some(reading)) = (shared.row, reading) {
        slot.put(&row);
        entry.remember(Decoded { reading, row });
    }
    answer
}

fn decode_bytes(
    keyspace: &Keyspace,
    pk: &ValueTuple,
    bytes: Bytes,
    by: AnsweredBy,
    slot: &mut dyn RowSlot,
) -> Answer {
    let payload = match keyspace.read(&bytes, by) {
        Ok(Content::Row(payload)) => payload,
        Ok(Content::Absence(mark)) if pk_text(pk).is_some_and(|text| PkMark::of(&text) == mark) => {
            return Answer::Absent;
        }
        // The absence of another row under the same key text.
        Ok(Content::Absence(_)) => return unusable(keyspace, bytes),
        Err(Unreadable::Marker) => return Answer::Busy,
        Err(Unreadable::OtherEntity) => {
            keyspace.warn_of_other();
            return unusable(keyspace, bytes);
        }
        Err(Unreadable::Malformed | Unreadable::OtherSchema | Unreadable::OtherServer) => {
            return unusable(keyspace, bytes);
        }
    };
    if decode_payload(keyspace, pk, payload, slot) {
        Answer::Row
    } else {
        slot.clear();
        unusable(keyspace, bytes)
    }
}

/// Not if two primary keys have one key text, or damaged bytes still decode.
pub(super) fn decode_payload(
    keyspace: &Keyspace,
    pk: &ValueTuple,
    payload: &[u8],
    slot: &mut dyn RowSlot,
) -> bool {
    let Ok(mut values) = Reader::of(payload) else { return false };
    values.len() == keyspace.schema.columns.len()
        && slot.decode(&mut values)
        && values.finish().is_ok()
        && slot.row().is_some_and(|row| is_row_of(keyspace, row, pk))
}

fn unusable(keyspace: &Keyspace, bytes: Bytes) -> Answer {
    keyspace.stats.count(Event::undecodable);
    Answer::Unusable(bytes)
}

/// Whether this row has this primary key. Values of one key may differ in kind (an enum and its text), so the
/// texts settle it.
pub(super) fn is_row_of(keyspace: &Keyspace, row: &dyn Any, pk: &ValueTuple) -> bool {
    let schema = &keyspace.schema;
    let is = |column: usize, asked: &Value| same_text(&schema.ops.get(row, column), asked);
    match (schema.pk.as_slice(), pk) {
        ([a], ValueTuple::One(x)) => is(*a, x),
        ([a, b], ValueTuple::Two(x, y)) => is(*a, x) && is(*b, y),
        (columns, pk) => {
            let asked: Vec<Value> = pk.clone().into_iter().collect();
            asked.len() == columns.len() && columns.iter().zip(&asked).all(|(column, x)| is(*column, x))
        }
    }
}
