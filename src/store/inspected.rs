use super::Found;
use std::time::Duration;

/// What a store holds under a key, and until when: the answer of [`Store::inspect`](super::Store::inspect).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspected {
    /// The key as the store's server knows it, with the store's own prefix.
    pub key: String,
    /// What it holds.
    pub found: Found,
    /// How long until it expires, [`Duration::MAX`] if it never does. `None`: there is nothing, or the store cannot
    /// tell.
    pub ttl: Option<Duration>,
    /// The store's own clock in milliseconds, by which the deadlines of writers are set.
    pub now_ms: u64,
}

impl Inspected {
    /// This is found under this key at this moment.
    #[must_use]
    pub fn new(key: String, found: Found, ttl: Option<Duration>, now_ms: u64) -> Self {
        Self { key, found, ttl, now_ms }
    }
}
