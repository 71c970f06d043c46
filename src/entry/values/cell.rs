//! A value with its tag, or NULL.

use super::{Unsupported, wire};

/// A tag and what `write` adds, or nil.
#[inline]
pub(super) fn cell<T>(
    out: &mut Vec<u8>,
    tag: u8,
    value: Option<T>,
    write: impl FnOnce(&mut Vec<u8>, T),
) -> Result<(), Unsupported> {
    try_cell(out, tag, value, |out, value| {
        write(out, value);
        Ok(())
    })
}

#[inline]
pub(super) fn try_cell<T>(
    out: &mut Vec<u8>,
    tag: u8,
    value: Option<T>,
    write: impl FnOnce(&mut Vec<u8>, T) -> Result<(), Unsupported>,
) -> Result<(), Unsupported> {
    out.push(tag);
    match value {
        Some(value) => write(out, value),
        None => {
            wire::nil(out);
            Ok(())
        }
    }
}
