//! Whatever bytes a server holds under a key: they are decoded or refused, without a panic, and a marker
//! that is written again is the same marker.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sea_orm_autocache::__private::decode_all;
use sea_orm_autocache::store::{Slot, decode_slot, encode_marker};

fuzz_target!(|bytes: &[u8]| {
    let slot = decode_slot(bytes, <[u8]>::to_vec);
    if let Slot::Entry(entry) = &slot {
        assert_eq!(entry, bytes);
    }
    if let Some(again) = encode_marker(&slot) {
        assert_eq!(decode_slot(&again, <[u8]>::to_vec), slot);
    }
    // Whole, and without the header, so that inputs need not guess it to reach the values.
    decode_all(bytes);
    if let Some(payload) = bytes.get(30..) {
        decode_all(payload);
    }
});
