//! Keys: `app:model:pk`.

use sea_orm::sea_query::{OptionEnum, SqliteQueryBuilder, Value, ValueTuple, backend::QueryBuilder as _};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The longest key that is kept as it is. Of a longer one only `app:model:` is, if it begins so; the rest is replaced
/// by its SHA-256 in hex.
pub const KEY_BYTES_MAX: usize = 512;
/// Room for a UUID and most names.
const TYPICAL_PK_BYTES: usize = 36;

/// The parts of a row's key, as [`CachedEntity::make_key`](crate::CachedEntity::make_key) receives
/// them. Displays as `app:model:pk`.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts<'a> {
    app: &'a str,
    model: &'a str,
    pk: &'a str,
    version: u32,
}

impl<'a> KeyParts<'a> {
    pub(crate) fn new(app: &'a str, model: &'a str, pk: &'a str, version: u32) -> Self {
        Self { app, model, pk, version }
    }

    /// As [`Display`](fmt::Display), without a formatter: this is made for every read. Capacity is one more than
    /// the length on purpose: it keeps `Bytes::from(String)` off the slower clone path.
    pub(crate) fn joined(&self) -> String {
        let mut key = String::with_capacity(self.app.len() + self.model.len() + self.pk.len() + 3);
        for part in [self.app, ":", self.model, ":", self.pk] {
            key.push_str(part);
        }
        key
    }

    /// The app label.
    #[must_use]
    pub fn app(&self) -> &'a str {
        self.app
    }

    /// The model name.
    #[must_use]
    pub fn model(&self) -> &'a str {
        self.model
    }

    /// The primary key as text: integers in decimal, UUIDs hyphenated, text percent-encoded where it
    /// must be, bytes in hex, the parts of a composite key joined by `,`.
    #[must_use]
    pub fn pk(&self) -> &'a str {
        self.pk
    }

    /// The entity's `CACHE_VERSION`.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl fmt::Display for KeyParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.app, ":", self.model, ":", self.pk] {
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// The name of a table, with that of its schema.
pub(crate) fn table_name(schema: Option<&str>, table: &'static str) -> Cow<'static, str> {
    match schema {
        Some(schema) => Cow::Owned(format!("{schema}.{table}")),
        None => Cow::Borrowed(table),
    }
}

/// Whether this may be a label in a key.
pub(crate) fn is_label(label: &str) -> bool {
    !(label.is_empty() || label.contains(':'))
}

/// Longer prefixes are not kept.
const PREFIX_BYTES_MAX: usize = 256;

/// The key that is used for one that an entity has made. `prefix` is that of the entity's keys: a clear finds them
/// by it. No text of a primary key begins with what follows it here.
pub(crate) fn bounded(key: String, prefix: impl FnOnce() -> String) -> String {
    if key.len() <= KEY_BYTES_MAX {
        return key;
    }
    let prefix = prefix();
    let digest = hex(&Sha256::digest(&key));
    if is_kept(&prefix) && key.starts_with(&prefix) { format!("{prefix}%sha256.{digest}") } else { digest }
}

/// Whether all keys of an entity begin with this, however long they are.
pub(crate) fn is_kept(prefix: &str) -> bool {
    prefix.len() <= PREFIX_BYTES_MAX
}

/// What `with` makes of the [text](pk_text) of a primary key. Integers, which most keys are, need no
/// `String` of their own for it.
pub(crate) fn with_pk_text<R>(key: &ValueTuple, with: impl FnOnce(&str) -> R) -> Option<R> {
    if let ValueTuple::One(value) = key
        && let Some(digits) = decimal(value, &mut itoa::Buffer::new())
    {
        return Some(with(digits));
    }
    pk_text(key).map(|text| with(&text))
}

/// The integer that a primary key is, if it is one that is not too large. Integers of every kind that have one
/// text are one integer, and no others are.
#[inline]
pub(crate) fn integer(key: &ValueTuple) -> Option<i64> {
    let ValueTuple::One(value) = key else { return None };
    match *value {
        Value::TinyInt(v) => v.map(i64::from),
        Value::SmallInt(v) => v.map(i64::from),
        Value::Int(v) => v.map(i64::from),
        Value::BigInt(v) => v,
        Value::TinyUnsigned(v) => v.map(i64::from),
        Value::SmallUnsigned(v) => v.map(i64::from),
        Value::Unsigned(v) => v.map(i64::from),
        Value::BigUnsigned(v) => i64::try_from(v?).ok(),
        _ => None,
    }
}

/// The text of a primary key; `None` if a part of it is NULL, which names no row.
///
/// Two keys of one entity never share a text: the separator and the escape character are themselves
/// escaped, and every part of a column's type has one form.
pub(crate) fn pk_text(key: &ValueTuple) -> Option<String> {
    let mut text = String::with_capacity(TYPICAL_PK_BYTES);
    match key {
        ValueTuple::One(a) => push_value(&mut text, a)?,
        ValueTuple::Two(a, b) => push_all(&mut text, [a, b])?,
        ValueTuple::Three(a, b, c) => push_all(&mut text, [a, b, c])?,
        ValueTuple::Many(values) => push_all(&mut text, values)?,
    }
    Some(text)
}

/// Longer values of an index are replaced by their SHA-256, so that every key of an entity keeps its prefix.
const INDEX_VALUE_BYTES_MAX: usize = 256;

/// The text of an index entry's key: `@column=value`, `@a,b=x,y`. No primary key has such a text. NULL is
/// a value of its own, and no value's text is its.
pub(crate) fn index_text<'v>(columns: &str, values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut text = String::new();
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if push_value(&mut text, value).is_none() {
            text.push_str("%null");
        }
    }
    if text.len() > INDEX_VALUE_BYTES_MAX {
        text = format!("%sha256.{}", hex(&Sha256::digest(text)));
    }
    format!("@{columns}={text}")
}

/// Whether two values have the same text, NULL included.
pub(crate) fn same_text(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| {
        let mut text = String::new();
        push_value(&mut text, value).map(|()| text)
    };
    a == b || text(a) == text(b)
}

/// The text of an entity's fence. No primary key and no index entry has it.
pub(crate) const FENCE_TEXT: &str = "@";

fn push_all<'a>(text: &mut String, values: impl IntoIterator<Item = &'a Value>) -> Option<()> {
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_value(text, value)?;
    }
    Some(())
}

fn push_value(text: &mut String, value: &Value) -> Option<()> {
    if let Some(digits) = decimal(value, &mut itoa::Buffer::new()) {
        text.push_str(digits);
        return Some(());
    }
    match value {
        Value::String(v) => push_text(text, v.as_deref()?),
        Value::Char(v) => push_text(text, (*v)?.encode_utf8(&mut [0; 4])),
        Value::Bytes(v) => text.push_str(&hex(v.as_deref()?)),
        Value::Enum(OptionEnum::Some(v)) => push_text(text, v.value.as_ref()),
        // UUIDs, dates, decimals and all else that may be a key: as an SQL literal without its
        // quotes. The variants depend on features of other crates, so they cannot be named here.
        other if is_null(other) => return None,
        other => push_text(text, SqliteQueryBuilder.value_to_string(other).trim_matches('\'')),
    }
    Some(())
}

/// The digits of an integer; `None` for NULL and for what is no integer.
fn decimal<'b>(value: &Value, buffer: &'b mut itoa::Buffer) -> Option<&'b str> {
    Some(match value {
        Value::TinyInt(Some(v)) => buffer.format(*v),
        Value::SmallInt(Some(v)) => buffer.format(*v),
        Value::Int(Some(v)) => buffer.format(*v),
        Value::BigInt(Some(v)) => buffer.format(*v),
        Value::TinyUnsigned(Some(v)) => buffer.format(*v),
        Value::SmallUnsigned(Some(v)) => buffer.format(*v),
        Value::Unsigned(Some(v)) => buffer.format(*v),
        Value::BigUnsigned(Some(v)) => buffer.format(*v),
        _ => return None,
    })
}

fn is_null(value: &Value) -> bool {
    *value == value.as_null()
}

/// Percent-encodes what would be taken for a separator, and what does not belong in a key.
fn push_text(text: &mut String, part: &str) {
    if part.bytes().all(|byte| byte.is_ascii_graphic() && !is_reserved(byte.into())) {
        return text.push_str(part);
    }
    for c in part.chars() {
        if is_reserved(c) || c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(c);
        }
    }
}

fn is_reserved(c: char) -> bool {
    matches!(c, '%' | ':' | ',' | '@' | '=' | ' ')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(value: impl Into<Value>) -> String {
        pk_text(&ValueTuple::One(value.into())).unwrap()
    }

    #[test]
    fn keys_read_well() {
        assert_eq!(one(933_i64), "933");
        assert_eq!(one(-5_i32), "-5");
        assert_eq!(one(vec![0xde_u8, 0xad]), "dead");
        assert_eq!(one("a b:c,d%é🦀@=\n"), "a%20b%3Ac%2Cd%25é🦀%40%3D%0A");
        let uuid = uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
        assert_eq!(one(uuid), "67e55044-10b1-426f-9247-bb680e5fe0c8");
        let composite = ValueTuple::Two("x".into(), 7_i32.into());
        assert_eq!(pk_text(&composite).unwrap(), "x,7");
    }

    #[test]
    fn integers_of_every_kind_are_their_digits() {
        assert_eq!(one(i8::MIN), i8::MIN.to_string());
        assert_eq!(one(i16::MIN), i16::MIN.to_string());
        assert_eq!(one(i32::MIN), i32::MIN.to_string());
        assert_eq!(one(i64::MIN), i64::MIN.to_string());
        assert_eq!(one(u8::MAX), u8::MAX.to_string());
        assert_eq!(one(u16::MAX), u16::MAX.to_string());
        assert_eq!(one(u32::MAX), u32::MAX.to_string());
        assert_eq!(one(u64::MAX), u64::MAX.to_string());
        let same = |key: &ValueTuple| with_pk_text(key, str::to_owned) == pk_text(key);
        assert!(same(&ValueTuple::One(7_u8.into())) && same(&ValueTuple::One("a b".into())));
        assert!(same(&ValueTuple::Two(7.into(), 8.into())) && same(&ValueTuple::One(Value::Int(None))));
    }

    #[test]
    fn integers_of_one_text_are_one_number() {
        let of = |value: Value| integer(&ValueTuple::One(value));
        for seven in [7_i8.into(), 7_i16.into(), 7_i32.into(), 7_i64.into()] {
            assert_eq!(of(seven), Some(7));
        }
        for seven in [7_u8.into(), 7_u16.into(), 7_u32.into(), 7_u64.into()] {
            assert_eq!(of(seven), Some(7));
        }
        assert_eq!((of(i64::MIN.into()), of(i64::MAX.into())), (Some(i64::MIN), Some(i64::MAX)));
        assert_eq!(of((i64::MAX as u64 + 1).into()), None, "would be another number");
        assert_eq!((of(u64::MAX.into()), of(Value::BigInt(None)), of("7".into())), (None, None, None));
        assert_eq!(integer(&ValueTuple::Two(7.into(), 8.into())), None);
    }

    #[test]
    fn a_key_is_joined_as_it_is_displayed() {
        let parts = KeyParts::new("app", "book", "933", 0);
        assert_eq!(parts.joined(), parts.to_string());
    }

    #[test]
    fn a_key_with_a_null_in_it_names_no_row() {
        assert_eq!(pk_text(&ValueTuple::One(Value::Int(None))), None);
        assert_eq!(pk_text(&ValueTuple::One(Value::Uuid(None))), None);
        assert_eq!(pk_text(&ValueTuple::Two(1.into(), Value::String(None))), None);
    }

    #[test]
    fn a_long_key_becomes_its_hash() {
        let long = "x".repeat(KEY_BYTES_MAX + 1);
        let bounded = |key: &str| bounded(key.to_owned(), || "app:book:".to_owned());
        assert_eq!(bounded(&long).len(), 64);
        assert_ne!(bounded(&long), bounded(&format!("{long}y")));
        assert_eq!(bounded(&"x".repeat(KEY_BYTES_MAX)).len(), KEY_BYTES_MAX);
        let key = bounded(&format!("app:book:{long}"));
        assert!(key.starts_with("app:book:%sha256.") && key.len() < 100, "{key}");
    }

    proptest! {
        #[test]
        fn two_composite_keys_never_share_a_text(
            a in prop::array::uniform3("[a,:%@=\\\\ \u{0}é]{0,3}"),
            b in prop::array::uniform3("[a,:%@=\\\\ \u{0}é]{0,3}"),
        ) {
            let text = |[x, y, z]: &[String; 3]| {
                pk_text(&ValueTuple::Three(x.into(), y.into(), z.into())).unwrap()
            };
            prop_assert_eq!(a == b, text(&a) == text(&b));
        }
    }
}
