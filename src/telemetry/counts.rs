//! What is counted for each entity.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ({ $(#[$type_doc:meta])* } $($(#[$doc:meta])* $name:ident,)*) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            /// The counts as names and numbers.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }

            pub(super) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }

        #[derive(Debug, Default)]
        pub(super) struct Cells {
            $($name: AtomicU64,)*
            /// Hits through the id index: each counts as a hit and as a round trip.
            pub(super) by_id: AtomicU64,
            /// Those of them that were exported.
            pub(super) by_id_exported: AtomicU64,
        }

        impl Cells {
            pub(super) fn read(&self) -> Counts {
                let mut counts = Counts { $($name: self.$name.load(Ordering::Relaxed),)* };
                counts.hits += self.by_id.load(Ordering::Relaxed);
                counts
            }

            #[inline]
            pub(super) fn cell(&self, event: Event) -> &AtomicU64 {
                match event {
                    $(Event::$name => &self.$name,)*
                }
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
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

counters! {
    {
        /// What one entity's cache has done. All counts are since the start of the process.
        ///
        /// Each read of a row is exactly one of five: `reads = hits + tombstone_hits + misses + bypasses + coalesced`.
        /// The **hit ratio** is the share that the cache has answered, `(hits + tombstone_hits) / reads`. See
        /// [`reads`](Self::reads) and [`hit_ratio`](Self::hit_ratio).
        ///
        /// A read of a row is one key of [`get`](crate::CacheController::get), [`find`](crate::CacheController::find) or
        /// [`get_many`](crate::CacheController::get_many), where a key that is repeated in one call counts once, and one
        /// member of a list that the cache knows. No reads are `refresh`, `contains`, a key with a NULL in it, and rows
        /// that come with a list from the database. A read that is dropped while the database is asked for it counts as
        /// a miss; one that is dropped before the cache has answered, not at all.
        ///
        /// Each read of a list is exactly one of four: `list_hits + list_misses + list_bypasses + list_coalesced`.
        ///
        /// ```
        /// # let stats = sea_orm_autocache::Stats::default();
        /// let counts = stats.total();
        /// let reads = counts.hits + counts.tombstone_hits + counts.misses + counts.bypasses + counts.coalesced;
        /// assert_eq!(reads, counts.reads());
        /// assert_eq!(counts.hit_ratio(), None, "nothing was read");
        /// ```
    }

    /// Reads of rows that the cache answered with the row.
    hits,
    /// Reads of rows that the cache answered with a tombstone: there is no such row.
    tombstone_hits,
    /// Reads of rows that the cache could not answer, and that asked the database under a lease, to fill the cache.
    misses,
    /// Reads of rows that asked the database without filling the cache: a writer or another reader was at work, a
    /// transaction was open, the store failed, or the entity is not cached.
    bypasses,
    /// Reads of rows that the cache could not answer at first, and that sent no database read: they used the answer of
    /// another read, of this process or of another one.
    coalesced,
    /// Rows and absences put into the cache by readers.
    fills,
    /// Fills that came too late: a writer was there first, or the entity or the row may not be cached.
    refused_fills,
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
    /// Reads of lists whose members the cache knew.
    list_hits,
    /// Reads of lists that asked the database under a lease, to fill the cache.
    list_misses,
    /// Reads of lists that asked the database without filling the list.
    list_bypasses,
    /// Reads of lists that used the answer of another read.
    list_coalesced,
    /// Lists put into the cache.
    list_fills,
}

impl Counts {
    /// All reads of rows.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.hits + self.tombstone_hits + self.misses + self.bypasses + self.coalesced
    }

    /// All reads of lists.
    #[must_use]
    pub fn list_reads(&self) -> u64 {
        self.list_hits + self.list_misses + self.list_bypasses + self.list_coalesced
    }

    /// The share of the reads of rows that the cache has answered, from 0 to 1: `(hits + tombstone_hits) / reads`.
    /// `None` if nothing was read.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.reads();
        (reads > 0).then(|| (self.hits + self.tombstone_hits) as f64 / reads as f64)
    }
}
