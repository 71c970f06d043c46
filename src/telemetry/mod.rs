//! Counters per entity and backend, and the same through `metrics`; clocks and spans that cost nothing where their
//! feature is off.

mod counts;
#[cfg_attr(not(feature = "metrics"), path = "no_meters.rs")]
mod meters;
mod recorder;
mod spread;
mod stats;
mod timed;

pub use counts::Counts;
pub(crate) use counts::Event;
pub(crate) use meters::{BackendMeters, Dial, Tick, Watch, describe};
pub(crate) use recorder::Recorder;
pub(crate) use spread::Spread;
pub use stats::{BackendStats, EntityStats, Stats};
pub(crate) use timed::{RoundTrip, Timed};

/// The target of every `tracing` event and span of this crate.
pub(crate) const TARGET: &str = "sea_orm_autocache";
