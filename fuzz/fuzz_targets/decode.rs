//! Whatever bytes a server holds under a key: they are decoded or refused, without a panic, and the
//! parts of the crate that look at them agree on what they are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sea_orm_autocache::store::{Kind, Slot, decode_slot, encode_marker, kind_of};
use sea_orm_autocache::entry::{self, Content, Fingerprint, HEADER_LEN, Unreadable};

/// Columns of the kinds that rows have.
type Row = (i64, String, Option<Vec<u8>>, f64, bool, Vec<Option<String>>, (u8, char));

fuzz_target!(|bytes: &[u8]| {
    let slot = decode_slot(bytes, <[u8]>::to_vec);
    let is_entry = matches!(&slot, Slot::Entry(entry) if entry == bytes);
    let is_marker = kind_of(bytes) == Kind::Marker;
    assert_ne!(is_entry, is_marker);
    if let Some(again) = encode_marker(&slot) {
        assert_eq!(decode_slot(&again, <[u8]>::to_vec), slot);
    }

    // The fingerprint that these bytes claim, so that most inputs reach the payload.
    let claimed = |from: usize| bytes.get(from..from + 4).and_then(|part| part.try_into().ok());
    let fingerprint =
        Fingerprint { entity: claimed(2).unwrap_or_default(), schema: claimed(6).unwrap_or_default() };
    match entry::read(bytes, fingerprint, None) {
        Ok(Content::Row(payload)) => {
            assert_eq!(payload.len() + HEADER_LEN, bytes.len());
            let _ = entry::decode_model::<Row>(payload);
        }
        Ok(Content::Absence(_)) => assert!(bytes.len() > HEADER_LEN),
        Err(Unreadable::Marker) => assert!(is_marker),
        Err(_) => assert!(!is_marker),
    }
    let is_own = matches!(kind_of(bytes), Kind::Value | Kind::Tombstone) && bytes.len() >= HEADER_LEN;
    assert!(
        !is_own || entry::concerns(bytes, fingerprint.entity),
        "a sweep must not pass over its own entries"
    );
    let _ = entry::decode_model::<Row>(bytes);
});
