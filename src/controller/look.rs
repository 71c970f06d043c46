//! What a store has found under a key, as the entity sees it.

use crate::autocache::{Reading, Region};
use crate::entity::CachedEntity;
use crate::entry::{self, Content, PkMark, Unreadable};
use crate::key::{self, pk_text};
use crate::store::{Found, Resident};
use crate::telemetry::Event;
use bytes::Bytes;
use sea_orm::ModelTrait;
use sea_orm::sea_query::ValueTuple;

pub(super) enum Look<M> {
    /// The row.
    Row(M),
    /// The row is known not to exist.
    Absent,
    /// Nothing is there.
    Nothing,
    /// A reader or a writer is at work.
    Busy,
    /// Bytes that this reader cannot use; a lease may take them over.
    Unusable(Bytes),
}

impl<M> Look<M> {
    /// `Some` if this answers a read.
    pub(super) fn answer(self) -> Option<Option<M>> {
        match self {
            Self::Row(row) => Some(Some(row)),
            Self::Absent => Some(None),
            Self::Nothing | Self::Busy | Self::Unusable(_) => None,
        }
    }
}

pub(super) fn look<E: CachedEntity>(region: &Region, pk: &ValueTuple, found: Found) -> Look<E::Model> {
    match found {
        Found::Nothing => Look::Nothing,
        Found::Foreign => {
            region.stats.count(Event::undecodable);
            Look::Nothing
        }
        Found::Bytes(bytes) => look_at::<E>(region, pk, bytes),
        Found::Resident(resident) => {
            let look = look_at_resident::<E>(region, pk, &resident);
            if let (Look::Row(_), Some(near)) = (&look, &region.near)
                && let Some(number) = key::number(pk)
            {
                resident.list_in(near, number);
            }
            look
        }
    }
}

fn look_at_resident<E: CachedEntity>(
    region: &Region,
    pk: &ValueTuple,
    resident: &Resident,
) -> Look<E::Model> {
    let reading = region.reading();
    match resident.decoded::<Decoded<E::Model>>() {
        Some(known) if Some(known.reading) == reading && is_row_of(&known.row, pk) => {
            Look::Row(known.row.clone())
        }
        _ => {
            let look = look_at::<E>(region, pk, resident.bytes().clone());
            if let (Look::Row(row), Some(reading)) = (&look, reading) {
                resident.remember(Decoded { reading, row: row.clone() });
            }
            look
        }
    }
}

/// As a [`look`] at what the store holds, if that is a row that was looked at before, in whose course it
/// was found to be of this primary key. `None` says nothing but that the store must be asked.
#[inline]
pub(super) fn look_near<E: CachedEntity>(region: &Region, pk: &ValueTuple) -> Option<E::Model> {
    let near = region.near.as_ref()?;
    let number = key::number(pk)?;
    if region.ignores_cache() || !region.backend.is_sound() {
        return None;
    }
    let row = near.read(number, |decoded| {
        let known = decoded.downcast_ref::<Decoded<E::Model>>()?;
        (Some(known.reading) == region.reading()).then(|| known.row.clone())
    })?;
    region.stats.count_near();
    Some(row)
}

/// A row that was decoded by a reader with these expectations; so its header need not be read again by
/// another one with the same.
struct Decoded<M> {
    reading: Reading,
    row: M,
}

fn look_at<E: CachedEntity>(region: &Region, pk: &ValueTuple, bytes: Bytes) -> Look<E::Model> {
    let payload = match region.read(&bytes) {
        Ok(Content::Row(payload)) => payload,
        Ok(Content::Absence(mark)) if pk_text(pk).is_some_and(|text| PkMark::of(&text) == mark) => {
            return Look::Absent;
        }
        // The absence of another row under the same key text.
        Ok(Content::Absence(_)) => return unusable(region, bytes),
        Err(Unreadable::Marker) => return Look::Busy,
        Err(Unreadable::Malformed | Unreadable::OtherSchema | Unreadable::OtherServer) => {
            return unusable(region, bytes);
        }
    };
    match entry::decode_model::<E::Model>(payload) {
        Ok(row) if is_row_of(&row, pk) => Look::Row(row),
        // Two primary keys under one key text, or damage that still decodes.
        Ok(_) | Err(_) => unusable(region, bytes),
    }
}

fn unusable<M>(region: &Region, bytes: Bytes) -> Look<M> {
    region.stats.count(Event::undecodable);
    Look::Unusable(bytes)
}

/// Whether this is the row that was asked for. Values of one key may differ in kind (an enum and
/// its text), so the texts settle it.
fn is_row_of<M: ModelTrait>(row: &M, pk: &ValueTuple) -> bool {
    let own = row.get_primary_key_value();
    own == *pk || pk_text(&own) == pk_text(pk)
}
