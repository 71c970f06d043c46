//! The bytes of a slot: a kind byte and a body.
//!
//! | kind | body |
//! | --- | --- |
//! | `V`, `T` | an entry, see the `entry` room |
//! | `L` | token, 16 bytes |
//! | `W` | `0` or `1` (dirty), then for each writer: token, 16 bytes; deadline, 13 decimal digits |
//!
//! The deadline is decimal because Redis' Lua reads and writes it as text.

use super::{Holder, Intents, Slot, Token};

const DEADLINE_DIGITS: usize = 13;
const HOLDER_LEN: usize = Token::LEN + DEADLINE_DIGITS;

/// What the first byte of a key's bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `V`: a value.
    Value,
    /// `T`: a tombstone.
    Tombstone,
    /// `L` or `W`, well formed: a reader or a writer is at work.
    Marker,
    /// Anything else: not ours, or damaged.
    Unknown,
}

/// The kind of `bytes`, without decoding them.
#[must_use]
pub(crate) fn kind_of(bytes: &[u8]) -> Kind {
    match bytes.first() {
        Some(b'V') => Kind::Value,
        Some(b'T') => Kind::Tombstone,
        Some(b'L' | b'W') if !matches!(decode_slot(bytes, |_| ()), Slot::Entry(())) => Kind::Marker,
        _ => Kind::Unknown,
    }
}

/// The slot these bytes stand for. Whatever is no well-formed marker is an entry, made by `entry`.
pub fn decode_slot<E>(bytes: &[u8], entry: impl FnOnce(&[u8]) -> E) -> Slot<E> {
    let marker = match bytes.split_first() {
        Some((b'L', body)) => body.try_into().ok().map(|token| Slot::Lease(Token::from_bytes(token))),
        Some((b'W', body)) => decode_intents(body).map(Slot::Intent),
        _ => None,
    };
    marker.unwrap_or_else(|| Slot::Entry(entry(bytes)))
}

/// The bytes of a lease or an intent; `None` for what is no marker.
#[must_use]
pub fn encode_marker<E>(slot: &Slot<E>) -> Option<Vec<u8>> {
    match slot {
        Slot::Lease(token) => Some([b"L".as_slice(), &token.to_bytes()].concat()),
        Slot::Intent(intents) => Some(encode_intents(intents)),
        Slot::Empty | Slot::Entry(_) => None,
    }
}

fn encode_intents(intents: &Intents) -> Vec<u8> {
    let mut bytes = vec![b'W', if intents.dirty { b'1' } else { b'0' }];
    for holder in &intents.holders {
        bytes.extend(holder.token.to_bytes());
        bytes.extend(format!("{:0DEADLINE_DIGITS$}", holder.deadline_ms).bytes());
    }
    bytes
}

fn decode_intents(body: &[u8]) -> Option<Intents> {
    let (flag, rest) = body.split_first()?;
    let dirty = match flag {
        b'0' => false,
        b'1' => true,
        _ => return None,
    };
    if rest.len() % HOLDER_LEN != 0 {
        return None;
    }
    let holders = rest.chunks(HOLDER_LEN).map(decode_holder).collect::<Option<Vec<_>>>()?;
    Some(Intents { dirty, holders })
}

fn decode_holder(bytes: &[u8]) -> Option<Holder> {
    let (token, deadline) = bytes.split_at_checked(Token::LEN)?;
    if !deadline.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Holder {
        token: Token::from_bytes(token.try_into().ok()?),
        deadline_ms: std::str::from_utf8(deadline).ok()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_survive_the_wire() {
        let holder = |n: u128| Holder { token: Token::from_u128(n), deadline_ms: 1_700_000_000_123 };
        for slot in [
            Slot::<Vec<u8>>::Lease(Token::from_u128(7)),
            Slot::Intent(Intents { dirty: false, holders: vec![holder(1)] }),
            Slot::Intent(Intents { dirty: true, holders: vec![holder(1), holder(u128::MAX)] }),
        ] {
            let bytes = encode_marker(&slot).unwrap();
            assert_eq!(decode_slot(&bytes, <[u8]>::to_vec), slot);
            assert_eq!(kind_of(&bytes), Kind::Marker);
        }
    }

    #[test]
    fn malformed_markers_are_foreign_entries() {
        for bytes in [b"L".as_slice(), b"Lshort", b"W", b"W2", b"W0x", b"LONGER-THAN-A-TOKEN"] {
            assert_eq!(kind_of(bytes), Kind::Unknown, "{bytes:?}");
        }
        assert_eq!(kind_of(b""), Kind::Unknown);
    }
}
