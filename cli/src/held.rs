//! [`Held`]: what a key holds, by its first bytes.

use sea_orm_autocache::__private::RawEntry;
use serde::Serialize;
use std::fmt;

#[derive(Clone, Debug, Serialize)]
pub struct Held {
    pub key: String,
    #[serde(flatten)]
    pub state: State,
    pub bytes: u64,
    /// Milliseconds until it expires; none: never.
    pub ttl_ms: Option<u64>,
    /// Of an entry: hashes of its entity and of its columns.
    pub fingerprint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    Row,
    List,
    Tombstone,
    /// A lease or an intent of the entity's lists.
    Fence,
    Lease,
    Intent {
        /// Those past their deadlines, too.
        writers: u64,
        /// Whether writers have overlapped: none of them will publish.
        dirty: bool,
    },
    /// An entry of another version of the library.
    OtherFormat,
    /// Bytes that are not the library's.
    Unknown,
    /// A Redis value of another type.
    OtherType,
}

impl Held {
    /// `left` is what `PTTL` answers.
    pub fn of(key: String, head: &[u8], bytes: u64, left: i64) -> Self {
        let entry = RawEntry::of(head);
        let state = match (head, &entry) {
            _ if last_part(&key) == "@" => State::Fence,
            (_, Some(entry)) if entry.format != RawEntry::FORMAT => State::OtherFormat,
            (_, Some(entry)) if entry.is_tombstone => State::Tombstone,
            // No text of a primary key has an `@`.
            (_, Some(_)) if last_part(&key).starts_with('@') => State::List,
            (_, Some(_)) => State::Row,
            ([b'L', ..], _) if bytes == 17 => State::Lease,
            // Two bytes, and 29 for each writer.
            ([b'W', flag @ (b'0' | b'1'), ..], _) if bytes >= 2 && (bytes - 2).is_multiple_of(29) => {
                State::Intent { writers: (bytes - 2) / 29, dirty: *flag == b'1' }
            }
            _ => State::Unknown,
        };
        let fingerprint = entry.and_then(|entry| entry.fingerprint);
        Self { key, state, bytes, ttl_ms: u64::try_from(left).ok(), fingerprint }
    }

    pub fn of_other_type(key: String, left: i64) -> Self {
        Self { key, state: State::OtherType, bytes: 0, ttl_ms: u64::try_from(left).ok(), fingerprint: None }
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit(':').next().unwrap_or_default()
}

impl State {
    /// Without the numbers of an intent.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::List => "list",
            Self::Tombstone => "tombstone",
            Self::Fence => "fence",
            Self::Lease => "lease",
            Self::Intent { .. } => "intent",
            Self::OtherFormat => "other format",
            Self::Unknown => "unknown bytes",
            Self::OtherType => "other Redis type",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intent { writers, dirty } => {
                write!(f, "intent, {writers} writer{}", if *writers == 1 { "" } else { "s" })?;
                f.write_str(if *dirty { ", dirty" } else { "" })
            }
            other => f.write_str(other.name()),
        }
    }
}
