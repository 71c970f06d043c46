//! An index entry: the primary keys of the rows that have certain values.

use super::index::IndexDef;
use crate::autocache::Region;
use crate::coherence::{Lifetime, Token};
use crate::controller::Pk;
use crate::entity::CachedEntity;
use crate::entry::{self, Content, Unreadable};
use crate::key::pk_text;
use crate::store::Found;
use crate::telemetry::Event;
use bytes::Bytes;
use sea_orm::ModelTrait;
use sea_orm::sea_query::{FromValueTuple, IntoValueTuple, Value, ValueTuple};
use sha2::{Digest, Sha256};

/// What a store has found under an index key.
pub(super) enum Look {
    /// The members.
    Members(Vec<ValueTuple>),
    /// Nothing is there.
    Nothing,
    /// A reader or a writer is at work.
    Busy,
    /// Bytes that this reader cannot use; a lease may take them over.
    Unusable(Bytes),
}

pub(super) fn look<E: CachedEntity>(
    region: &Region,
    index: &IndexDef,
    values: &[Value],
    found: &Found,
) -> Look {
    let bytes = match found {
        Found::Nothing => return Look::Nothing,
        Found::Foreign => {
            region.stats.count(Event::undecodable);
            return Look::Nothing;
        }
        Found::Bytes(bytes) => bytes,
        Found::Resident(resident) => resident.bytes(),
    };
    let payload = match region.read_index(index, bytes) {
        Ok(Content::Row(payload)) => payload,
        Err(Unreadable::Marker) => return Look::Busy,
        Ok(Content::Absence(_)) | Err(_) => return unusable(region, bytes),
    };
    match entry::decode_model::<(u64, Vec<Pk<E>>)>(payload) {
        Ok((mark, members)) if mark == mark_of(index, values) => {
            Look::Members(members.into_iter().map(IntoValueTuple::into_value_tuple).collect())
        }
        // The members of another value under the same key, or damage that still decodes.
        Ok(_) | Err(_) => unusable(region, bytes),
    }
}

fn unusable(region: &Region, bytes: &Bytes) -> Look {
    region.stats.count(Event::undecodable);
    Look::Unusable(bytes.clone())
}

/// The entry for these rows and how long it lives; `None` if it may not be cached.
pub(super) fn encode<E: CachedEntity>(
    region: &Region,
    index: &IndexDef,
    values: &[Value],
    rows: &[E::Model],
    nonce: Token,
) -> Option<(Bytes, Lifetime)> {
    if rows.len() > index.limit {
        region.stats.count(Event::oversized);
        return None;
    }
    let pks: Vec<ValueTuple> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    let members: Vec<Pk<E>> = pks.iter().cloned().map(Pk::<E>::from_value_tuple).collect();
    let payload = (mark_of(index, values), members);
    let encoded = region.encode_index(index, &payload, rows.is_empty(), nonce)?;
    // A key type whose serde attributes change it would name other rows, or none.
    let (_, back) = entry::decode_model::<(u64, Vec<Pk<E>>)>(&encoded.0[entry::HEADER_LEN..]).ok()?;
    let same = back.into_iter().map(|pk| pk_text(&pk.into_value_tuple())).eq(pks.iter().map(pk_text));
    same.then_some(encoded)
}

/// Tells values apart that share a key by mistake.
fn mark_of(index: &IndexDef, values: &[Value]) -> u64 {
    let digest = Sha256::digest(index.text(values));
    let mut mark = [0; 8];
    mark.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(mark)
}
