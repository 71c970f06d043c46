//! Settings that all entities of an `Autocache` share.

use std::time::Duration;

/// How the cache behaves when it cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Consistency {
    /// No read and no write ever fails because of the cache.
    #[default]
    Available,
    /// A write whose intent the cache has not acknowledged is not started. A committed write whose end the
    /// cache has not acknowledged answers [`CacheError::Unconfirmed`](crate::CacheError::Unconfirmed),
    /// unless its intent certainly kept readers away until now. The clear of an entity has no intent. All entries of a server that was restarted
    /// or replaced are ignored.
    Strict,
}

/// What happens to a write of a cached table that runs no hooks: SeaORM's bulk statements, its
/// `Entity::insert`, `update` and `delete`, raw SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UntrackedWrites {
    /// The row is invalidated where the statement names its primary key, the whole entity otherwise,
    /// and a warning names the table once.
    #[default]
    Invalidate,
    /// Nothing is invalidated; a warning names the table once.
    Warn,
    /// The statement is not sent: [`CacheError::UntrackedWrite`](crate::CacheError::UntrackedWrite).
    Refuse,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) ttl: Duration,
    pub(crate) tombstone_ttl: Option<Duration>,
    pub(crate) consistency: Consistency,
    pub(crate) intent_ttl: Duration,
    pub(crate) transaction_intent_ttl: Duration,
    pub(crate) max_entry_bytes: usize,
    pub(crate) untracked_writes: UntrackedWrites,
    /// Plain connections may lead to other databases.
    pub(crate) other_databases: bool,
}
