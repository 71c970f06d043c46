use crate::store::{StoreError, StoreErrorKind};
use crate::telemetry::{BackendMeters, Dial, Tick};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Circuit breaker with two states. Closed: calls go through. Open: they fail at once, and a task of
/// its own probes the store; so there is no half-open state in which a user's request is the probe.
#[derive(Debug)]
pub(super) struct Breaker {
    open: AtomicBool,
    trips: AtomicU64,
    shown: Dial,
    openings: Tick,
}

impl Breaker {
    pub(super) fn new(meters: &BackendMeters) -> Self {
        let (shown, openings) = (meters.open.clone(), meters.openings.clone());
        Self { open: AtomicBool::new(false), trips: AtomicU64::new(0), shown, openings }
    }

    /// # Errors
    /// The breaker is open.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_open() {
            return Err(StoreError::new(StoreErrorKind::Unreachable, "the breaker is open"));
        }
        Ok(())
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Whether this call has opened it.
    pub(super) fn open(&self) -> bool {
        let opened = !self.open.swap(true, Ordering::AcqRel);
        if opened {
            self.trips.fetch_add(1, Ordering::Relaxed);
            self.openings.tick();
            self.shown.show(1);
        }
        opened
    }

    /// Whether this call has closed it.
    pub(super) fn close(&self) -> bool {
        let closed = self.open.swap(false, Ordering::AcqRel);
        if closed {
            self.shown.show(0);
        }
        closed
    }

    pub(super) fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }
}
