//! The counters through the facade `metrics`: what is exported, and the handles that are made once.

use super::counts::Event;
use super::timed::{RoundTrip, Timed};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit};
use std::sync::Arc;
use std::time::Instant;

/// Hits through the id index that a thread counts before it exports them: a counter that all cores write would cost
/// more than the hit.
const BY_ID_BATCH: u64 = 64;

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// A metric's name: the crate's, and one of its own.
macro_rules! name {
    ($name:literal) => {
        concat!("sea_orm_autocache_", $name)
    };
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Everything that is exported: its kind, name, unit and help.
const METRICS: &[(Kind, &str, Unit, &str)] = &[
    (Kind::Counter, name!("reads_total"), Unit::Count, "Reads of rows, by how they were answered."),
    (Kind::Counter, name!("list_reads_total"), Unit::Count, "Reads of lists, by how they were answered."),
    (Kind::Counter, name!("fills_total"), Unit::Count, "Rows and absences put into the cache by readers."),
    (
        Kind::Counter,
        name!("refused_fills_total"),
        Unit::Count,
        "Fills that came too late or may not be cached.",
    ),
    (Kind::Counter, name!("list_fills_total"), Unit::Count, "Lists put into the cache."),
    (
        Kind::Counter,
        name!("publishes_total"),
        Unit::Count,
        "Rows and tombstones put into the cache by writers.",
    ),
    (Kind::Counter, name!("invalidations_total"), Unit::Count, "Keys emptied by writers and invalidations."),
    (
        Kind::Counter,
        name!("lost_intents_total"),
        Unit::Count,
        "Writes whose intent had gone before their end.",
    ),
    (Kind::Counter, name!("errors_total"), Unit::Count, "Store calls that failed."),
    (Kind::Counter, name!("undecodable_total"), Unit::Count, "Entries that could not be read."),
    (Kind::Counter, name!("oversized_total"), Unit::Count, "Rows and lists too large to be cached."),
    (Kind::Counter, name!("uncacheable_total"), Unit::Count, "Rows with a value that cannot be cached."),
    (
        Kind::Histogram,
        name!("read_duration_seconds"),
        Unit::Seconds,
        "Duration of a read of rows that asked the store, by whether the cache answered all of it.",
    ),
    (
        Kind::Histogram,
        name!("list_read_duration_seconds"),
        Unit::Seconds,
        "Duration of a read of lists that asked the store, by whether the cache answered all of it.",
    ),
    (Kind::Counter, name!("round_trips_total"), Unit::Count, "Round trips to the store."),
    (
        Kind::Counter,
        name!("round_trip_failures_total"),
        Unit::Count,
        "Round trips that failed or were not made.",
    ),
    (
        Kind::Histogram,
        name!("round_trip_duration_seconds"),
        Unit::Seconds,
        "Duration of a round trip to a store outside of the process.",
    ),
    (Kind::Gauge, name!("breaker_open"), Unit::Count, "1 while the circuit breaker is open, else 0."),
    (
        Kind::Gauge,
        name!("degraded"),
        Unit::Count,
        "1 while all or a part of the store does not answer, else 0.",
    ),
    (
        Kind::Counter,
        name!("breaker_openings_total"),
        Unit::Count,
        "How often the circuit breaker has opened.",
    ),
    (Kind::Counter, name!("reconnects_total"), Unit::Count, "How often dead connections were replaced."),
    (
        Kind::Gauge,
        name!("queued_invalidations"),
        Unit::Count,
        "Keys whose writes the store does not know of yet.",
    ),
    (Kind::Gauge, name!("memory_entries"), Unit::Count, "Values and tombstones in a store of this process."),
    (
        Kind::Gauge,
        name!("memory_bytes"),
        Unit::Bytes,
        "Bytes in use of a store of this process with a room in bytes.",
    ),
];

/// Gives every metric its help and unit.
pub(crate) fn describe() {
    metrics::with_recorder(|recorder| {
        for &(kind, name, unit, help) in METRICS {
            let (name, unit, help) = (name.into(), Some(unit), SharedString::const_str(help));
            match kind {
                Kind::Counter => recorder.describe_counter(name, unit, help),
                Kind::Gauge => recorder.describe_gauge(name, unit, help),
                Kind::Histogram => recorder.describe_histogram(name, unit, help),
            }
        }
    });
}

/// The metric that an event counts in, and its outcome there.
fn metric_of(event: Event) -> (&'static str, Option<&'static str>) {
    const READS: &str = name!("reads_total");
    const LIST_READS: &str = name!("list_reads_total");
    match event {
        Event::hits => (READS, Some("hit")),
        Event::tombstone_hits => (READS, Some("tombstone")),
        Event::misses => (READS, Some("miss")),
        Event::bypasses => (READS, Some("bypass")),
        Event::coalesced => (READS, Some("coalesced")),
        Event::list_hits => (LIST_READS, Some("hit")),
        Event::list_misses => (LIST_READS, Some("miss")),
        Event::list_bypasses => (LIST_READS, Some("bypass")),
        Event::list_coalesced => (LIST_READS, Some("coalesced")),
        Event::fills => (name!("fills_total"), None),
        Event::refused_fills => (name!("refused_fills_total"), None),
        Event::list_fills => (name!("list_fills_total"), None),
        Event::publishes => (name!("publishes_total"), None),
        Event::invalidations => (name!("invalidations_total"), None),
        Event::lost_intents => (name!("lost_intents_total"), None),
        Event::errors => (name!("errors_total"), None),
        Event::undecodable => (name!("undecodable_total"), None),
        Event::oversized => (name!("oversized_total"), None),
        Event::uncacheable => (name!("uncacheable_total"), None),
    }
}

/// Makes handles with the same labels.
struct Maker<'r> {
    recorder: &'r dyn Recorder,
    labels: Vec<Label>,
}

impl Maker<'_> {
    fn key(&self, name: &'static str, extra: Option<(&'static str, &'static str)>) -> Key {
        let extra = extra.map(|(name, value)| Label::from_static_parts(name, value));
        Key::from_parts(name, self.labels.iter().cloned().chain(extra).collect::<Vec<_>>())
    }

    fn counter(&self, name: &'static str, outcome: Option<&'static str>) -> Counter {
        let key = self.key(name, outcome.map(|outcome| ("outcome", outcome)));
        let counter = self.recorder.register_counter(&key, &METADATA);
        counter.increment(0);
        counter
    }

    fn gauge(&self, name: &'static str) -> Dial {
        Dial(self.recorder.register_gauge(&self.key(name, None), &METADATA))
    }

    fn histogram(&self, name: &'static str, label: (&'static str, &'static str)) -> Histogram {
        self.recorder.register_histogram(&self.key(name, Some(label)), &METADATA)
    }
}

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, Arc::<str>::from(value))
}

/// The handles of one entity.
#[derive(Debug)]
pub(super) struct EntityMeters {
    /// By event.
    counters: Vec<Counter>,
    /// By [`Timed`].
    durations: [Histogram; 4],
    /// Those of its backend.
    round_trips: Counter,
}

impl EntityMeters {
    pub(super) fn new(entity: &str, backend: &str) -> Self {
        metrics::with_recorder(|recorder| {
            let of_backend = Maker { recorder, labels: vec![label("backend", backend)] };
            let maker = Maker { recorder, labels: vec![label("entity", entity), label("backend", backend)] };
            let counter = |event: &Event| {
                let (name, outcome) = metric_of(*event);
                maker.counter(name, outcome)
            };
            let duration = |name, outcome| maker.histogram(name, ("outcome", outcome));
            let (rows, lists) = (name!("read_duration_seconds"), name!("list_read_duration_seconds"));
            Self {
                counters: Event::ALL.iter().map(counter).collect(),
                durations: [
                    duration(rows, "hit"),
                    duration(rows, "miss"),
                    duration(lists, "hit"),
                    duration(lists, "miss"),
                ],
                round_trips: of_backend.counter(name!("round_trips_total"), None),
            }
        })
    }

    #[inline]
    pub(super) fn add(&self, event: Event, n: u64) {
        self.counters[event as usize].increment(n);
    }

    /// Whether the hit through the id index that follows so many is the last of a batch.
    #[inline]
    pub(super) fn ends_batch(before: u64) -> bool {
        before % BY_ID_BATCH == BY_ID_BATCH - 1
    }

    /// Adds hits through the id index.
    pub(super) fn add_by_id(&self, n: u64) {
        self.add(Event::hits, n);
        self.round_trips.increment(n);
    }

    #[inline]
    pub(super) fn time(&self, timed: Timed, watch: Watch) {
        if let Some(started) = watch.0 {
            self.durations[timed as usize].record(started.elapsed());
        }
    }
}

/// The handles of one backend.
#[derive(Debug)]
pub(crate) struct BackendMeters {
    round_trips: Counter,
    failures: Counter,
    /// By [`RoundTrip`].
    durations: [Histogram; 4],
    pub(crate) open: Dial,
    pub(crate) degraded: Dial,
    pub(crate) openings: Tick,
    pub(crate) reconnects: Tick,
    pub(crate) queued: Dial,
    /// What a store of this process holds.
    memory: Option<(Dial, Option<Dial>)>,
}

impl BackendMeters {
    /// `memory`: what a store of this process holds, its entries and its bytes.
    pub(crate) fn new(backend: &str, memory: Option<(u64, Option<u64>)>) -> Self {
        metrics::with_recorder(|recorder| {
            let maker = Maker { recorder, labels: vec![label("backend", backend)] };
            let duration =
                |operation| maker.histogram(name!("round_trip_duration_seconds"), ("operation", operation));
            let meters = Self {
                round_trips: maker.counter(name!("round_trips_total"), None),
                failures: maker.counter(name!("round_trip_failures_total"), None),
                durations: [duration("get"), duration("get_many"), duration("run"), duration("clear")],
                open: maker.gauge(name!("breaker_open")),
                degraded: maker.gauge(name!("degraded")),
                openings: Tick(maker.counter(name!("breaker_openings_total"), None)),
                reconnects: Tick(maker.counter(name!("reconnects_total"), None)),
                queued: maker.gauge(name!("queued_invalidations")),
                memory: memory.map(|(_, bytes)| {
                    let bytes = bytes.map(|_| maker.gauge(name!("memory_bytes")));
                    (maker.gauge(name!("memory_entries")), bytes)
                }),
            };
            meters.open.show(0);
            meters.degraded.show(0);
            meters.queued.show(0);
            meters.show_memory(memory);
            meters
        })
    }

    #[inline]
    pub(crate) fn round_trip(&self, operation: RoundTrip, watch: Watch, failed: bool) {
        self.round_trips.increment(1);
        if failed {
            self.failures.increment(1);
        }
        if let Some(started) = watch.0 {
            self.durations[operation as usize].record(started.elapsed());
        }
    }

    pub(crate) fn show_memory(&self, memory: Option<(u64, Option<u64>)>) {
        let (Some((entries_dial, bytes_dial)), Some((entries, bytes))) = (&self.memory, memory) else {
            return;
        };
        entries_dial.show(entries);
        if let (Some(dial), Some(bytes)) = (bytes_dial, bytes) {
            dial.show(bytes);
        }
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub(crate) struct Dial(Gauge);

impl Default for Dial {
    fn default() -> Self {
        Self(Gauge::noop())
    }
}

impl Dial {
    pub(crate) fn show(&self, now: u64) {
        self.0.set(now as f64);
    }
}

/// A number that goes up by one.
#[derive(Clone, Debug)]
pub(crate) struct Tick(Counter);

impl Default for Tick {
    fn default() -> Self {
        Self(Counter::noop())
    }
}

impl Tick {
    pub(crate) fn tick(&self) {
        self.0.increment(1);
    }
}

/// When something began whose duration is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Option<Instant>);

impl Watch {
    /// One that runs.
    #[inline]
    pub(crate) fn started() -> Self {
        Self(Some(Instant::now()))
    }

    /// One that measures nothing.
    #[inline]
    pub(crate) fn idle() -> Self {
        Self(None)
    }

    /// This one if it runs, else one that starts now.
    #[inline]
    pub(crate) fn or_started(self) -> Self {
        Self(self.0.or_else(|| Some(Instant::now())))
    }
}
