//! Bytes which were never written by this crate.

use super::super::{Malformed, Reader, tag};
use super::strategies::any_row;
use super::{decoded, encoded};
use proptest::collection::vec;
use proptest::prelude::*;
use sea_orm::Value;

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _either = decoded(&bytes);
    }

    #[test]
    fn any_bytes_after_a_tag_are_read_without_a_panic(
        tag in 0..40_u8,
        marker in any::<u8>(),
        bytes in vec(any::<u8>(), 0..60),
    ) {
        let row = [&[0x92, tag, marker], bytes.as_slice()].concat();
        let _either = decoded(&row);
    }

    #[test]
    fn a_damaged_row_is_read_without_a_panic(
        row in any_row(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&row);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _either = decoded(&bytes);
    }

    #[test]
    fn a_byte_too_many_is_an_error(row in any_row(), byte in any::<u8>()) {
        let mut bytes = encoded(&row);
        bytes.push(byte);
        prop_assert!(decoded(&bytes).is_err());
    }
}

proptest! {
    // Few, as each is read as often as it has bytes.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_row_cut_short_anywhere_is_an_error(row in any_row()) {
        let bytes = encoded(&row);
        for end in 0..bytes.len() {
            prop_assert!(decoded(&bytes[..end]).is_err(), "cut at {} of {}", end, bytes.len());
        }
    }
}

#[test]
fn a_reader_counts_what_is_left_and_reads_no_more() {
    let bytes = encoded(&[Value::Int(Some(1)), Value::Int(Some(2))]);
    let mut reader = Reader::of(&bytes).unwrap();
    assert_eq!(reader.len(), 2);
    reader.next().unwrap();
    assert_eq!(reader.len(), 1);
    reader.next().unwrap();
    assert_eq!(reader.next(), Err(Malformed));
}

#[test]
fn values_left_unread_are_an_error() {
    let bytes = encoded(&[Value::Int(Some(1))]);
    assert_eq!(Reader::of(&bytes).unwrap().finish(), Err(Malformed));
}

#[test]
fn a_row_of_no_columns_is_a_row() {
    assert_eq!(decoded(&encoded(&[])), Ok(vec![]));
}

#[test]
fn an_odd_row_is_an_error() {
    assert!(Reader::of(&[0x91, 1]).is_err());
}

#[test]
fn an_unknown_tag_is_an_error() {
    for tag in [0, 34, 127, 128, 0xc0, 0xff] {
        assert!(decoded(&[0x92, tag, 0xc0]).is_err(), "{tag}");
    }
}

#[test]
fn what_does_not_fit_the_kind_is_an_error() {
    let rows: [&[u8]; 8] = [
        &[tag::TINY_INT, 0xcc, 128],
        &[tag::TINY_UNSIGNED, 0xff],
        &[tag::INT, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0],
        &[tag::BIG_UNSIGNED, 0xff],
        &[tag::BOOL, 1],
        &[tag::STRING, 0xa1, 0xff],
        &[tag::CHAR, 0xcd, 0xd8, 0x00],
        &[tag::DOUBLE, 0xca, 0, 0, 0, 0],
    ];
    for row in rows {
        assert!(decoded(&[&[0x92], row].concat()).is_err(), "{row:?}");
    }
}

#[cfg(feature = "with-rust_decimal")]
#[test]
fn a_decimal_beyond_its_scale_is_an_error() {
    for flags in [[0, 0, 29, 0], [0, 0, 31, 0], [1, 0, 0, 0]] {
        let bytes = [&[0x92, tag::DECIMAL, 0xc4, 16], flags.as_slice(), &[255; 12]].concat();
        assert!(decoded(&bytes).is_err(), "{flags:?}");
    }
}

#[cfg(feature = "with-ipnetwork")]
#[test]
fn a_prefix_longer_than_the_address_is_an_error() {
    assert!(decoded(&[0x92, tag::IP_NETWORK, 0xc4, 5, 33, 10, 0, 0, 0]).is_err());
    assert!(decoded(&[0x92, tag::IP_NETWORK, 0xc4, 4, 8, 10, 0, 0]).is_err());
}

#[cfg(feature = "with-json")]
#[test]
fn a_key_given_twice_is_an_error() {
    assert!(decoded(&[0x92, tag::JSON, 0x82, 0xa1, b'a', 1, 0xa1, b'a', 2]).is_err());
}

#[test]
fn a_hundred_thousand_nested_arrays_are_an_error() {
    for marker in [0x91, 0x81] {
        let json = [&[0x92, tag::JSON], [marker].repeat(100_000).as_slice()].concat();
        assert!(decoded(&json).is_err());
    }
    let inner = [tag::ARRAY, 0x92, tag::INT, 0x92];
    assert!(decoded(&[&[0x92], inner.repeat(100_000).as_slice()].concat()).is_err());
    // Each key being another object.
    let keys = [&[0x92, tag::JSON], [0x81, 0xa1, b'k'].repeat(100_000).as_slice()].concat();
    assert!(decoded(&keys).is_err());
}

#[test]
fn a_length_of_four_gibibytes_sets_no_memory_aside() {
    let claims: [&[u8]; 8] = [
        &[0xdd, 255, 255, 255, 254],
        &[0x92, tag::STRING, 0xdb, 255, 255, 255, 255],
        &[0x92, tag::BYTES, 0xc6, 255, 255, 255, 255],
        &[0x92, tag::JSON, 0xdd, 255, 255, 255, 255],
        &[0x92, tag::JSON, 0xdf, 255, 255, 255, 255],
        &[0x92, tag::JSON, 0xc9, 255, 255, 255, 255, 1],
        &[0x92, tag::ARRAY, 0x92, tag::INT, 0xdd, 255, 255, 255, 254],
        &[0x92, tag::VECTOR, 0xc6, 255, 255, 255, 252],
    ];
    for claim in claims {
        let mut result = Ok(vec![]);
        let allocated = allocation_counter::measure(|| result = decoded(claim));
        assert_eq!(result, Err(Malformed), "{claim:?}");
        assert!(allocated.bytes_total < 1024, "{claim:?}: {allocated:?}");
    }
}

/// Each level claims as many elements as bytes are left, and all are read at the same time.
#[test]
fn lengths_within_lengths_set_little_memory_aside() {
    let claim = [0xdd, 0, 0, 0x80, 0];
    let bytes = [&[0x92, tag::JSON], claim.repeat(100).as_slice(), &[0xc0; 40_000]].concat();
    let allocated = allocation_counter::measure(|| assert!(decoded(&bytes).is_err()));
    assert!(allocated.bytes_max < 4 << 20, "{allocated:?}");
}
