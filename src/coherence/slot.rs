use super::{Intents, Token};
use std::time::Duration;

/// What a key holds. `E` is an entry: bytes in a store, a version number in a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Slot<E> {
    /// Nothing. Leaves by: lease, intent, insert.
    Empty,
    /// A value, a tombstone, or bytes of no known form. Leaves by: intent, finish, invalidate, expiry, and a lease that names it as unusable.
    Entry(E),
    /// A reader is fetching the row. Leaves by: its fill, its unlease, any intent, finish or invalidate, expiry.
    Lease(Token),
    /// Writers are at work. Leaves by: the finish or release of the last of them, expiry.
    Intent(Intents),
}

/// The TTL of what a step leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// This long from now.
    For(Duration),
    /// Until it is removed.
    Forever,
    /// Until the moment that was already set.
    AsBefore,
}

impl Lifetime {
    /// The lifetime of an entry with this TTL; [`Duration::MAX`] is no expiry at all.
    #[must_use]
    pub fn of(ttl: Duration) -> Self {
        if ttl == Duration::MAX { Self::Forever } else { Self::For(ttl) }
    }
}

/// What a step does to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<E> {
    /// Nothing.
    Keep,
    /// The key holds this from now on. Never [`Slot::Empty`].
    Put(Slot<E>, Lifetime),
    /// The key goes.
    Remove,
}
