//! Stands for `meters.rs` where the feature `metrics` is off: nothing is exported, and no clock is read.

use super::counts::Event;
use super::timed::{RoundTrip, Timed};

pub(crate) fn describe() {}

#[derive(Debug)]
pub(super) struct EntityMeters;

impl EntityMeters {
    pub(super) fn new(_entity: &str, _backend: &str) -> Self {
        Self
    }

    #[inline]
    pub(super) fn add(&self, _event: Event, _n: u64) {}

    #[inline]
    pub(super) fn ends_batch(_before: u64) -> bool {
        false
    }

    pub(super) fn add_by_id(&self, _n: u64) {}

    #[inline]
    pub(super) fn time(&self, _timed: Timed, _watch: Watch) {}
}

#[derive(Debug)]
pub(crate) struct BackendMeters {
    pub(crate) open: Dial,
    pub(crate) degraded: Dial,
    pub(crate) openings: Tick,
    pub(crate) reconnects: Tick,
    pub(crate) queued: Dial,
}

impl BackendMeters {
    pub(crate) fn new(_backend: &str, _memory: Option<(u64, Option<u64>)>) -> Self {
        Self { open: Dial, degraded: Dial, openings: Tick, reconnects: Tick, queued: Dial }
    }

    #[inline]
    pub(crate) fn round_trip(&self, _operation: RoundTrip, _watch: Watch, _failed: bool) {}
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Dial;

impl Dial {
    pub(crate) fn show(&self, _now: u64) {}
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tick;

impl Tick {
    pub(crate) fn tick(&self) {}
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch;

impl Watch {
    #[inline]
    pub(crate) fn started() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn idle() -> Self {
        Self
    }

    #[inline]
    pub(crate) fn or_started(self) -> Self {
        Self
    }
}
