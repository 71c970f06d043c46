//! Counters per entity and backend, and the same through `metrics`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The target of every `tracing` event and span of this crate.
pub(crate) const TARGET: &str = "sea_orm_autocache";

const PLACES: usize = 8;

/// A striped counter: each thread counts in a cache line of its own or of few (avoids false sharing).
#[derive(Debug, Default)]
pub(crate) struct Spread<T> {
    places: [Apart<T>; PLACES],
}

/// Two cache lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Spread<T> {
    /// The place of this thread.
    #[inline]
    pub(crate) fn mine(&self) -> &T {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        }
        let place = PLACE.try_with(|place| *place).unwrap_or(0);
        &self.places[place].0
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.places.iter().map(|place| &place.0)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one entity's cache has done. All counts are since the start of the process.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            /// The counts as names and numbers.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }

            fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            #[cfg(feature = "testing")]
            pub(crate) fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }

        #[derive(Debug, Default)]
        struct Cells {
            $($name: AtomicU64,)*
            /// Hits through the id index: each counts as a hit and as a round trip.
            by_id: AtomicU64,
        }

        impl Cells {
            fn read(&self) -> Counts {
                let mut counts = Counts { $($name: self.$name.load(Ordering::Relaxed),)* };
                counts.hits += self.by_id.load(Ordering::Relaxed);
                counts
            }
        }

        /// What can be counted.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Event {
            $($name,)*
        }

        #[cfg(feature = "metrics")]
        impl Event {
            const ALL: &[Self] = &[$(Self::$name),*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("sea_orm_autocache_", stringify!($name), "_total"),)*
                }
            }
        }

        impl Cells {
            #[inline]
            fn cell(&self, event: Event) -> &AtomicU64 {
                match event {
                    $(Event::$name => &self.$name,)*
                }
            }
        }
    };
}

counters! {
    /// Rows answered from the cache.
    hits,
    /// Absences answered from the cache.
    tombstone_hits,
    /// Keys for which the cache had no answer.
    misses,
    /// Rows and absences put into the cache by readers.
    fills,
    /// Fills that came too late: a writer was there first, or the entity or the row may not be cached.
    refused_fills,
    /// Reads that went to the database although the key was not simply absent: a writer or another
    /// reader was at work, a transaction was open, or the store failed.
    bypasses,
    /// Misses that waited for another task's database read instead of sending their own.
    joins,
    /// Rows and tombstones put into the cache by writers.
    publishes,
    /// Keys emptied by writers and invalidations.
    invalidations,
    /// Writes whose intent had gone before they were finished: evictions, failovers, an intent TTL that is too short.
    lost_intents,
    /// Store calls that failed.
    errors,
    /// Entries that could not be read: damaged, foreign, or of another schema. Replaced.
    undecodable,
    /// Rows and lists too large to be cached.
    oversized,
    /// Rows with a value that cannot be cached, such as JSON that is nested too deep.
    uncacheable,
    /// Lists whose members the cache knew.
    list_hits,
    /// Lists whose members had to be read from the database.
    list_misses,
    /// Lists put into the cache.
    list_fills,
}

/// The counters of one entity.
#[derive(Debug)]
pub(crate) struct Recorder {
    entity: Arc<str>,
    backend: Arc<str>,
    cells: Spread<Cells>,
    /// By event. Made once: a key has labels, which are a list.
    #[cfg(feature = "metrics")]
    keys: Vec<metrics::Key>,
}

impl Recorder {
    pub(crate) fn new(entity: &str, backend: &str) -> Self {
        Self {
            entity: entity.into(),
            backend: backend.into(),
            cells: Spread::default(),
            #[cfg(feature = "metrics")]
            keys: keys(entity, backend),
        }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.count_many(event, 1);
    }

    #[inline]
    pub(crate) fn count_many(&self, event: Event, n: u64) {
        if n == 0 {
            return;
        }
        self.cells.mine().cell(event).fetch_add(n, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.publish(event, n);
    }

    /// A hit through the id index.
    #[inline]
    pub(crate) fn count_by_id(&self) {
        self.cells.mine().by_id.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.publish(Event::hits, 1);
    }

    /// Hits that are round trips which the backend has not counted.
    pub(crate) fn by_id(&self) -> u64 {
        self.cells.all().map(|cells| cells.by_id.load(Ordering::Relaxed)).sum()
    }

    #[cfg(feature = "metrics")]
    fn publish(&self, event: Event, n: u64) {
        metrics::with_recorder(|recorder| {
            recorder.register_counter(&self.keys[event as usize], &METADATA).increment(n);
        });
    }

    pub(crate) fn read(&self) -> EntityStats {
        let mut counts = Counts::default();
        self.cells.all().for_each(|cells| counts.add(&cells.read()));
        EntityStats { entity: self.entity.to_string(), backend: self.backend.to_string(), counts }
    }
}

#[cfg(feature = "metrics")]
const METADATA: metrics::Metadata<'static> =
    metrics::Metadata::new(module_path!(), metrics::Level::INFO, Some(module_path!()));

#[cfg(feature = "metrics")]
fn keys(entity: &str, backend: &str) -> Vec<metrics::Key> {
    let label = |name, value: &str| metrics::Label::new(name, Arc::<str>::from(value));
    let labels = vec![label("entity", entity), label("backend", backend)];
    Event::ALL.iter().map(|event| metrics::Key::from_parts(event.name(), labels.clone())).collect()
}

/// The counts of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Queued invalidations: keys whose writes the store does not know of yet. They are read from the
    /// database.
    pub queued: usize,
}

/// A snapshot of all counters, from [`Autocache::stats`](crate::Autocache::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
        for BackendStats { backend, round_trips, failures, trips, reconnects, open, queued } in &self.backends
        {
            write!(f, "{backend}: round_trips={round_trips} failures={failures} trips={trips}")?;
            writeln!(f, " reconnects={reconnects} open={open} queued={queued}")?;
        }
        Ok(())
    }
}
