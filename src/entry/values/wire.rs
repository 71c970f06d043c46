//! The MessagePack objects which values are made of.

use super::{Malformed, Unsupported};
use rmp::{Marker, decode, encode};

/// A `Vec` takes all that is written to it: the errors of rmp are those of other writers.
#[inline]
fn written<T, E>(_: Result<T, E>) {}

fn length(len: usize) -> Result<u32, Unsupported> {
    u32::try_from(len).map_err(|_| Unsupported::Kind("values of more than 4 GiB".to_owned()))
}

pub(super) fn row_header(out: &mut Vec<u8>, columns: usize) {
    let objects = u32::try_from(columns.saturating_mul(2)).unwrap_or(u32::MAX);
    written(encode::write_array_len(out, objects));
}

pub(super) fn array_header(out: &mut Vec<u8>, len: usize) -> Result<(), Unsupported> {
    written(encode::write_array_len(out, length(len)?));
    Ok(())
}

pub(super) fn nil(out: &mut Vec<u8>) {
    written(encode::write_nil(out));
}

pub(super) fn bool(out: &mut Vec<u8>, value: bool) {
    written(encode::write_bool(out, value));
}

pub(super) fn int(out: &mut Vec<u8>, value: i64) {
    written(encode::write_sint(out, value));
}

pub(super) fn uint(out: &mut Vec<u8>, value: u64) {
    written(encode::write_uint(out, value));
}

pub(super) fn float(out: &mut Vec<u8>, value: f32) {
    written(encode::write_f32(out, value));
}

pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    written(encode::write_f64(out, value));
}

pub(super) fn text(out: &mut Vec<u8>, value: &str) -> Result<(), Unsupported> {
    written(encode::write_str_len(out, length(value.len())?));
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

pub(super) fn binary(out: &mut Vec<u8>, value: &[u8]) -> Result<(), Unsupported> {
    written(encode::write_bin_len(out, length(value.len())?));
    out.extend_from_slice(value);
    Ok(())
}

#[cfg(feature = "with-json")]
pub(super) fn map_header(out: &mut Vec<u8>, len: usize) -> Result<(), Unsupported> {
    written(encode::write_map_len(out, length(len)?));
    Ok(())
}

#[cfg(feature = "with-json")]
pub(super) fn extension(out: &mut Vec<u8>, kind: i8, bytes: &[u8]) -> Result<(), Unsupported> {
    written(encode::write_ext_meta(out, length(bytes.len())?, kind));
    out.extend_from_slice(bytes);
    Ok(())
}

/// Seconds, and nanoseconds when there are any.
#[cfg(any(feature = "with-chrono", feature = "with-time"))]
pub(super) fn moment(out: &mut Vec<u8>, (seconds, nanos): (i64, u32)) {
    if nanos != 0 {
        written(encode::write_array_len(out, 2));
    }
    int(out, seconds);
    if nanos != 0 {
        uint(out, nanos.into());
    }
}

/// Seconds, nanoseconds and the offset from UTC in seconds.
#[cfg(any(feature = "with-chrono", feature = "with-time"))]
pub(super) fn offset_moment(out: &mut Vec<u8>, (seconds, nanos, offset): (i64, u32, i32)) {
    written(encode::write_array_len(out, 3));
    int(out, seconds);
    uint(out, nanos.into());
    int(out, offset.into());
}

/// The bytes that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number of columns of a row.
    pub(super) fn row_header(&mut self) -> Result<usize, Malformed> {
        let objects = self.array_header()?;
        if objects.is_multiple_of(2) { Ok(objects / 2) } else { Err(Malformed) }
    }

    #[inline]
    pub(super) fn tag(&mut self) -> Result<u8, Malformed> {
        let (&tag, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(tag)
    }

    /// What the next object is, which stays unread.
    #[cfg(any(
        feature = "with-json",
        feature = "with-chrono",
        feature = "with-time",
        feature = "postgres-array"
    ))]
    #[inline]
    pub(super) fn peek(&self) -> Result<Marker, Malformed> {
        self.rest.first().copied().map(Marker::from_u8).ok_or(Malformed)
    }

    #[inline]
    fn take(&mut self, len: u32) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Whether a nil came next, which is then read.
    #[inline]
    pub(super) fn nil(&mut self) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == Marker::Null.to_u8() => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// What `read` makes of the next object, or nothing where it is nil.
    #[inline]
    pub(super) fn nullable<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.nil() { Ok(None) } else { read(self).map(Some) }
    }

    /// The length of an array.
    pub(super) fn array_header(&mut self) -> Result<usize, Malformed> {
        let len = decode::read_array_len(&mut self.rest).map_err(|_| Malformed)?;
        self.bounded(len)
    }

    /// An array of just this many elements follows.
    pub(super) fn array_of(&mut self, len: usize) -> Result<(), Malformed> {
        if self.array_header()? == len { Ok(()) } else { Err(Malformed) }
    }

    /// No element takes less than a byte, so that a length beyond what is left is an error at once.
    fn bounded(&self, len: u32) -> Result<usize, Malformed> {
        usize::try_from(len).ok().filter(|len| *len <= self.rest.len()).ok_or(Malformed)
    }

    #[inline]
    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        decode::read_bool(&mut self.rest).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn int<T: TryFrom<i64>>(&mut self) -> Result<T, Malformed> {
        let wide = decode::read_int::<i64, _>(&mut self.rest).map_err(|_| Malformed)?;
        T::try_from(wide).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn uint(&mut self) -> Result<u64, Malformed> {
        decode::read_int(&mut self.rest).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn float(&mut self) -> Result<f32, Malformed> {
        decode::read_f32(&mut self.rest).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Malformed> {
        decode::read_f64(&mut self.rest).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let len = decode::read_str_len(&mut self.rest).map_err(|_| Malformed)?;
        str::from_utf8(self.take(len)?).map_err(|_| Malformed)
    }

    #[inline]
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = decode::read_bin_len(&mut self.rest).map_err(|_| Malformed)?;
        self.take(len)
    }

    /// The number of entries of a map.
    #[cfg(feature = "with-json")]
    pub(super) fn map_header(&mut self) -> Result<usize, Malformed> {
        let len = decode::read_map_len(&mut self.rest).map_err(|_| Malformed)?;
        self.bounded(len)
    }

    #[cfg(feature = "with-json")]
    pub(super) fn extension(&mut self) -> Result<(i8, &'a [u8]), Malformed> {
        let meta = decode::read_ext_meta(&mut self.rest).map_err(|_| Malformed)?;
        Ok((meta.typeid, self.take(meta.size)?))
    }

    /// Binary of a fixed length.
    #[cfg(any(feature = "with-uuid", feature = "with-rust_decimal", feature = "with-mac_address"))]
    #[inline]
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.binary()?.try_into().map_err(|_| Malformed)
    }

    #[cfg(any(feature = "with-chrono", feature = "with-time"))]
    #[inline]
    pub(super) fn moment(&mut self) -> Result<(i64, u32), Malformed> {
        if !matches!(self.peek()?, Marker::FixArray(_)) {
            return Ok((self.int()?, 0));
        }
        self.array_of(2)?;
        Ok((self.int()?, self.int()?))
    }

    #[cfg(any(feature = "with-chrono", feature = "with-time"))]
    pub(super) fn offset_moment(&mut self) -> Result<(i64, u32, i32), Malformed> {
        self.array_of(3)?;
        Ok((self.int()?, self.int()?, self.int()?))
    }
}
