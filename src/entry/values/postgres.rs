//! Arrays and vectors.

use super::wire::{self, Input};
use super::{Malformed, Unsupported};
#[cfg(feature = "postgres-array")]
use super::{kinds, tag};
#[cfg(feature = "postgres-array")]
use sea_orm::Value;
#[cfg(feature = "postgres-vector")]
use sea_orm::prelude::PgVector;
#[cfg(feature = "postgres-array")]
use sea_orm::sea_query::{ArrayType, OptionEnum};

/// The most elements for which memory is set aside on the word of a length. What is inside of an
/// array may claim all of the bytes that are left once more.
#[cfg(feature = "postgres-array")]
const TRUSTED_LEN: usize = 256;

/// Whether an array of this kind may hold the value. Where one holds another, the conversion to the model's
/// type panics.
#[cfg(feature = "postgres-array")]
fn may_hold(kind: &ArrayType, element: &Value) -> bool {
    match (kind, element) {
        (ArrayType::Enum(name), Value::Enum(OptionEnum::Some(value))) => value.type_name == **name,
        (ArrayType::Enum(name), Value::Enum(OptionEnum::None(type_name))) => *type_name == **name,
        (_, Value::Enum(_)) => false,
        (_, Value::Array(inner, _)) => inner == kind,
        // It has no kind that an array could name.
        #[cfg(feature = "postgres-vector")]
        (_, Value::Vector(_)) => false,
        _ => element.array_type() == *kind,
    }
}

/// The kind of the elements, then nil or the elements, each with a tag of its own.
#[cfg(feature = "postgres-array")]
pub(super) fn write_array(
    out: &mut Vec<u8>,
    kind: &ArrayType,
    elements: Option<&Vec<Value>>,
    depth: usize,
    write: fn(&mut Vec<u8>, &Value, usize) -> Result<(), Unsupported>,
) -> Result<(), Unsupported> {
    let depth = depth.checked_sub(1).ok_or(Unsupported::TooDeep)?;
    out.push(tag::ARRAY);
    wire::array_header(out, 2)?;
    match kind {
        // A text is the name of an enum, in place of a tag.
        ArrayType::Enum(type_name) => wire::text(out, type_name)?,
        _ => out.push(kinds::tag_of(kind).ok_or_else(|| kinds::unsupported(kind))?),
    }
    let Some(elements) = elements else {
        wire::nil(out);
        return Ok(());
    };
    if !elements.iter().all(|element| may_hold(kind, element)) {
        return Err(Unsupported::Kind("an array of several kinds".to_owned()));
    }
    wire::array_header(out, elements.len().saturating_mul(2))?;
    elements.iter().try_for_each(|element| write(out, element, depth))
}

#[cfg(feature = "postgres-array")]
pub(super) fn read_array(
    input: &mut Input<'_>,
    depth: usize,
    read: fn(&mut Input<'_>, usize) -> Result<Value, Malformed>,
) -> Result<Value, Malformed> {
    use rmp::Marker;

    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    input.array_of(2)?;
    let kind = match input.peek()? {
        Marker::FixPos(_) => kinds::kind_of(input.tag()?).ok_or(Malformed)?,
        _ => ArrayType::Enum(Box::new(input.text()?.into())),
    };
    let elements = input.nullable(|input| {
        let len = input.row_header()?;
        let mut elements = Vec::with_capacity(len.min(TRUSTED_LEN));
        for _ in 0..len {
            let element = read(input, depth)?;
            if !may_hold(&kind, &element) {
                return Err(Malformed);
            }
            elements.push(element);
        }
        Ok(Box::new(elements))
    })?;
    Ok(Value::Array(kind, elements))
}

/// Four bytes a component: as floats of MessagePack they would take five.
#[cfg(feature = "postgres-vector")]
pub(super) fn write_vector(out: &mut Vec<u8>, vector: &PgVector) -> Result<(), Unsupported> {
    let bytes: Vec<u8> = vector.as_slice().iter().flat_map(|component| component.to_be_bytes()).collect();
    wire::binary(out, &bytes)
}

#[cfg(feature = "postgres-vector")]
pub(super) fn read_vector(input: &mut Input<'_>) -> Result<PgVector, Malformed> {
    let (components, rest) = input.binary()?.as_chunks();
    if !rest.is_empty() {
        return Err(Malformed);
    }
    Ok(components.iter().copied().map(f32::from_be_bytes).collect::<Vec<f32>>().into())
}
