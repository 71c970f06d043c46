//! The tags of the kinds of values. They are in stored rows: a number is never changed, and never
//! used again for anything else. Only 0 to 127 are one byte in MessagePack.
#![cfg_attr(not(test), allow(dead_code, reason = "which are used depends on the features"))]

pub(super) const BOOL: u8 = 1;
pub(super) const TINY_INT: u8 = 2;
pub(super) const SMALL_INT: u8 = 3;
pub(super) const INT: u8 = 4;
pub(super) const BIG_INT: u8 = 5;
pub(super) const TINY_UNSIGNED: u8 = 6;
pub(super) const SMALL_UNSIGNED: u8 = 7;
pub(super) const UNSIGNED: u8 = 8;
pub(super) const BIG_UNSIGNED: u8 = 9;
pub(super) const FLOAT: u8 = 10;
pub(super) const DOUBLE: u8 = 11;
pub(super) const STRING: u8 = 12;
pub(super) const ENUM: u8 = 13;
pub(super) const CHAR: u8 = 14;
pub(super) const BYTES: u8 = 15;
pub(super) const JSON: u8 = 16;
pub(super) const CHRONO_DATE: u8 = 17;
pub(super) const CHRONO_TIME: u8 = 18;
pub(super) const CHRONO_DATE_TIME: u8 = 19;
pub(super) const CHRONO_DATE_TIME_UTC: u8 = 20;
pub(super) const CHRONO_DATE_TIME_LOCAL: u8 = 21;
pub(super) const CHRONO_DATE_TIME_WITH_TIME_ZONE: u8 = 22;
pub(super) const TIME_DATE: u8 = 23;
pub(super) const TIME_TIME: u8 = 24;
pub(super) const TIME_DATE_TIME: u8 = 25;
pub(super) const TIME_DATE_TIME_WITH_TIME_ZONE: u8 = 26;
pub(super) const UUID: u8 = 27;
pub(super) const DECIMAL: u8 = 28;
pub(super) const BIG_DECIMAL: u8 = 29;
pub(super) const ARRAY: u8 = 30;
pub(super) const VECTOR: u8 = 31;
pub(super) const IP_NETWORK: u8 = 32;
pub(super) const MAC_ADDRESS: u8 = 33;
