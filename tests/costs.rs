//! What a hit costs, in counts that are about the same on every machine: allocations, instructions, and the
//! size of its future.
//!
//! A binary of its own, since counting takes the process' allocator. What is counted is the thread of the
//! test, and with it, as its runtime has no other, the tasks of the Redis client.

#[allow(dead_code)]
#[path = "it/support/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "it/support/servers.rs"]
mod servers;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::{Builder, config::Config};
use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, Schema, Set};
use sea_orm_autocache::prelude::*;
use servers::shared_redis;
use std::future::Future;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::{self, Runtime};

static CACHES: AtomicU32 = AtomicU32::new(0);
const ROWS: i64 = 100;
/// Whatever is allocated once in a while is nothing for each hit.
const HITS: u64 = 1_000;
/// Beside the hits of a `get_many`: its lists, and the set that finds repeated keys.
const LISTS_MAX: u64 = 17;
/// How much larger than its `GET` the future of a hit may be.
const FUTURE_BYTES_MAX: usize = 1_152;

/// Instructions of a hit in the tests' build: as measured, and a sixth to either side.
#[cfg(target_os = "linux")]
const MEMORY: std::ops::RangeInclusive<u64> = 7_500..=10_400;
#[cfg(target_os = "linux")]
const REDIS: std::ops::RangeInclusive<u64> = 185_000..=255_000;

mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
        pub author: String,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// Allocations of a row itself: its three texts.
const ROW: u64 = 3;

fn one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The cache of a table of [`ROWS`] rows, all of them cached. Its app label is its own: tests share a Redis, not a
/// database, and run side by side.
async fn warm_cache(store: impl Store) -> CacheController<book::Entity> {
    let database = Database::connect("sqlite::memory:").await.unwrap();
    let table = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
    database.execute(&table).await.unwrap();
    let app = format!("costs{}", CACHES.fetch_add(1, Ordering::Relaxed));
    let autocache = Autocache::builder(database).app(app).backend("default", store).build().unwrap();
    let db = autocache.connection();
    for id in 1..=ROWS {
        let (title, author) = (Set("Middlemarch".to_owned()), Set("George Eliot".to_owned()));
        let book = book::ActiveModel { id: Set(id), title, author, note: Set(Some("1871".to_owned())) };
        book.insert(&db).await.unwrap();
    }
    autocache.cache()
}

async fn redis_cache() -> CacheController<book::Entity> {
    warm_cache(RedisStore::connect(&shared_redis().url()).await.unwrap()).await
}

/// A client as it is without this crate, and the rows under keys of its own.
async fn by_hand(row: &book::Model) -> Client {
    let client = Builder::from_config(Config::from_url(&shared_redis().url()).unwrap()).build().unwrap();
    client.init().await.unwrap();
    let bytes = Bytes::from(rmp_serde::to_vec(row).unwrap());
    for id in 1..=ROWS {
        let _: () = client.set(hand_key(id), bytes.clone(), None, None, false).await.unwrap();
    }
    client
}

fn hand_key(id: i64) -> String {
    format!("hand:book:{id}")
}

fn decoded(bytes: Option<Bytes>) -> book::Model {
    rmp_serde::from_slice(&bytes.unwrap()).unwrap()
}

/// Allocations of one run of `read`: the fewest of `counts`, each the mean of `times` runs. An answer that a busy machine
/// brings in parts costs fred allocations for each part.
fn allocations<F: Future>(runtime: &Runtime, counts: usize, times: u64, read: impl Fn(i64) -> F) -> u64 {
    let run = |times: u64| {
        runtime.block_on(async {
            for id in (1..=ROWS).cycle().take(times as usize) {
                black_box(read(id).await);
            }
        });
    };
    run(ROWS as u64);
    let counted = (0..counts).map(|_| allocation_counter::measure(|| run(times)).count_total).min().unwrap();
    (counted + times / 2) / times
}

#[test]
fn a_hit_in_memory_allocates_its_row() {
    let runtime = one_thread();
    let cache = runtime.block_on(warm_cache(MemoryStore::new(1_000)));
    let hit = allocations(&runtime, 3, HITS, |id| cache.get(id));
    assert_eq!(hit, ROW);
}

#[test]
fn a_hit_on_redis_allocates_no_more_than_a_get_by_hand() {
    let runtime = one_thread();
    let cache = runtime.block_on(redis_cache());
    let client = runtime.block_on(async { by_hand(&cache.get(1).await.unwrap()).await });
    let hit = allocations(&runtime, 3, HITS, |id| cache.get(id));
    let get = |id| {
        let answer = client.get::<Option<Bytes>, _>(hand_key(id));
        async { decoded(answer.await.unwrap()) }
    };
    let by_hand = allocations(&runtime, 3, HITS, get);
    assert!(hit <= by_hand, "{hit} allocations for a hit, {by_hand} by hand");
}

#[test]
fn many_hits_on_redis_allocate_little_more_than_an_mget_by_hand() {
    let runtime = one_thread();
    let cache = runtime.block_on(redis_cache());
    let client = runtime.block_on(async { by_hand(&cache.get(1).await.unwrap()).await });
    let hits = allocations(&runtime, 50, 1, |_| cache.get_many(1..=ROWS));
    let mget = |_| {
        let answers = client.mget::<Vec<Option<Bytes>>, _>((1..=ROWS).map(hand_key).collect::<Vec<_>>());
        async { answers.await.unwrap().into_iter().map(decoded).collect::<Vec<_>>() }
    };
    let by_hand = allocations(&runtime, 50, 1, mget);
    assert!(hits <= by_hand + LISTS_MAX, "{hits} allocations for {ROWS} hits, {by_hand} by hand");
}

#[test]
fn the_future_of_a_hit_is_little_larger_than_that_of_its_get() {
    let runtime = one_thread();
    let cache = runtime.block_on(warm_cache(MemoryStore::new(1_000)));
    let get = size_of_val(&Client::default().get::<Option<Bytes>, _>("key"));
    for hit in [size_of_val(&cache.get(1)), size_of_val(&cache.find(1))] {
        assert!(hit <= get + FUTURE_BYTES_MAX, "{hit} bytes; the GET in it has {get}");
    }
}

mod shaped {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "shaped")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub text: String,
        pub json: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// What a store of so many bytes has in memory after rows were put into it that are all read: what its end frees. And
/// how many rows it holds.
fn holds(max_bytes: u64, rows: i64, row: impl Fn(i64) -> (String, serde_json::Value)) -> (i64, u64) {
    let runtime = one_thread();
    let _entered = runtime.enter();
    let database = runtime.block_on(Database::connect("sqlite::memory:")).unwrap();
    let (autocache, held) = runtime.block_on(async {
        let table = Schema::new(database.get_database_backend()).create_table_from_entity(shaped::Entity);
        database.execute(&table).await.unwrap();
        let store = MemoryStore::with_max_bytes(max_bytes);
        let builder = Autocache::builder(database.clone()).app("costs").backend("default", store);
        let autocache = builder.build().unwrap();
        let cache = autocache.cache::<shaped::Entity>();
        for id in 1..=rows {
            let (text, json) = row(id);
            let row = shaped::ActiveModel { id: Set(id), text: Set(text), json: Set(json) };
            row.insert(&autocache.connection()).await.unwrap();
            // Decoded, and then found by its key.
            black_box(cache.get(id).await.unwrap());
            black_box(cache.get(id).await.unwrap());
        }
        let mut held = 0;
        for id in 1..=rows {
            held += u64::from(cache.contains(id).await.unwrap());
        }
        drop(cache);
        (autocache, held)
    });
    let freed = allocation_counter::measure(|| drop(autocache)).bytes_current;
    (-freed, held)
}

#[test]
fn a_store_of_so_many_bytes_holds_no_more_than_half_as_many_again() {
    const MAX: u64 = 4 * 1024 * 1024;
    let numbers: Vec<u32> = (0..10_000).collect();
    let object =
        serde_json::json!({ "name": "George Eliot", "tags": ["a", "b"], "at": { "x": 1, "y": 2.5 } });
    let objects = vec![object.clone(); 50];
    type Row<'a> = Box<dyn Fn(i64) -> (String, serde_json::Value) + 'a>;
    let shapes: [(&str, i64, Row<'_>); 5] = [
        ("numbers", 40, Box::new(|_| ("t".to_owned(), numbers.clone().into()))),
        ("objects", 300, Box::new(|_| ("t".to_owned(), objects.clone().into()))),
        ("one object", 5_000, Box::new(|_| ("t".to_owned(), object.clone()))),
        ("small rows", 10_000, Box::new(|_| ("Emma".to_owned(), serde_json::Value::Bool(true)))),
        ("texts", 1_000, Box::new(|_| ("x".repeat(10_000), serde_json::Value::Bool(true)))),
    ];
    for (name, rows, row) in shapes {
        let (bytes, held) = holds(MAX, rows, row);
        let share = bytes as f64 / MAX as f64;
        let each = bytes / held.max(1) as i64;
        println!("{name}: {share:.2} of the room for {held} of {rows} rows, {each} bytes each");
        assert!(held < rows as u64, "{name}: the store is full");
        assert!(share <= 1.5, "{name}: {share:.2} of {MAX} bytes");
        assert!(share >= 0.5, "{name}: {share:.2} of {MAX} bytes: most of the room is empty");
    }
}

/// Instructions, as callgrind counts them on Linux. The tests' build is not optimized, so they are many; what they
/// tell is whether a change makes a hit much dearer.
#[cfg(target_os = "linux")]
mod instructions {
    use super::*;
    use std::ops::RangeInclusive;
    use std::process::Command;

    /// Says to a process that callgrind runs what it is to do: the store, and how many hits.
    const ORDER: &str = "AUTOCACHE_COSTS_ORDER";
    const COUNTED: u64 = 200;

    #[test]
    fn those_of_a_hit_in_memory_stay_within_their_band() {
        stay_within(&MEMORY, "those_of_a_hit_in_memory_stay_within_their_band", || "memory".to_owned());
    }

    #[test]
    fn those_of_a_hit_on_redis_stay_within_their_band() {
        stay_within(&REDIS, "those_of_a_hit_on_redis_stay_within_their_band", || shared_redis().url());
    }

    /// The test runs itself under callgrind, and is then told by [`ORDER`] that it is the one that is counted.
    fn stay_within(band: &RangeInclusive<u64>, test: &str, store: impl Fn() -> String) {
        if let Ok(order) = std::env::var(ORDER) {
            return hits_as_ordered(&order);
        }
        let store = store();
        let each = (counted(test, &store, 2 * COUNTED) - counted(test, &store, COUNTED)) / COUNTED;
        println!("{each} instructions for a hit");
        assert!(
            band.contains(&each),
            "{each} instructions for a hit, not within {band:?}: find out what has changed, and if it is right \
             move the band"
        );
    }

    /// The instructions of a process that makes so many hits.
    fn counted(test: &str, store: &str, hits: u64) -> u64 {
        let mut valgrind = Command::new("valgrind");
        valgrind.args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*counted_part*",
        ]);
        valgrind.arg(std::env::current_exe().unwrap());
        valgrind.args(["--exact", &format!("instructions::{test}"), "--test-threads=1"]);
        valgrind.env(ORDER, format!("{store} {hits}"));
        let output = valgrind.output().expect("valgrind: install the package `valgrind`");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stdout));
        // ==123== Collected : 4567
        let collected = text.lines().find_map(|line| line.split_once("Collected :")).expect("a count");
        collected.1.trim().parse().unwrap()
    }

    fn hits_as_ordered(order: &str) {
        let (store, hits) = order.split_once(' ').unwrap();
        let runtime = one_thread();
        let cache = runtime.block_on(async {
            match store {
                "memory" => warm_cache(MemoryStore::new(1_000)).await,
                // Under callgrind everything takes long.
                url => {
                    let patient =
                        RedisStore::builder(url).command_timeout(std::time::Duration::from_secs(60));
                    warm_cache(patient.connect().await.unwrap()).await
                }
            }
        });
        let hits: usize = hits.parse().unwrap();
        counted_part(&runtime, async {
            for id in (1..=ROWS).cycle().take(hits) {
                black_box(cache.get(id).await.unwrap());
            }
        });
    }

    /// Callgrind knows it by its name, which nothing within may have in its own.
    #[inline(never)]
    fn counted_part(runtime: &Runtime, hits: impl Future) {
        runtime.block_on(hits);
    }
}
