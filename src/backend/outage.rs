use crate::store::{StoreError, StoreErrorKind};
use crate::telemetry::{BackendMeters, Dial, TARGET, Tick};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(60);

/// What is logged of an outage: its beginning, its connections once, and a summary at its end. What it does to each
/// read and write is counted.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<Option<Begun>>,
    reconnects: AtomicU64,
    exported: Tick,
    shown: Dial,
    /// Until when errors that the store answers with are not logged.
    quiet_until: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Begun {
    at: Instant,
    failures_before: u64,
    reconnected: bool,
}

impl Outage {
    pub(super) fn new(meters: &BackendMeters) -> Self {
        Self { exported: meters.reconnects.clone(), shown: meters.degraded.clone(), ..Self::default() }
    }

    /// Whether one has begun and not ended.
    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    pub(super) fn begin(&self, backend: &str, error: &StoreError, failures_before: u64) {
        let begun = || Begun { at: Instant::now(), failures_before, reconnected: false };
        self.lock().get_or_insert_with(begun);
        self.shown.show(1);
        if error.is_partial() {
            tracing::warn!(
                target: TARGET, backend, %error,
                "a part of the cache does not answer; the database does for its rows until it is back"
            );
            return;
        }
        tracing::warn!(
            target: TARGET, backend, %error,
            "the cache does not answer; the database does until it is back"
        );
    }

    pub(super) fn end(&self, backend: &str, failures: u64, queued: usize) {
        let Some(Begun { at, failures_before, .. }) = self.lock().take() else { return };
        self.shown.show(0);
        tracing::warn!(
            target: TARGET, backend,
            after = ?at.elapsed(), failed_calls = failures.saturating_sub(failures_before), still_queued = queued,
            "the cache answers again"
        );
    }

    pub(super) fn note_reconnect(&self, backend: &str) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
        self.exported.tick();
        let first = self.lock().as_mut().is_none_or(|begun| !std::mem::replace(&mut begun.reconnected, true));
        if first {
            tracing::warn!(target: TARGET, backend, "connections that led nowhere were replaced");
        }
    }

    pub(super) fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// A store that answers with errors, such as one that is out of memory, or whose user may not do everything: logged
    /// from time to time, since other calls may go well meanwhile.
    pub(super) fn note_refusal(&self, backend: &str, error: &StoreError) {
        if error.kind() != StoreErrorKind::Refused {
            return;
        }
        let now = Instant::now();
        let mut quiet_until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        if quiet_until.is_none_or(|until| now >= until) {
            *quiet_until = Some(now + REFUSALS_LOGGED_EVERY);
            tracing::warn!(target: TARGET, backend, %error, "the cache refuses what it is asked");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Begun>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
