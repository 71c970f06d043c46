//! An Autocache that several runtimes share, of which one ends or stands still. `#[tokio::test]`s that share an
//! installed one are the everyday form.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, Proxy, Redis, World};
use futures_util::future::join_all;
use futures_util::poll;
use sea_orm::{ActiveModelTrait, ConnectOptions, DatabaseConnection, DbErr};
use sea_orm_autocache::prelude::*;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};

/// What becomes of the runtime that came first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Dropped,
    /// It is there, and nothing drives it.
    Stopped,
}

const ENDS: [End; 2] = [End::Dropped, End::Stopped];

fn one_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The runtime for as long as it is kept: not at all, or until this is dropped.
fn come_to(end: End, runtime: Runtime) -> Option<Runtime> {
    (end == End::Stopped).then_some(runtime)
}

/// A healthy runtime, with the database and the path to a Redis server on it.
struct House {
    runtime: Runtime,
    world: World,
    /// Of several connections: SQLx gives one back by a task, and so loses those of a runtime that stands still.
    database: DatabaseConnection,
    proxy: Proxy,
    _redis: Redis,
}

impl House {
    fn build() -> Self {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let redis = Redis::start(&[]);
        let (world, database, proxy) = runtime.block_on(async {
            let world = World::new(Database::Sqlite, Place::Memory).await;
            world.create_table(book::Entity).await;
            let mut options = ConnectOptions::new(world.url());
            options.max_connections(50).sqlx_logging(false);
            let database = sea_orm::Database::connect(options).await.unwrap();
            (world, database, Proxy::to(redis.port()).await)
        });
        Self { runtime, world, database, proxy, _redis: redis }
    }

    fn url(&self) -> String {
        self.proxy.url()
    }

    fn autocache(&self, store: impl Store) -> Autocache {
        crate::support::builder(self.database.clone()).app("house").backend("default", store).build().unwrap()
    }

    /// One whose connections are of this runtime.
    fn healthy(&self) -> (Autocache, book::Model) {
        let store = self.runtime.block_on(RedisStore::connect(&self.url())).unwrap();
        let autocache = self.runtime.block_on(async { self.autocache(store) });
        let book = self.runtime.block_on(self.cached_book(&autocache)).unwrap();
        (autocache, book)
    }

    async fn cached_book(&self, autocache: &Autocache) -> Result<book::Model, DbErr> {
        let book = titled("Emma").insert(&autocache.connection()).await?;
        autocache.cache::<book::Entity>().get(book.id).await?;
        Ok(book)
    }

    /// Reads until the cache holds the row, which it must within the limit, and each read answer within one.
    fn is_cached_within(&self, limit: Duration, autocache: &Autocache, book: &book::Model, what: &str) {
        let cache = autocache.cache::<book::Entity>();
        let begun = Instant::now();
        self.runtime.block_on(async {
            loop {
                let read = tokio::time::timeout(Duration::from_secs(3), cache.get(book.id)).await;
                let read = read.unwrap_or_else(|_| panic!("{what}: a read without an end"));
                assert_eq!(&read.unwrap(), book, "{what}");
                if cache.contains(book.id).await.unwrap() {
                    break;
                }
                assert!(begun.elapsed() < limit, "{what}: nothing is cached after {limit:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        println!("{what}: cached after {:?}", begun.elapsed());
    }
}

#[test]
fn a_store_whose_runtime_is_gone_has_another_client_within_a_second() {
    for end in ENDS {
        let house = House::build();
        let first = one_thread();
        let store = first.block_on(RedisStore::connect(&house.url())).unwrap();
        let autocache = house.runtime.block_on(async { house.autocache(store) });
        let book = first.block_on(house.cached_book(&autocache)).unwrap();
        let kept = come_to(end, first);
        house.is_cached_within(Duration::from_millis(1_500), &autocache, &book, &format!("{end:?}"));
        assert_eq!(autocache.stats().backends[0].reconnects, 1, "{end:?}");
        drop(kept);
        house.is_cached_within(Duration::from_millis(100), &autocache, &book, "later");
    }
}

/// The reads of both join one batch, which the runtime that came first is to send.
#[test]
fn a_runtime_that_ends_before_it_sends_a_batch_leaves_no_reader_waiting() {
    for end in ENDS {
        let house = House::build();
        let (autocache, book) = house.healthy();
        let cache = autocache.cache::<book::Entity>();
        let first = one_thread();
        house.proxy.delay(Duration::from_millis(50));
        let mut reads: Vec<_> = (0..12).map(|_| Box::pin(cache.get(book.id))).collect();
        first.block_on(async {
            for read in &mut reads {
                assert!(poll!(read).is_pending());
            }
        });
        let kept = come_to(end, first);
        house.proxy.delay(Duration::ZERO);
        let begun = Instant::now();
        let reading = async {
            let reads = join_all((0..16).map(|_| cache.get(book.id)));
            tokio::time::timeout(Duration::from_secs(3), reads).await.expect("an end")
        };
        for read in house.runtime.block_on(reading) {
            assert_eq!(read.unwrap(), book, "{end:?}");
        }
        println!("{end:?}: {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(1), "{end:?}: {:?}", begun.elapsed());
        drop((reads, kept));
    }
}

#[test]
fn a_flight_of_a_runtime_that_stands_still_blocks_nobody() {
    for end in ENDS {
        let house = House::build();
        let autocache = house.runtime.block_on(async { house.autocache(MemoryStore::new(100)) });
        let book = house.runtime.block_on(titled("Emma").insert(&house.world.plain)).unwrap();
        let cache = autocache.cache::<book::Entity>();
        let first = one_thread();
        let mut read = pin!(cache.get(book.id));
        first.block_on(async { assert!(poll!(&mut read).is_pending()) });
        let kept = come_to(end, first);
        house.is_cached_within(Duration::from_secs(5), &autocache, &book, &format!("{end:?}"));
        drop(kept);
    }
}

#[test]
fn the_breaker_closes_although_the_runtime_of_its_mender_is_gone() {
    for end in ENDS {
        let house = House::build();
        let (autocache, book) = house.healthy();
        let cache = autocache.cache::<book::Entity>();
        let first = one_thread();
        house.proxy.close();
        first.block_on(async {
            while !autocache.stats().backends[0].open {
                assert_eq!(cache.get(book.id).await.unwrap(), book);
            }
        });
        let kept = come_to(end, first);
        house.proxy.open();
        house.is_cached_within(Duration::from_millis(2_500), &autocache, &book, &format!("{end:?}"));
        drop(kept);
    }
}
