//! [`StatementId`]: what tells the statement of one write from all others.

use crate::sql::Verb;
use foldhash::quality::RandomState;
use sea_orm::sea_query::Value;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

/// A statement of one entity: its verb, the columns that it sets, and all its values.
///
/// A hash of 64 bits with a seed of the process' own, so that two writes with the same hash cannot be constructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StatementId(u64);

static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

impl StatementId {
    pub(crate) fn of<'a>(
        verb: Verb,
        columns: impl IntoIterator<Item = &'a str>,
        values: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let mut hasher = SEED.build_hasher();
        verb.hash(&mut hasher);
        for column in columns {
            column.hash(&mut hasher);
        }
        // Where the columns end.
        hasher.write_u8(0);
        for value in values {
            value.hash(&mut hasher);
        }
        Self(hasher.finish())
    }

    /// The same statement on a plain connection, whose guard is another one.
    pub(crate) fn on_plain(self) -> Self {
        Self(!self.0)
    }
}
