//! The format itself: other processes and later versions read these bytes.

use crate::entities::{book, schemas::pen};
use proptest::prelude::*;
use sea_orm_autocache::coherence::{Token, decode_slot, kind_of};
use sea_orm_autocache::entry::{self, Content, FORMAT_VERSION, Fingerprint, HEADER_LEN, Header, PkMark};

/// `V`, the version, entity, schema, stamp and nonce, then the row as a MessagePack array.
const VALUE: &str = "56010102030405060708deadbeef000102030405060708090a0b0c0d0e0f9307a4456d6d61fe";
/// As above with `T`, then the mark of the absent row's primary key, `7`.
const TOMBSTONE: &str = "54010102030405060708deadbeef000102030405060708090a0b0c0d0e0f7902699be42c8a8e";
const HOW: &str = "the bytes of an entry have changed: raise FORMAT_VERSION in src/entry/header.rs, then \
                   the bytes in this test";
const HOW_SCHEMA: &str = "the fingerprint of an unchanged schema has changed, which orphans every entry of \
                          every user: undo it, or raise FORMAT_VERSION and then the bytes in this test";

fn header() -> Header {
    Header {
        fingerprint: Fingerprint { entity: [1, 2, 3, 4], schema: [5, 6, 7, 8] },
        stamp: 0xdead_beef,
        nonce: Token::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f),
    }
}

fn book() -> book::Model {
    book::Model { id: 7, title: "Emma".to_owned(), rank: -2 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_entries_are_those_of_their_version() {
    assert_eq!(FORMAT_VERSION, 1, "{HOW}");
    assert_eq!(hex(&entry::encode_value(&header(), &book()).unwrap()), VALUE, "{HOW}");
    assert_eq!(hex(&entry::encode_tombstone(&header(), PkMark::of("7"))), TOMBSTONE, "{HOW}");
}

#[test]
fn what_is_before_the_payload_is_short() {
    const { assert!(HEADER_LEN <= 32) };
    assert_eq!(entry::encode_tombstone(&header(), PkMark::of("7")).len(), HEADER_LEN + 8);
}

#[test]
fn a_schema_keeps_its_fingerprint() {
    let fingerprint = Fingerprint::of::<pen::Entity>("shop", "pen", 0);
    assert_eq!(hex(&fingerprint.entity), "d03b722f", "{HOW_SCHEMA}");
    assert_eq!(hex(&fingerprint.schema), "bc692b85", "{HOW_SCHEMA}");
    let same_schema = Fingerprint::of::<pen::Entity>("app", "other", 0);
    assert_eq!(same_schema.schema, fingerprint.schema);
    assert_ne!(same_schema.entity, fingerprint.entity);
    assert_ne!(Fingerprint::of::<pen::Entity>("shop", "pen", 1).schema, fingerprint.schema);
}

#[test]
fn an_entry_reads_back_under_its_own_fingerprint_only() {
    let (header, book) = (header(), book());
    let bytes = entry::encode_value(&header, &book).unwrap();
    let payload = entry::read(&bytes, header.fingerprint, Some(header.stamp));
    let Ok(Content::Row(payload)) = payload else { panic!("{payload:?}") };
    assert_eq!(entry::decode_model::<book::Model>(payload).unwrap(), book);
    let mark = PkMark::of("7");
    let tombstone = entry::encode_tombstone(&header, mark);
    assert_eq!(entry::read(&tombstone, header.fingerprint, None), Ok(Content::Absence(mark)));
    let other = Fingerprint { schema: [0; 4], ..header.fingerprint };
    assert_eq!(entry::read(&bytes, other, None), Err(entry::Unreadable::OtherSchema));
    assert_eq!(entry::read(&bytes, header.fingerprint, Some(1)), Err(entry::Unreadable::OtherServer));
}

#[test]
fn a_sweep_concerns_its_own_entries_and_markers() {
    let header = header();
    let own = entry::encode_tombstone(&header, PkMark::of("7"));
    assert!(entry::concerns(&own, [1, 2, 3, 4]) && !entry::concerns(&own, [9, 9, 9, 9]));
    let mut later = own.to_vec();
    later[1] = FORMAT_VERSION + 1;
    assert!(entry::concerns(&later, [1, 2, 3, 4]), "whatever format its own entries have");
    assert!(entry::concerns(b"W0", [1, 2, 3, 4]), "a marker does not say whose it is");
    for foreign in [b"".as_slice(), b"V", b"Visa", b"Tea time", b"{}", b"12", b"L", b"Wake up"] {
        assert!(!entry::concerns(foreign, [1, 2, 3, 4]), "{foreign:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(kind in "[VTLWx]?", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [kind.as_bytes(), bytes.as_slice()].concat();
        let _ = entry::read(&bytes, header().fingerprint, Some(7));
        let _ = entry::decode_model::<book::Model>(&bytes);
        let _ = entry::concerns(&bytes, [1, 2, 3, 4]);
        let _ = kind_of(&bytes);
        let _ = decode_slot(&bytes, <[u8]>::to_vec);
    }

    #[test]
    fn no_payload_under_a_right_header_makes_a_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = header();
        let bytes = [header.encode(b'V').as_slice(), payload.as_slice()].concat();
        let read = entry::read(&bytes, header.fingerprint, None);
        prop_assert_eq!(read, Ok(Content::Row(payload.as_slice())));
        let _ = entry::decode_model::<book::Model>(&payload);
    }
}
