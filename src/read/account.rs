//! Each read that the cache has not answered at once is counted exactly once, as what it came to.

use crate::single_flight::Provenance;
use crate::telemetry::{Event, Recorder};
use crate::trace;

/// What a read came to that the cache has not answered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It asked the database under a lease.
    Miss,
    /// It asked the database without one.
    Bypass,
    /// It used the answer of another read.
    Coalesced,
}

/// That of a read which has opened the flight itself.
impl From<Provenance> for Outcome {
    fn from(provenance: Provenance) -> Self {
        match provenance {
            Provenance::Leased => Self::Miss,
            Provenance::Unleased => Self::Bypass,
            Provenance::Store => Self::Coalesced,
        }
    }
}

/// What reads count as, by what they came to: of rows, or of lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Events {
    pub(super) miss: Event,
    pub(super) bypass: Event,
    pub(super) coalesced: Event,
}

/// The reads of one load that are not counted yet. Those that are left when it is dropped, by a caller that gave up or
/// with an error of another read, count as misses.
pub(super) struct Account<'a> {
    stats: &'a Recorder,
    events: Events,
    open: usize,
}

impl<'a> Account<'a> {
    pub(super) fn of(stats: &'a Recorder, events: Events, reads: usize) -> Self {
        Self { stats, events, open: reads }
    }

    /// One read has come to this.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if self.open > 0 {
            self.open -= 1;
            let (event, name) = match outcome {
                Outcome::Miss => (self.events.miss, "miss"),
                Outcome::Bypass => (self.events.bypass, "bypass"),
                Outcome::Coalesced => (self.events.coalesced, "coalesced"),
            };
            self.stats.count(event);
            trace::note_outcome(name);
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.stats.count_many(self.events.miss, self.open as u64);
    }
}
