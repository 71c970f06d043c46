use crate::telemetry::Counts;
use std::fmt;
use std::ops::Deref;

/// What a part of a test has cost, from [`TestAutocache::cost`](super::TestAutocache::cost). The [`Counts`] are its
/// fields, too: `cost.hits`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// What the cache has counted.
    pub counts: Counts,
    /// Statements sent to the database.
    pub sql: u64,
    /// Round trips to all stores together.
    pub round_trips: u64,
    /// The texts of the statements, in their order: of the last 1,000.
    pub statements: Vec<String>,
}

impl Deref for Cost {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.counts
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sql={} round_trips={}", self.sql, self.round_trips)?;
        for (name, count) in self.counts.iter().filter(|(_, count)| *count > 0) {
            write!(f, " {name}={count}")?;
        }
        self.statements.iter().try_for_each(|sql| write!(f, "\n  {sql}"))
    }
}

/// For the macros.
#[doc(hidden)]
impl Cost {
    /// Why this is not the cost of a hit.
    #[must_use]
    pub fn unlike_a_hit(&self) -> Option<&'static str> {
        let found = self.hits + self.tombstone_hits + self.list_hits;
        match () {
            () if self.misses + self.list_misses > 0 => Some("a miss"),
            () if self.bypasses > 0 => Some("a bypass: the database was read, and nothing cached"),
            () if self.sql > 0 => Some("SQL"),
            () if found == 0 => Some("no read of the cache at all"),
            () => None,
        }
    }

    /// Why this is not the cost of a miss.
    #[must_use]
    pub fn unlike_a_miss(&self) -> Option<&'static str> {
        match () {
            () if self.misses + self.list_misses > 0 => None,
            () if self.hits + self.tombstone_hits + self.list_hits > 0 => Some("a hit"),
            () if self.bypasses > 0 => Some("a bypass: the database was read, and nothing cached"),
            () => Some("no read of the cache at all"),
        }
    }

    /// What a failed assertion says.
    #[must_use]
    pub fn complaint(&self, call: &str, expected: &str, found: &str) -> String {
        format!("expected {expected}, found {found}\n call: {call}\n cost: {self}")
    }
}
