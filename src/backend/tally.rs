use crate::telemetry::{BackendMeters, RoundTrip, Spread, Watch};
use std::sync::atomic::{AtomicU64, Ordering};

/// The round trips of one store.
#[derive(Debug)]
pub(super) struct Tally {
    round_trips: Spread<AtomicU64>,
    failures: AtomicU64,
    meters: BackendMeters,
}

impl Tally {
    pub(super) fn new(meters: BackendMeters) -> Self {
        Self { round_trips: Spread::default(), failures: AtomicU64::new(0), meters }
    }

    pub(super) fn count(&self, operation: RoundTrip, watch: Watch, failed: bool) {
        self.meters.round_trip(operation, watch, failed);
        self.round_trips.mine().fetch_add(1, Ordering::Relaxed);
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn round_trips(&self) -> u64 {
        self.round_trips.all().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    #[cfg(feature = "metrics")]
    pub(super) fn meters(&self) -> &BackendMeters {
        &self.meters
    }
}
