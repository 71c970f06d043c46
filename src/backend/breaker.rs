use crate::store::{StoreError, StoreErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Circuit breaker with two states. Closed: calls go through. Open: they fail at once, and a task of
/// its own probes the store; so there is no half-open state in which a user's request is the probe.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: AtomicBool,
    trips: AtomicU64,
}

impl Breaker {
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
        self.trips.fetch_add(u64::from(opened), Ordering::Relaxed);
        opened
    }

    /// Whether this call has closed it.
    pub(super) fn close(&self) -> bool {
        self.open.swap(false, Ordering::AcqRel)
    }

    pub(super) fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }
}
