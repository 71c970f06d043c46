//! Decimals. Both kinds keep their scale: 1.0 is not 1.00.

use super::wire::{self, Input};
use super::{Malformed, Unsupported};
#[cfg(feature = "with-bigdecimal")]
use sea_orm::prelude::BigDecimal;
#[cfg(feature = "with-rust_decimal")]
use sea_orm::prelude::Decimal;
#[cfg(feature = "with-bigdecimal")]
use sea_orm::sea_query::value::prelude::bigdecimal::num_bigint::BigInt;

#[cfg(feature = "with-rust_decimal")]
pub(super) fn write(out: &mut Vec<u8>, decimal: Decimal) -> Result<(), Unsupported> {
    wire::binary(out, &decimal.serialize())
}

#[cfg(feature = "with-rust_decimal")]
pub(super) fn read(input: &mut Input<'_>) -> Result<Decimal, Malformed> {
    let bytes = input.bytes()?;
    let decimal = Decimal::deserialize(bytes);
    // rust_decimal rounds what is no decimal to one that is.
    if decimal.serialize() == bytes { Ok(decimal) } else { Err(Malformed) }
}

/// The digits as binary, for their text would take a time that grows with the square of its length.
#[cfg(feature = "with-bigdecimal")]
pub(super) fn write_big(out: &mut Vec<u8>, decimal: &BigDecimal) -> Result<(), Unsupported> {
    let (digits, scale) = decimal.as_bigint_and_scale();
    wire::array_header(out, 2)?;
    wire::binary(out, &digits.to_signed_bytes_be())?;
    wire::int(out, scale);
    Ok(())
}

#[cfg(feature = "with-bigdecimal")]
pub(super) fn read_big(input: &mut Input<'_>) -> Result<BigDecimal, Malformed> {
    input.array_of(2)?;
    let digits = BigInt::from_signed_bytes_be(input.binary()?);
    Ok(BigDecimal::new(digits, input.int()?))
}
