//! The kinds of values there are, and which of them can be cached.

use super::Unsupported;
#[cfg(feature = "postgres-array")]
use super::tag;
use sea_orm::sea_query::ArrayType;
use std::fmt::{self, Debug, Write};

/// One table for both directions. An enum is not in it: its kind has a name besides the tag.
macro_rules! kinds {
    ($($(#[$on:meta])? $kind:ident = $tag:ident,)*) => {
        /// Whether columns of this Rust type can be cached: if not, what is to be done about it.
        pub(crate) fn supports(kind: &ArrayType) -> Result<(), String> {
            match kind {
                ArrayType::Enum(_) => Ok(()),
                $($(#[$on])? ArrayType::$kind => Ok(()),)*
                #[allow(unreachable_patterns, reason = "sea-query may have more features on than this crate")]
                other => Err(reason(&name(other))),
            }
        }

        /// The tag of the elements' kind; none for an enum, or where its feature is off.
        #[cfg(feature = "postgres-array")]
        pub(super) fn tag_of(kind: &ArrayType) -> Option<u8> {
            match kind {
                $($(#[$on])? ArrayType::$kind => Some(tag::$tag),)*
                #[allow(unreachable_patterns, reason = "sea-query may have more features on than this crate")]
                _ => None,
            }
        }

        #[cfg(feature = "postgres-array")]
        pub(super) fn kind_of(tag: u8) -> Option<ArrayType> {
            match tag {
                $($(#[$on])? tag::$tag => Some(ArrayType::$kind),)*
                _ => None,
            }
        }
    };
}

kinds! {
    Bool = BOOL,
    TinyInt = TINY_INT,
    SmallInt = SMALL_INT,
    Int = INT,
    BigInt = BIG_INT,
    TinyUnsigned = TINY_UNSIGNED,
    SmallUnsigned = SMALL_UNSIGNED,
    Unsigned = UNSIGNED,
    BigUnsigned = BIG_UNSIGNED,
    Float = FLOAT,
    Double = DOUBLE,
    String = STRING,
    Char = CHAR,
    Bytes = BYTES,
    #[cfg(feature = "with-json")] Json = JSON,
    #[cfg(feature = "with-chrono")] ChronoDate = CHRONO_DATE,
    #[cfg(feature = "with-chrono")] ChronoTime = CHRONO_TIME,
    #[cfg(feature = "with-chrono")] ChronoDateTime = CHRONO_DATE_TIME,
    #[cfg(feature = "with-chrono")] ChronoDateTimeUtc = CHRONO_DATE_TIME_UTC,
    #[cfg(feature = "with-chrono")] ChronoDateTimeLocal = CHRONO_DATE_TIME_LOCAL,
    #[cfg(feature = "with-chrono")] ChronoDateTimeWithTimeZone = CHRONO_DATE_TIME_WITH_TIME_ZONE,
    #[cfg(feature = "with-time")] TimeDate = TIME_DATE,
    #[cfg(feature = "with-time")] TimeTime = TIME_TIME,
    #[cfg(feature = "with-time")] TimeDateTime = TIME_DATE_TIME,
    #[cfg(feature = "with-time")] TimeDateTimeWithTimeZone = TIME_DATE_TIME_WITH_TIME_ZONE,
    #[cfg(feature = "with-uuid")] Uuid = UUID,
    #[cfg(feature = "with-rust_decimal")] Decimal = DECIMAL,
    #[cfg(feature = "with-bigdecimal")] BigDecimal = BIG_DECIMAL,
    #[cfg(feature = "with-ipnetwork")] IpNetwork = IP_NETWORK,
    #[cfg(feature = "with-mac_address")] MacAddress = MAC_ADDRESS,
}

/// As [`supports`], for arrays of whatever kind.
pub(crate) fn supports_arrays() -> Result<(), String> {
    if cfg!(feature = "postgres-array") { Ok(()) } else { Err(reason("Array")) }
}

/// As [`supports`], for vectors.
pub(crate) fn supports_vectors() -> Result<(), String> {
    if cfg!(feature = "postgres-vector") { Ok(()) } else { Err(reason("Vector")) }
}

/// Says of which kind the value is that cannot be written.
#[cold]
pub(super) fn unsupported(value: &impl Debug) -> Unsupported {
    Unsupported::Kind(name(value))
}

/// Why values of this kind cannot be cached.
pub(super) fn reason(kind: &str) -> String {
    feature_of(kind).map_or_else(
        || format!("{kind} cannot be cached"),
        |feature| format!("{kind} cannot be cached: enable the feature `{feature}` of sea-orm-autocache"),
    )
}

/// The feature which is off, if there is one for this kind.
fn feature_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Json" if cfg!(not(feature = "with-json")) => "with-json",
        "Uuid" if cfg!(not(feature = "with-uuid")) => "with-uuid",
        "Decimal" if cfg!(not(feature = "with-rust_decimal")) => "with-rust_decimal",
        "BigDecimal" if cfg!(not(feature = "with-bigdecimal")) => "with-bigdecimal",
        "IpNetwork" if cfg!(not(feature = "with-ipnetwork")) => "with-ipnetwork",
        "MacAddress" if cfg!(not(feature = "with-mac_address")) => "with-mac_address",
        "Array" if cfg!(not(feature = "postgres-array")) => "postgres-array",
        "Vector" if cfg!(not(feature = "postgres-vector")) => "postgres-vector",
        _ if kind.starts_with("Chrono") && cfg!(not(feature = "with-chrono")) => "with-chrono",
        _ if kind.starts_with("Time") && cfg!(not(feature = "with-time")) => "with-time",
        _ => return None,
    })
}

/// The name of the variant, which its `Debug` text begins with. A variant whose feature is off in
/// this crate cannot be named in code.
fn name(variant: &impl Debug) -> String {
    struct Name(String);

    impl Write for Name {
        /// Stops at the first that is not of a name, so that no large value is printed in vain.
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let name = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            self.0.push_str(name);
            if name.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
        }
    }

    let mut name = Name(String::new());
    let _stopped_at_the_end_of_the_name = write!(name, "{variant:?}");
    name.0
}
