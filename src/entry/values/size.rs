//! About how much memory a row takes when it is decoded, from its bytes.

use super::tag;
use rmp::Marker;

/// A column in its model: most are a `String` or less.
const COLUMN_BYTES: usize = 24;
/// What an allocation costs beside its bytes.
const ALLOCATION_BYTES: usize = 16;
/// An element of an array that is no JSON.
const ELEMENT_BYTES: usize = 16;
/// A vector of JSON has room for so many, and then for twice as many again and again.
const ROOM: usize = 64;
const DEPTH: usize = super::ARRAY_DEPTH + super::JSON_DEPTH + 1;

/// The bytes of a decoded row, about; 0 if these are no row.
pub(crate) fn decoded_bytes(payload: &[u8]) -> usize {
    let mut input = Input(payload);
    row(&mut input).unwrap_or_default()
}

fn row(input: &mut Input<'_>) -> Option<usize> {
    let Head::Array(objects) = input.head()? else { return None };
    let mut bytes = ALLOCATION_BYTES;
    for _ in 0..objects / 2 {
        let (element, number) =
            if input.byte()? == tag::JSON { (json::VALUE, json::NUMBER_HEAP) } else { (ELEMENT_BYTES, 0) };
        bytes += COLUMN_BYTES + heap(input, element, number, DEPTH)?;
    }
    Some(bytes)
}

/// What the next object has allocated: arrays have elements of so many bytes, and each number so many of its own.
fn heap(input: &mut Input<'_>, element: usize, number: usize, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    Some(match input.head()? {
        Head::Scalar => number,
        Head::Bytes(len) => len + ALLOCATION_BYTES,
        Head::Array(len) => {
            let mut bytes = ALLOCATION_BYTES;
            for _ in 0..len {
                bytes += heap(input, element, number, depth)?;
            }
            let room = if len <= ROOM { len } else { ROOM * (len.div_ceil(ROOM)).next_power_of_two() };
            bytes + element * room
        }
        Head::Map(len) => {
            let mut bytes = 0;
            for _ in 0..2 * len {
                bytes += heap(input, element, number, depth)?;
            }
            bytes + json::map(len)
        }
    })
}

/// The sizes of serde_json's types. They depend on its features, which other crates may turn on.
#[cfg(feature = "with-json")]
mod json {
    use super::ALLOCATION_BYTES;
    use sea_orm::prelude::Json;
    use sea_orm::sea_query::value::prelude::serde_json::{Map, Number};
    use std::collections::BTreeMap;

    pub(super) const VALUE: usize = size_of::<Json>();
    /// With `arbitrary_precision` a number is a text.
    pub(super) const NUMBER_HEAP: usize =
        if size_of::<Number>() == size_of::<String>() { ALLOCATION_BYTES + 8 } else { 0 };
    const ENTRY: usize = size_of::<String>() + VALUE;
    /// With `preserve_order` it is a table beside a vector.
    const IS_TREE: bool = size_of::<Map<String, Json>>() == size_of::<BTreeMap<String, Json>>();

    /// A map of so many entries, without what they have allocated.
    pub(super) fn map(len: usize) -> usize {
        match len {
            0 => 0,
            // Nodes have room for eleven entries, and six in them.
            _ if IS_TREE => (11 * ENTRY + 2 * ALLOCATION_BYTES) * len.div_ceil(6),
            _ => (8 + ENTRY) * len + 9 * (len * 8 / 7 + 1).next_power_of_two() + 3 * ALLOCATION_BYTES,
        }
    }
}

#[cfg(not(feature = "with-json"))]
mod json {
    pub(super) const VALUE: usize = super::ELEMENT_BYTES;
    pub(super) const NUMBER_HEAP: usize = 0;

    pub(super) fn map(_: usize) -> usize {
        0
    }
}

/// The beginning of a MessagePack object.
enum Head {
    Scalar,
    /// So many bytes, which were passed.
    Bytes(usize),
    Array(usize),
    Map(usize),
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.0 = self.0.get(len..)?;
        Some(())
    }

    /// An unsigned number of so many bytes.
    fn number(&mut self, len: usize) -> Option<usize> {
        let (number, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(number.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    fn bytes(&mut self, len: usize) -> Option<Head> {
        self.skip(len)?;
        Some(Head::Bytes(len))
    }

    fn scalar(&mut self, len: usize) -> Option<Head> {
        self.skip(len)?;
        Some(Head::Scalar)
    }

    fn head(&mut self) -> Option<Head> {
        match Marker::from_u8(self.byte()?) {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                Some(Head::Scalar)
            }
            Marker::U8 | Marker::I8 => self.scalar(1),
            Marker::U16 | Marker::I16 => self.scalar(2),
            Marker::U32 | Marker::I32 | Marker::F32 => self.scalar(4),
            Marker::U64 | Marker::I64 | Marker::F64 => self.scalar(8),
            Marker::FixStr(len) => self.bytes(usize::from(len)),
            Marker::Str8 | Marker::Bin8 => self.number(1).and_then(|len| self.bytes(len)),
            Marker::Str16 | Marker::Bin16 => self.number(2).and_then(|len| self.bytes(len)),
            Marker::Str32 | Marker::Bin32 => self.number(4).and_then(|len| self.bytes(len)),
            Marker::FixArray(len) => Some(Head::Array(usize::from(len))),
            Marker::Array16 => self.number(2).map(Head::Array),
            Marker::Array32 => self.number(4).map(Head::Array),
            Marker::FixMap(len) => Some(Head::Map(usize::from(len))),
            Marker::Map16 => self.number(2).map(Head::Map),
            Marker::Map32 => self.number(4).map(Head::Map),
            // An extension is its type and its bytes.
            Marker::FixExt1 => self.bytes(2),
            Marker::FixExt2 => self.bytes(3),
            Marker::FixExt4 => self.bytes(5),
            Marker::FixExt8 => self.bytes(9),
            Marker::FixExt16 => self.bytes(17),
            Marker::Ext8 => self.number(1).and_then(|len| self.bytes(len + 1)),
            Marker::Ext16 => self.number(2).and_then(|len| self.bytes(len + 1)),
            Marker::Ext32 => self.number(4).and_then(|len| self.bytes(len + 1)),
            Marker::Reserved => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::values::{begin, push};
    use sea_orm::Value;

    fn of(values: &[Value]) -> usize {
        let mut bytes = Vec::new();
        begin(&mut bytes, values.len());
        values.iter().for_each(|value| push(&mut bytes, value).unwrap());
        decoded_bytes(&bytes)
    }

    #[test]
    fn a_row_counts_its_columns_and_what_they_hold() {
        assert_eq!(of(&[1_i64.into(), "four".into()]), 16 + 24 + 24 + 4 + 16);
        assert_eq!(of(&[Value::BigInt(None)]), 16 + 24);
    }

    #[cfg(feature = "with-json")]
    #[test]
    fn json_counts_its_tree() {
        use sea_orm::sea_query::value::prelude::serde_json::json;
        let value = size_of::<sea_orm::prelude::Json>();
        let counted = of(&[json!(vec![7; 1_000]).into()]);
        assert!((1_000 * value..=1_024 * (value + 24) + 100).contains(&counted), "{counted}");
        let objects: Vec<_> = (0..100).map(|n| json!({ "n": n })).collect();
        let counted = of(&[json!(objects).into()]);
        assert!(counted > 200 * value, "{counted}");
    }

    #[test]
    fn what_is_no_row_counts_nothing() {
        let mut deep = vec![0x92, tag::STRING];
        deep.extend([0x91; 10_000]);
        for bytes in [
            &b""[..],
            b"hello",
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0x92, 16, 0xdf, 255, 255, 255, 255],
            &deep,
        ] {
            assert_eq!(decoded_bytes(bytes), 0, "{bytes:?}");
        }
    }
}
