//! [`Stats`]: all counters at one moment.

use super::counts::Counts;
use std::fmt;

/// The counts of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EntityStats {
    /// The model name.
    pub entity: String,
    /// The backend that holds it.
    pub backend: String,
    /// The counts.
    pub counts: Counts,
}

/// The counts of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackendStats {
    /// Its name.
    pub backend: String,
    /// Round trips to the store: reads, batches of steps, pages of a sweep.
    pub round_trips: u64,
    /// Round trips that failed, wholly or in part, or were not made while the breaker was open.
    pub failures: u64,
    /// How often the breaker has opened.
    pub trips: u64,
    /// How often connections that led nowhere were replaced.
    pub reconnects: u64,
    /// Whether the breaker is open now: the database answers.
    pub open: bool,
    /// Whether all or a part of the store has not answered and is not back yet. While the breaker is closed it is a
    /// part, such as a node of a Cluster: the database answers for its rows.
    pub degraded: bool,
    /// Queued invalidations: keys whose writes the store does not know of yet. They are read from the
    /// database.
    pub queued: usize,
    /// Values and tombstones in a [`MemoryStore`](crate::MemoryStore), expired ones that have not made room yet
    /// among them. `None` for other stores.
    pub entries: Option<u64>,
    /// The bytes of [`MemoryStore::with_max_bytes`](crate::MemoryStore::with_max_bytes) that are in use, as it counts
    /// them. `None` for other stores.
    pub bytes: Option<u64>,
}

/// A snapshot of all counters, from [`Autocache::stats`](crate::Autocache::stats).
///
/// With the feature `serde` it can be serialized, to JSON for example: an object of two lists, `entities` and
/// `backends`, whose members have the names of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Entities that were used, by model name.
    pub entities: Vec<EntityStats>,
    /// Backends, by name.
    pub backends: Vec<BackendStats>,
}

impl Stats {
    /// The counts of one entity; zeros for one that was never used.
    #[must_use]
    pub fn entity(&self, model_name: &str) -> Counts {
        let of_it = self.entities.iter().filter(|entity| entity.entity == model_name);
        sum(of_it)
    }

    /// The counts of all entities together.
    #[must_use]
    pub fn total(&self) -> Counts {
        sum(self.entities.iter())
    }

    /// Round trips to all stores together.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.backends.iter().map(|backend| backend.round_trips).sum()
    }
}

fn sum<'a>(entities: impl Iterator<Item = &'a EntityStats>) -> Counts {
    entities.fold(Counts::default(), |mut total, entity| {
        total.add(&entity.counts);
        total
    })
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entity in &self.entities {
            write!(f, "{} in {}:", entity.entity, entity.backend)?;
            for (name, count) in entity.counts.iter().filter(|(_, count)| *count > 0) {
                write!(f, " {name}={count}")?;
            }
            writeln!(f)?;
        }
        self.backends.iter().try_for_each(|backend| writeln!(f, "{backend}"))
    }
}

impl fmt::Display for BackendStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, round_trips, failures, trips, reconnects, .. } = self;
        let Self { open, degraded, queued, entries, bytes, .. } = self;
        write!(f, "{backend}: round_trips={round_trips} failures={failures} trips={trips}")?;
        write!(f, " reconnects={reconnects} open={open} degraded={degraded} queued={queued}")?;
        for (name, count) in [("entries", entries), ("bytes", bytes)] {
            if let Some(count) = count {
                write!(f, " {name}={count}")?;
            }
        }
        Ok(())
    }
}
