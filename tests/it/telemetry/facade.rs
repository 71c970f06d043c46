//! What a recorder of the crate `metrics` gets.

use super::*;
use crate::entities::library;
use crate::outage::until;
use metrics::{
    Counter, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};
use sea_orm_autocache::testing::{Fault, FaultyStore, Operation};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps everything, by name and labels.
#[derive(Default)]
pub struct Kept {
    counters: Series<AtomicU64>,
    gauges: Series<Level>,
    histograms: Series<Samples>,
    described: Mutex<BTreeMap<String, Described>>,
}

/// Its kind, unit and help.
type Described = (&'static str, Option<Unit>, String);

type Series<T> = Mutex<BTreeMap<String, Arc<T>>>;

#[derive(Default)]
pub struct Level(AtomicU64);

impl GaugeFn for Level {
    fn increment(&self, _: f64) {
        panic!("levels are set");
    }
    fn decrement(&self, _: f64) {
        panic!("levels are set");
    }
    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::SeqCst);
    }
}

#[derive(Default)]
pub struct Samples(Mutex<Vec<f64>>);

impl HistogramFn for Samples {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

/// `name label=value …`
fn series(key: &Key) -> String {
    let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
    format!("{}{}", key.name(), labels.collect::<String>())
}

fn of<T: Default>(all: &Series<T>, key: &Key) -> Arc<T> {
    all.lock().unwrap().entry(series(key)).or_default().clone()
}

impl Recorder for Kept {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("counter", name, unit, help);
    }
    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("gauge", name, unit, help);
    }
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe("histogram", name, unit, help);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(of(&self.counters, key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(of(&self.gauges, key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(of(&self.histograms, key))
    }
}

impl Kept {
    fn describe(&self, kind: &'static str, name: KeyName, unit: Option<Unit>, help: SharedString) {
        let said = (kind, unit, help.to_string());
        self.described.lock().unwrap().insert(name.as_str().to_owned(), said);
    }

    /// What every metric is, with the labels of its series.
    pub fn exported(&self) -> BTreeMap<String, Exported> {
        let mut exported: BTreeMap<String, Exported> = BTreeMap::new();
        let all = self.series();
        for (name, (kind, unit, help)) in &*self.described.lock().unwrap() {
            let labels = all.iter().filter_map(|series| series.strip_prefix(name)?.strip_prefix(' '));
            let labels: Vec<String> = labels.map(str::to_owned).collect();
            exported.insert(name.clone(), Exported { kind, unit: *unit, help: help.clone(), labels });
        }
        exported
    }

    /// All series, without their values.
    fn series(&self) -> Vec<String> {
        let mut all: Vec<String> = self.counters.lock().unwrap().keys().cloned().collect();
        all.extend(self.gauges.lock().unwrap().keys().cloned());
        all.extend(self.histograms.lock().unwrap().keys().cloned());
        all
    }

    /// Counters that are not zero, without the crate's prefix.
    fn counted(&self) -> Vec<(String, u64)> {
        let counters = self.counters.lock().unwrap();
        let value = |(name, count): (&String, &Arc<AtomicU64>)| (short(name), count.load(Ordering::SeqCst));
        counters.iter().map(value).filter(|(_, count)| *count > 0).collect()
    }

    fn counter(&self, series: &str) -> u64 {
        self.counters.lock().unwrap()[&long(series)].load(Ordering::SeqCst)
    }

    fn gauge(&self, series: &str) -> f64 {
        f64::from_bits(self.gauges.lock().unwrap()[&long(series)].0.load(Ordering::SeqCst))
    }

    fn samples(&self, series: &str) -> usize {
        self.histograms.lock().unwrap()[&long(series)].0.lock().unwrap().len()
    }
}

/// One metric.
pub struct Exported {
    pub kind: &'static str,
    pub unit: Option<Unit>,
    pub help: String,
    /// Those of each of its series, as `name=value …`.
    pub labels: Vec<String>,
}

fn long(series: &str) -> String {
    format!("sea_orm_autocache_{series}")
}

fn short(series: &str) -> String {
    series.strip_prefix("sea_orm_autocache_").expect("the crate's prefix").to_owned()
}

#[tokio::test]
async fn the_metrics_facade_gets_the_same_counts_and_no_keys() {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    for _ in 0..3 {
        cache.get(book.id).await.unwrap();
    }
    cache.find(987_654).await.unwrap();
    book.delete(&world.db).await.unwrap();
    let labels = "entity=book backend=default";
    let wanted = [
        (format!("fills_total {labels}"), 2),
        (format!("publishes_total {labels}"), 1),
        (format!("reads_total {labels} outcome=hit"), 2),
        (format!("reads_total {labels} outcome=miss"), 2),
        ("round_trips_total backend=default".to_owned(), world.stats().round_trips()),
    ];
    assert_eq!(kept.counted(), wanted);
}

#[tokio::test]
async fn every_metric_is_there_from_the_start_with_its_help() {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let _by_bytes = crate::support::builder(world.plain.clone())
        .app("app")
        .backend("default", MemoryStore::with_max_bytes(1 << 20))
        .build()
        .unwrap();
    assert_eq!(kept.counted(), []);
    let exported = kept.exported();
    for (name, metric) in &exported {
        assert!(metric.help.ends_with('.') && metric.unit.is_some(), "{name}: {}", metric.help);
        assert!(!metric.labels.is_empty(), "{name} has no series");
        let suffix = match (metric.kind, metric.unit) {
            ("counter", _) => "_total",
            (_, Some(Unit::Seconds)) => "_seconds",
            (_, Some(Unit::Bytes)) => "_bytes",
            _ => "",
        };
        assert!(name.ends_with(suffix), "{name} is a {}", metric.kind);
    }
    for series in kept.series() {
        let name = series.split(' ').next().unwrap();
        assert!(exported.contains_key(name), "{name} has no help");
    }
    let reads = &exported["sea_orm_autocache_reads_total"].labels;
    for outcome in ["hit", "tombstone", "miss", "bypass", "coalesced"] {
        assert!(reads.contains(&format!("entity=book backend=default outcome={outcome}")), "{outcome}");
    }
}

#[tokio::test]
async fn hits_in_memory_are_exported_in_batches_and_the_rest_when_asked_for() {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let hits = || kept.counter("reads_total entity=book backend=default outcome=hit");
    for _ in 0..1_002 {
        cache.get(book.id).await.unwrap();
    }
    assert!((900..1_001).contains(&hits()), "{}", hits());
    for _ in 0..2 {
        world.autocache.export_metrics();
        let stats = world.stats();
        assert_eq!((hits(), stats.total().hits), (1_001, 1_001));
        assert_eq!(kept.counter("round_trips_total backend=default"), stats.round_trips());
        assert_eq!(kept.gauge("memory_entries backend=default"), 1.0);
    }
    let durations = "read_duration_seconds entity=book backend=default outcome";
    assert_eq!(kept.samples(&format!("{durations}=miss")), 1);
    assert_eq!(kept.samples(&format!("{durations}=hit")), 0, "a hit in memory is not timed");
    assert_eq!(kept.samples("round_trip_duration_seconds backend=default operation=get"), 0);
}

#[tokio::test]
async fn reads_that_ask_a_server_and_its_round_trips_are_timed() {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let world = World::new(Database::Sqlite, Place::Redis).await;
    world.create_table(library::book::Entity).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    for _ in 0..5 {
        cache.get(book.id).await.unwrap();
    }
    cache.get_many([book.id, 404]).await.unwrap();
    cache.get_many([book.id, 404]).await.unwrap();
    let lists = world.autocache.cache::<library::book::Entity>();
    for _ in 0..3 {
        lists.list_by(library::book::Column::AuthorId, 1).await.unwrap();
    }
    cache.clear().await.unwrap();
    let reads = |metric: &str, entity: &str| {
        let of =
            |outcome| kept.samples(&format!("{metric} entity={entity} backend=default outcome={outcome}"));
        (of("hit"), of("miss"))
    };
    assert_eq!(reads("read_duration_seconds", "book"), (5, 2));
    assert_eq!(reads("list_read_duration_seconds", "lib_book"), (2, 1));
    let of = |operation| {
        kept.samples(&format!("round_trip_duration_seconds backend=default operation={operation}"))
    };
    assert_eq!((of("get"), of("get_many"), of("run"), of("clear")), (5 + 3, 2, 6, 1));
    let timed = of("get") + of("get_many") + of("run") + of("clear");
    assert_eq!(timed as u64, world.stats().round_trips());
}

#[tokio::test]
async fn an_outage_is_seen_in_the_gauges_while_it_lasts() {
    let kept = Kept::default();
    let _guard = set_default_local_recorder(&kept);
    let (world, store): (World, FaultyStore) = World::faulty(Database::Sqlite, Place::Memory, |b| b).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let of = |name: &str| kept.gauge(&format!("{name} backend=default"));
    assert_eq!((of("breaker_open"), of("degraded"), of("queued_invalidations")), (0.0, 0.0, 0.0));
    store.inject(Fault::TimedOut.on_any(Operation::STEPS).times(20));
    book::ActiveModel { rank: Set(2), ..book.into() }.update(&world.db).await.unwrap();
    // Between the intent and the finish the store may have been probed, which is answered.
    assert_eq!((of("breaker_open"), of("degraded"), of("queued_invalidations")), (1.0, 1.0, 1.0));
    store.heal();
    until(Duration::from_secs(2), "an end", || async { of("degraded") == 0.0 }).await;
    assert_eq!((of("breaker_open"), of("queued_invalidations")), (0.0, 0.0));
    let stats = world.stats().backends.remove(0);
    assert!(stats.trips > 0 && stats.failures > 0);
    assert_eq!(kept.counter("breaker_openings_total backend=default"), stats.trips);
    assert_eq!(kept.counter("round_trip_failures_total backend=default"), stats.failures);
}
