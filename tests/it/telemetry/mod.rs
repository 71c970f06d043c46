//! Counters, and Redis' own counters beside them.

mod account;
#[cfg(feature = "metrics")]
mod dashboards;
#[cfg(feature = "metrics")]
mod facade;
mod health;
#[cfg(feature = "tracing-spans")]
mod spans;

use crate::entities::{author, book};
use crate::laws::{cold_book, cold_books, titled};
use crate::support::{Database, Place, Redis, World, each_world, redis_client};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::InfoKind;
use sea_orm::{ActiveModelTrait, ModelTrait, Set};
use sea_orm_autocache::prelude::*;
use std::collections::BTreeMap;

/// The counts that changed while this ran.
async fn counted<T>(world: &World, future: impl Future<Output = T>) -> Vec<(&'static str, u64)> {
    let before: BTreeMap<_, _> = world.counts().iter().collect();
    future.await;
    let grown = |(name, count): (&'static str, u64)| (name, count - before[name]);
    world.counts().iter().map(grown).filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn every_path_is_counted_once() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let (id, cache) = (book.id, world.autocache.cache::<book::Entity>());
        assert_eq!(counted(&world, cache.get(id)).await, [("misses", 1), ("fills", 1)]);
        assert_eq!(counted(&world, cache.get(id)).await, [("hits", 1)]);
        assert_eq!(counted(&world, cache.get(404)).await, [("misses", 1), ("fills", 1)]);
        assert_eq!(counted(&world, cache.get(404)).await, [("tombstone_hits", 1)]);
        let many = cache.get_many([id, 404, 405, 406, id]);
        let wanted = [("hits", 1), ("tombstone_hits", 1), ("misses", 2), ("fills", 2)];
        assert_eq!(counted(&world, many).await, wanted);
        assert_eq!(counted(&world, cache.contains(id)).await, []);
        let changed = book::ActiveModel { rank: Set(2), ..book.clone().into() };
        assert_eq!(counted(&world, changed.update(&world.db)).await, [("publishes", 1)]);
        assert_eq!(counted(&world, titled("New").insert(&world.db)).await, [("publishes", 1)]);
        assert_eq!(counted(&world, cache.invalidate(id)).await, [("invalidations", 1)]);
        assert_eq!(counted(&world, cache.invalidate(id)).await, []);
        assert_eq!(counted(&world, cache.refresh(id)).await, [("fills", 1)]);
        assert_eq!(counted(&world, book.delete(&world.db)).await, [("publishes", 1)]);
        let joined = async { tokio::join!(cache.get(900), cache.get(900)) };
        let wanted = [("misses", 1), ("coalesced", 1), ("fills", 1)];
        assert_eq!(counted(&world, joined).await, wanted);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_read_beside_a_writer_is_counted_as_a_bypass() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let changed = book::ActiveModel { rank: Set(2), ..book.into() };
        changed.update_without_returning(&world.db).await?;
        assert_eq!(counted(&world, cache.get(1)).await, [("bypasses", 1)]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_intent_is_gone_is_counted() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let redis = world.redis().await;
    let key = world.autocache.cache::<book::Entity>().make_key(book.id).unwrap();
    // The row is locked, so the save stands between its intent and its statement's end.
    use sea_orm::{QuerySelect, TransactionTrait};
    let lock = world.plain.begin().await.unwrap();
    let locked = <book::Entity as sea_orm::EntityTrait>::find().lock_exclusive();
    locked.one(&lock).await.unwrap();
    let changed = book::ActiveModel { rank: Set(2), ..book.into() };
    let evict = async {
        while redis.del::<u64, _>(&key).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        lock.rollback().await.unwrap();
    };
    let counts = counted(&world, async { tokio::join!(changed.update(&world.db), evict) }).await;
    assert_eq!(counts, [("invalidations", 1), ("lost_intents", 1)]);
}

#[tokio::test]
async fn counts_are_kept_by_entity_and_read_well() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    world.create_table(author::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    for _ in 0..3 {
        cache.get(book.id).await.unwrap();
    }
    world.autocache.cache::<author::Entity>().find(1).await.unwrap();
    let stats = world.stats();
    assert_eq!((stats.entity("book").hits, stats.entity("author").hits), (2, 0));
    assert_eq!((stats.entity("book").misses, stats.total().misses), (1, 2));
    assert_eq!(stats.entity("unknown"), sea_orm_autocache::Counts::default());
    let text = "author in default: misses=1 fills=1\nbook in default: hits=2 misses=1 fills=1\n\
                default: round_trips=8 failures=0 trips=0 reconnects=0 open=false degraded=false queued=0 entries=2\n";
    assert_eq!(stats.to_string(), text);
}

#[cfg(feature = "serde")]
#[tokio::test]
async fn stats_are_an_object_of_their_fields_in_json() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    world.autocache.cache::<book::Entity>().get(book.id).await.unwrap();
    let stats = world.stats();
    let json = serde_json::to_value(&stats).unwrap();
    let counts: BTreeMap<String, u64> =
        serde_json::from_value(json["entities"][0]["counts"].clone()).unwrap();
    let wanted = stats.total();
    assert_eq!(counts, wanted.iter().map(|(name, count)| (name.to_owned(), count)).collect());
    let backend = serde_json::json!({
        "backend": "default", "round_trips": 3, "failures": 0, "trips": 0, "reconnects": 0, "open": false,
        "degraded": false, "queued": 0, "entries": 1, "bytes": null,
    });
    assert_eq!(json["backends"], serde_json::json!([backend]));
    let health = serde_json::to_value(world.autocache.health().await).unwrap();
    let latency = health["backends"][0]["latency_seconds"].as_f64();
    assert!(latency.is_some_and(|seconds| seconds < 1.0), "{health}");
    assert_eq!(
        (&health["consistency"], &health["backends"][0]["reachable"]),
        (&"Available".into(), &true.into())
    );
}

#[tokio::test]
async fn a_store_in_memory_says_what_it_holds() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let books = cold_books(&world, 1..=3).await.unwrap();
    let one = books[0].id;
    for (store, in_bytes) in [(MemoryStore::new(100), false), (MemoryStore::with_max_bytes(1 << 20), true)] {
        let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
        let autocache = builder.build().unwrap();
        let held = || {
            let backend = autocache.stats().backends.remove(0);
            (backend.entries, backend.bytes)
        };
        assert_eq!(held(), (Some(0), in_bytes.then_some(0)));
        let cache = autocache.cache::<book::Entity>();
        cache.get_many(books.iter().map(|book| book.id)).await.unwrap();
        let (entries, bytes) = held();
        assert_eq!((entries, bytes.is_some()), (Some(3), in_bytes));
        cache.invalidate(one).await.unwrap();
        let (fewer, lighter) = held();
        assert_eq!((fewer, lighter < bytes), (Some(2), in_bytes));
    }
}

/// How often the server has run each command, by its own account.
async fn commands(client: &Client) -> BTreeMap<String, u64> {
    let text: String = client.info(Some(InfoKind::CommandStats)).await.unwrap();
    let parse = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split_once(',')?.0.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

#[tokio::test]
async fn redis_itself_counts_one_get_for_each_hit() {
    let redis = Redis::start(&[]);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let store = RedisStore::connect(&redis.url()).await.unwrap();
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    let autocache = builder.build().unwrap();
    let cache = autocache.cache::<book::Entity>();
    let client = redis_client(&redis.url()).await;
    let grown = async |before: &BTreeMap<String, u64>, name: &str| {
        commands(&client).await.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0)
    };

    let before = commands(&client).await;
    cache.get(book.id).await.unwrap();
    assert_eq!(grown(&before, "evalsha").await, 2, "a lease and a fill");

    let before = commands(&client).await;
    for _ in 0..100 {
        cache.get(book.id).await.unwrap();
    }
    assert_eq!(grown(&before, "get").await, 100);
    for name in ["evalsha", "eval", "mget", "set", "expire", "pexpire"] {
        assert_eq!(grown(&before, name).await, 0, "{name}");
    }

    let before = commands(&client).await;
    cache.get_many([book.id, 404]).await.unwrap();
    cache.get_many([book.id, 404]).await.unwrap();
    assert_eq!((grown(&before, "mget").await, grown(&before, "evalsha").await), (2, 2));

    let db = autocache.connection();
    let before = commands(&client).await;
    book::ActiveModel { rank: Set(2), ..book.into() }.update(&db).await.unwrap();
    assert_eq!(grown(&before, "evalsha").await, 2, "an intent and a finish");
}
