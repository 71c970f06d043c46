//! The format itself: other processes and later versions read these bytes.

use super::header::FORMAT_VERSION;
use super::values::Reader;
use super::*;
use crate::coherence::{Token, decode_slot, kind_of};
use proptest::prelude::*;
use sea_orm::sea_query::{Value, ValueTuple};

/// `V`, the version, entity, schema, stamp and nonce, then a MessagePack array: for each column its tag and its
/// value.
const VALUE: &str = "56020102030405060708deadbeef000102030405060708090a0b0c0d0e0f9605070ca4456d6d6104fe";
/// As above with `T`, then the mark of the absent row's primary key, `7`.
const TOMBSTONE: &str = "54020102030405060708deadbeef000102030405060708090a0b0c0d0e0f7902699be42c8a8e";
const HOW: &str = "the bytes of an entry have changed: raise FORMAT_VERSION in src/entry/header.rs, then \
                   the bytes in this test";

fn header() -> Header {
    Header {
        fingerprint: Fingerprint { entity: [1, 2, 3, 4], schema: [5, 6, 7, 8] },
        stamp: 0xdead_beef,
        nonce: Token::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f),
    }
}

fn reading() -> Reading {
    Reading { fingerprint: header().fingerprint, stamp: Some(header().stamp) }
}

/// The columns of a book.
fn book(column: usize) -> Value {
    match column {
        0 => 7_i64.into(),
        1 => "Emma".into(),
        _ => (-2_i32).into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_entries_are_those_of_their_version() {
    assert_eq!(FORMAT_VERSION, 2, "{HOW}");
    assert_eq!(hex(&encode_row(&header(), 3, &book).unwrap()), VALUE, "{HOW}");
    assert_eq!(hex(&encode_tombstone(&header(), PkMark::of("7"))), TOMBSTONE, "{HOW}");
}

#[test]
fn what_is_before_the_payload_is_short() {
    const { assert!(HEADER_LEN <= 32) };
    assert_eq!(encode_tombstone(&header(), PkMark::of("7")).len(), HEADER_LEN + 8);
}

#[test]
fn an_entry_reads_back_under_its_own_fingerprint_only() {
    let header = header();
    let bytes = encode_row(&header, 3, &book).unwrap();
    let Ok(Content::Row(payload)) = read(&bytes, reading()) else { panic!("{bytes:?}") };
    let mut values = Reader::of(payload).unwrap();
    assert_eq!([0, 1, 2].map(|_| values.next().unwrap()), [0, 1, 2].map(book));
    values.finish().unwrap();
    let mark = PkMark::of("7");
    let tombstone = encode_tombstone(&header, mark);
    assert_eq!(read(&tombstone, Reading { stamp: None, ..reading() }), Ok(Content::Absence(mark)));
    let other = Fingerprint { schema: [0; 4], ..header.fingerprint };
    assert_eq!(read(&bytes, Reading { fingerprint: other, ..reading() }), Err(Unreadable::OtherSchema));
    assert_eq!(read(&bytes, Reading { stamp: Some(1), ..reading() }), Err(Unreadable::OtherServer));
}

#[test]
fn a_list_names_its_members_in_their_order() {
    let members = [ValueTuple::Two(1.into(), "a".into()), ValueTuple::Two(2.into(), "b".into())];
    let bytes = encode_members(&header(), 9, &members).unwrap();
    let Ok(Content::Row(payload)) = read(&bytes, reading()) else { panic!("{bytes:?}") };
    let values: Vec<Vec<Value>> = members.iter().map(|pk| pk.clone().into_iter().collect()).collect();
    assert_eq!(decode_members(payload, 2).unwrap(), (9, values));
    assert!(decode_members(payload, 3).is_err(), "four values are no keys of three columns");
    let none = encode_members(&header(), 9, &[]).unwrap();
    assert_eq!(decode_members(&none[HEADER_LEN..], 2).unwrap(), (9, Vec::new()));
}

#[test]
fn a_sweep_concerns_its_own_entries_and_markers() {
    let own = encode_tombstone(&header(), PkMark::of("7"));
    assert!(concerns(&own, [1, 2, 3, 4]) && !concerns(&own, [9, 9, 9, 9]));
    let mut later = own.to_vec();
    later[1] = FORMAT_VERSION + 1;
    assert!(concerns(&later, [1, 2, 3, 4]), "whatever format its own entries have");
    assert!(concerns(b"W0", [1, 2, 3, 4]), "a marker does not say whose it is");
    for foreign in [b"".as_slice(), b"V", b"Visa", b"Tea time", b"{}", b"12", b"L", b"Wake up"] {
        assert!(!concerns(foreign, [1, 2, 3, 4]), "{foreign:?}");
    }
}

/// Reads all values of a payload, as far as they go.
fn read_all(payload: &[u8]) {
    let Ok(mut values) = Reader::of(payload) else { return };
    while values.next().is_ok() {}
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(kind in "[VTLWx]?", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [kind.as_bytes(), bytes.as_slice()].concat();
        let _ = read(&bytes, reading());
        read_all(&bytes);
        let _ = decode_members(&bytes, 1);
        let _ = concerns(&bytes, [1, 2, 3, 4]);
        let _ = kind_of(&bytes);
        let _ = decode_slot(&bytes, <[u8]>::to_vec);
    }

    #[test]
    fn no_payload_under_a_right_header_makes_a_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let header = header();
        let bytes = [header.encode(b'V').as_slice(), payload.as_slice()].concat();
        prop_assert_eq!(read(&bytes, reading()), Ok(Content::Row(payload.as_slice())));
        read_all(&payload);
        let _ = decode_members(&payload, 2);
    }
}
