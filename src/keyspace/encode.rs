//! Entries of a keyspace: from rows, absences and lists to bytes and their TTL.

use super::{IndexDef, Keyspace};
use crate::coherence::{Lifetime, Token};
use crate::entry::{self, Header, PkMark};
use crate::key;
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::sea_query::{Value, ValueTuple};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;

/// An entry and its TTL.
pub(crate) type Entry = (Bytes, Lifetime);

impl Keyspace {
    /// The entry of a row under this key; `None` if it may not be cached.
    pub(crate) fn encode_row(
        &self,
        key: &str,
        value: &dyn Fn(usize) -> Value,
        nonce: Token,
    ) -> Option<Entry> {
        let header = Header { fingerprint: self.fingerprint, stamp: self.backend.stamp(key)?, nonce };
        match entry::encode_row(&header, self.schema.columns.len(), value) {
            Ok(bytes) if bytes.len() > self.settings.max_entry_bytes => {
                self.stats.count(Event::oversized);
                let limit = self.settings.max_entry_bytes;
                self.warn_once(&format!("{} bytes, more than `max_entry_bytes`: {limit}", bytes.len()));
                None
            }
            Ok(bytes) => Some((bytes, Lifetime::of(self.ttl))),
            Err((column, error)) => {
                let column = self.schema.columns.get(column).map_or("", |column| column.name);
                self.cannot_encode(&format!("column `{column}`: {error}"))
            }
        }
    }

    /// The tombstone of a primary key; `None` without negative caching.
    pub(crate) fn encode_tombstone(&self, key: &str, pk: &ValueTuple, nonce: Token) -> Option<Entry> {
        let header = Header { fingerprint: self.fingerprint, stamp: self.backend.stamp(key)?, nonce };
        let mark = PkMark::of(&key::pk_text(pk)?);
        Some((entry::encode_tombstone(&header, mark), Lifetime::of(self.tombstone_ttl?)))
    }

    /// The entry of a list with these members; `None` if it may not be cached.
    pub(crate) fn encode_list(
        &self,
        key: &str,
        index: &IndexDef,
        values: &[Value],
        members: &[ValueTuple],
        nonce: Token,
    ) -> Option<Entry> {
        let header = Header { fingerprint: index.fingerprint, stamp: self.backend.stamp(key)?, nonce };
        if members.len() > index.limit {
            self.stats.count(Event::oversized);
            return None;
        }
        let bytes = match entry::encode_members(&header, mark_of(index, values), members) {
            Ok(bytes) => bytes,
            Err(error) => return self.cannot_encode(&error.to_string()),
        };
        if bytes.len() > self.settings.max_entry_bytes {
            self.stats.count(Event::oversized);
            return None;
        }
        let ttl = if members.is_empty() { self.empty_list_ttl } else { self.ttl };
        Some((bytes, Lifetime::of(ttl)))
    }

    /// The members that a list's payload names, if it is that of these values.
    pub(crate) fn decode_list(
        &self,
        index: &IndexDef,
        values: &[Value],
        payload: &[u8],
    ) -> Option<Vec<Vec<Value>>> {
        let (mark, members) = entry::decode_members(payload, self.schema.pk.len()).ok()?;
        (mark == mark_of(index, values)).then_some(members)
    }

    fn cannot_encode<T>(&self, reason: &str) -> Option<T> {
        self.stats.count(Event::uncacheable);
        self.warn_once(reason);
        None
    }

    /// Such a row is read, and so met, again and again; the counters say how often.
    fn warn_once(&self, reason: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: TARGET, entity = %self.model(), reason,
                "a row cannot be cached, and is read from the database each time; this is logged once"
            );
        }
    }
}

/// Tells values apart that share a key by mistake.
fn mark_of(index: &IndexDef, values: &[Value]) -> u64 {
    let digest = Sha256::digest(index.text(values));
    let mut mark = [0; 8];
    mark.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(mark)
}
