//! JSON as a tree of MessagePack. Its text would not do: serde_json reads some floats one digit off
//! in the last place.

use super::wire::{self, Input};
use super::{Malformed, Unsupported};
use rmp::Marker;
use sea_orm::prelude::Json;
use sea_orm::sea_query::value::prelude::serde_json::{Map, Number};

pub(super) use super::JSON_DEPTH as DEPTH;

/// The most elements for which memory is set aside on the word of a length. What is inside of an
/// array may claim all of the bytes that are left once more.
const TRUSTED_LEN: usize = 64;

/// The extension type of a number which is neither an integer nor a float of 64 bits: its text.
const NUMBER: i8 = 1;
/// The extension type of a column's JSON `null`, since nil is the NULL of the column.
const NULL: i8 = 2;

pub(super) fn write(out: &mut Vec<u8>, json: &Json) -> Result<(), Unsupported> {
    if json.is_null() { wire::extension(out, NULL, &[]) } else { write_tree(out, json, DEPTH) }
}

pub(super) fn read(input: &mut Input<'_>) -> Result<Json, Malformed> {
    read_tree(input, DEPTH)
}

fn write_tree(out: &mut Vec<u8>, json: &Json, depth: usize) -> Result<(), Unsupported> {
    let deeper = || depth.checked_sub(1).ok_or(Unsupported::TooDeep);
    match json {
        Json::Null => wire::nil(out),
        Json::Bool(value) => wire::bool(out, *value),
        Json::Number(number) => return write_number(out, number),
        Json::String(text) => return wire::text(out, text),
        Json::Array(elements) => {
            let depth = deeper()?;
            wire::array_header(out, elements.len())?;
            return elements.iter().try_for_each(|element| write_tree(out, element, depth));
        }
        Json::Object(entries) => {
            let depth = deeper()?;
            wire::map_header(out, entries.len())?;
            for (key, value) in entries {
                wire::text(out, key)?;
                write_tree(out, value, depth)?;
            }
        }
    }
    Ok(())
}

/// With serde_json's `arbitrary_precision` a number is any text: it is an integer or a float here
/// only where that makes the same text again.
fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), Unsupported> {
    if let Some(int) = number.as_i64().filter(|int| Number::from(*int) == *number) {
        wire::int(out, int);
    } else if let Some(uint) = number.as_u64().filter(|uint| Number::from(*uint) == *number) {
        wire::uint(out, uint);
    } else if let Some(float) =
        number.as_f64().filter(|float| Number::from_f64(*float).as_ref() == Some(number))
    {
        wire::double(out, float);
    } else {
        let text = number.to_string();
        if parsed(&text).as_ref() != Ok(number) {
            return Err(Unsupported::Kind("a JSON number which serde_json does not read".to_owned()));
        }
        wire::extension(out, NUMBER, text.as_bytes())?;
    }
    Ok(())
}

/// The number of this text, with all of its digits.
fn parsed(text: &str) -> Result<Number, Malformed> {
    let number: Number = text.parse().map_err(|_| Malformed)?;
    // Without `arbitrary_precision` the number would be rounded.
    if number.to_string() == text { Ok(number) } else { Err(Malformed) }
}

fn read_tree(input: &mut Input<'_>, depth: usize) -> Result<Json, Malformed> {
    Ok(match input.peek()? {
        Marker::Null => {
            input.tag()?;
            Json::Null
        }
        Marker::True | Marker::False => Json::Bool(input.bool()?),
        Marker::U64 => Json::Number(input.uint()?.into()),
        Marker::F64 => Json::Number(Number::from_f64(input.double()?).ok_or(Malformed)?),
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            let depth = depth.checked_sub(1).ok_or(Malformed)?;
            Json::Array(read_array(input, depth)?)
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            let depth = depth.checked_sub(1).ok_or(Malformed)?;
            Json::Object(read_object(input, depth)?)
        }
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            Json::String(input.text()?.to_owned())
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => read_extension(input)?,
        _ => Json::Number(input.int::<i64>()?.into()),
    })
}

fn read_array(input: &mut Input<'_>, depth: usize) -> Result<Vec<Json>, Malformed> {
    let len = input.array_header()?;
    let mut elements = Vec::with_capacity(len.min(TRUSTED_LEN));
    for _ in 0..len {
        elements.push(read_tree(input, depth)?);
    }
    Ok(elements)
}

fn read_object(input: &mut Input<'_>, depth: usize) -> Result<Map<String, Json>, Malformed> {
    let len = input.map_header()?;
    let mut entries = Map::with_capacity(len.min(TRUSTED_LEN));
    for _ in 0..len {
        let key = input.text()?.to_owned();
        if entries.insert(key, read_tree(input, depth)?).is_some() {
            return Err(Malformed);
        }
    }
    Ok(entries)
}

fn read_extension(input: &mut Input<'_>) -> Result<Json, Malformed> {
    match input.extension()? {
        (NUMBER, text) => {
            let text = str::from_utf8(text).map_err(|_| Malformed)?;
            parsed(text).map(Json::Number)
        }
        (NULL, []) => Ok(Json::Null),
        _ => Err(Malformed),
    }
}
