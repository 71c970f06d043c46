//! A store that dies, falls silent, or refuses.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Log, Place, Proxy, Redis, World, with_client};
use bytes::Bytes;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set, TransactionTrait};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{Fault, Gate, Operation};
use std::future::Future;
use std::time::{Duration, Instant};

/// What may end a write.
const ENDS: [Operation; 3] = [Operation::Finish, Operation::Insert, Operation::Invalidate];

fn retitled(book: &book::Model, title: &str) -> book::ActiveModel {
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change
}

/// Waits until the condition holds, and says how long that took.
pub async fn until<F: Future<Output = bool>>(
    limit: Duration,
    what: &str,
    condition: impl Fn() -> F,
) -> Duration {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < limit, "{what} did not come within {limit:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

/// An Autocache on a Redis of its own behind a path that can be broken.
pub async fn behind_a_path() -> (World, Autocache, Proxy, Redis) {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = RedisStore::connect(&proxy.url()).await.unwrap();
    let autocache =
        crate::support::builder(world.plain.clone()).app("app").backend("default", store).build().unwrap();
    (world, autocache, proxy, redis)
}

#[tokio::test]
async fn a_dead_server_costs_nobody_an_error_or_a_wait_and_is_back_within_a_second() -> Result<(), DbErr> {
    let (world, autocache, proxy, _redis) = behind_a_path().await;
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("old").insert(&db).await?;
    assert!(cache.contains(book.id).await?);
    let hot = titled("hot").insert(&db).await?;
    proxy.close();
    let begun = Instant::now();
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?.title.as_str(), sql), ("old", 1));
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
    let changed = retitled(&book, "new").update(&db).await?;
    assert_eq!(cache.get(changed.id).await?.title, "new");
    for _ in 0..50 {
        let begun = Instant::now();
        cache.get(hot.id).await?;
        assert!(begun.elapsed() < Duration::from_millis(100), "an open breaker must not wait");
    }
    assert!(autocache.stats().backends[0].open);
    proxy.open();
    let back =
        until(Duration::from_secs(1), "the first hit", || async { cache.contains(hot.id).await.unwrap() })
            .await;
    println!("the first hit came {back:?} after the path was open again");
    assert_eq!(cache.get(changed.id).await?.title, "new", "what was written during the outage is not stale");
    Ok(())
}

#[tokio::test]
async fn a_silent_server_costs_one_timeout_and_is_back_within_a_second() -> Result<(), DbErr> {
    let (_world, autocache, proxy, _redis) = behind_a_path().await;
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("old").insert(&db).await?;
    let hot = titled("hot").insert(&db).await?;
    proxy.mute();
    let begun = Instant::now();
    let saved = retitled(&book, "new").update(&db).await?;
    cache.get(hot.id).await?;
    cache.get(saved.id).await?;
    let slowed = begun.elapsed();
    assert!(slowed > Duration::from_millis(200), "the server was silent: {slowed:?}");
    assert!(slowed < Duration::from_millis(450), "one timeout for a whole request, not {slowed:?}");
    assert_eq!(cache.get(book.id).await?.title, "new");
    proxy.open();
    until(Duration::from_secs(1), "the first hit", || async { cache.contains(hot.id).await.unwrap() }).await;
    assert_eq!(cache.get(book.id).await?.title, "new");
    Ok(())
}

#[tokio::test]
async fn an_undelivered_finish_makes_its_key_suspect_until_it_was_delivered() -> Result<(), DbErr> {
    for place in [Place::Memory, Place::Redis] {
        let (world, store) = World::faulty(Database::Sqlite, place, |builder| builder).await;
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("old").insert(&world.db).await?;
        let other = titled("other").insert(&world.db).await?;
        // The worst: the intent did not arrive, so the old row still stands, and the finish neither.
        store.inject(Fault::TimedOut.on(Operation::Intent).once());
        store.inject(Fault::TimedOut.on_any(ENDS).times(4));
        retitled(&book, "new").update(&world.db).await?;
        assert_eq!(cache.get(book.id).await?.title, "new", "{place:?}");
        let limit = Duration::from_secs(2);
        until(limit, "trust", || async { cache.contains(other.id).await.unwrap() }).await;
        assert_eq!(cache.get(book.id).await?.title, "new");
        until(limit, "an empty journal", || async { world.stats().backends[0].queued == 0 }).await;
        cache.get(book.id).await?;
        assert!(cache.contains(book.id).await?, "the key is in use again");
    }
    Ok(())
}

#[tokio::test]
async fn a_save_dropped_after_an_undelivered_intent_leaves_its_key_suspect() -> Result<(), DbErr> {
    let (world, store) =
        World::faulty(Database::Sqlite, Place::Memory, |b| b.intent_ttl(Duration::from_millis(300))).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let book = titled("old").insert(&world.db).await?;
    store.inject(Fault::Unreachable.on(Operation::Intent).once());
    let gate = Gate::new();
    store.inject(Fault::Hold(gate.clone()).on_any(ENDS).once());
    let save = tokio::spawn({
        let (db, change) = (world.db.clone(), retitled(&book, "new"));
        async move { change.update(&db).await }
    });
    let trusted = || async { !world.stats().backends[0].open };
    // Whether the finish is sent depends on whether the breaker has closed again by then.
    tokio::select! {
        () = gate.reached() => save.abort(),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    let _ = save.await;
    until(Duration::from_secs(1), "trust", trusted).await;
    assert_eq!(cache.get(book.id).await?.title, "new");
    store.heal();
    gate.open();
    until(Duration::from_secs(2), "an empty journal", || async { world.stats().backends[0].queued == 0 })
        .await;
    assert_eq!(cache.get(book.id).await?.title, "new");
    Ok(())
}

#[tokio::test]
async fn strict_refuses_a_write_that_cannot_be_announced() -> Result<(), DbErr> {
    let strict = |b: sea_orm_autocache::AutocacheBuilder| b.consistency(Consistency::Strict);
    let (world, store) = World::faulty(Database::Sqlite, Place::Memory, strict).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let book = titled("old").insert(&world.db).await?;
    store.inject(Fault::Unreachable.on(Operation::Intent).once());
    let error = retitled(&book, "new").update(&world.db).await.unwrap_err();
    assert!(matches!(CacheErrorKind::of(&error), Some(CacheErrorKind::NotWritten)), "{error}");
    assert_eq!(cache.get(book.id).await?.title, "old", "the write did not happen");
    Ok(())
}

#[tokio::test]
async fn strict_says_so_when_the_cache_was_not_told_of_a_commit_the_hold_does_not_cover() -> Result<(), DbErr>
{
    for (hold, covered) in [(Duration::from_secs(10), true), (Duration::from_millis(20), false)] {
        let strict =
            |b: sea_orm_autocache::AutocacheBuilder| b.consistency(Consistency::Strict).intent_ttl(hold);
        let (world, store) = World::faulty(Database::Sqlite, Place::Memory, strict).await;
        world.create_table(book::Entity).await;
        let book = titled("old").insert(&world.db).await?;
        store.inject(Fault::Unreachable.on_any(ENDS).once());
        let result = retitled(&book, "new").update(&world.db).await;
        match (covered, &result) {
            (true, Ok(_)) => {}
            (false, Err(error)) => {
                assert!(matches!(CacheErrorKind::of(error), Some(CacheErrorKind::Unconfirmed)), "{error}");
            }
            _ => panic!("with a hold of {hold:?}: {result:?}"),
        }
        assert_eq!(
            world.autocache.cache::<book::Entity>().get(book.id).await?.title,
            "new",
            "it is committed"
        );
    }
    Ok(())
}

/// The hold of an intent covers a commit only where the intent is: it is gone with its server.
#[tokio::test]
async fn strict_says_so_when_the_server_that_held_the_intent_is_gone() -> Result<(), DbErr> {
    use fred::interfaces::{ClientLike, KeysInterface};
    let redis = Redis::start(&[]);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = RedisStore::connect(&redis.url()).await.unwrap();
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    let autocache = builder.consistency(Consistency::Strict).build().unwrap();
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("old").insert(&db).await?;
    // The one connection to the database is taken: the save waits between its intent and its statement.
    let other = world.plain.begin().await?;
    let change = retitled(&book, "new");
    let save = tokio::spawn(async move { change.update(&db).await });
    let client = crate::support::world::redis_client(&redis.url()).await;
    until(Duration::from_secs(2), "the intent", || async {
        let bytes: Option<Bytes> = client.get(cache.make_key(book.id).unwrap()).await.unwrap();
        bytes.is_some_and(|bytes| bytes[0] == b'W')
    })
    .await;
    client.quit().await.unwrap();
    let _ = redis.stop();
    until(Duration::from_secs(2), "the end of the connection", || async {
        !cache.contains(book.id).await.unwrap() && autocache.stats().backends[0].open
    })
    .await;
    other.rollback().await?;
    let error = save.await.unwrap().unwrap_err();
    assert!(matches!(CacheErrorKind::of(&error), Some(CacheErrorKind::Unconfirmed)), "{error}");
    Ok(())
}

#[tokio::test]
async fn under_strict_a_restarted_server_is_an_empty_cache() -> Result<(), DbErr> {
    use fred::interfaces::{ClientLike, KeysInterface};
    let redis = Redis::start(&[]);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = RedisStore::connect(&redis.url()).await.unwrap();
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    let autocache = builder.consistency(Consistency::Strict).build().unwrap();
    let cache = autocache.cache::<book::Entity>();
    let book = titled("old").insert(&autocache.connection()).await?;
    cache.get(book.id).await?;
    assert!(cache.contains(book.id).await?);
    // The same bytes on another server: what a snapshot that was loaded would bring back.
    let client = crate::support::world::redis_client(&redis.url()).await;
    let bytes: Option<Bytes> = client.get(cache.make_key(book.id).unwrap()).await.unwrap();
    let (folder, port) = redis.stop();
    let redis = Redis::restart(folder, port);
    let client = crate::support::world::redis_client(&redis.url()).await;
    let _: () =
        client.set(cache.make_key(book.id).unwrap(), bytes.unwrap(), None, None, false).await.unwrap();
    until(Duration::from_secs(2), "trust", || async { !autocache.stats().backends[0].open }).await;
    assert!(!cache.contains(book.id).await?, "an entry of the server that was");
    until(Duration::from_secs(2), "a hit", || async {
        cache.get(book.id).await.unwrap();
        cache.contains(book.id).await.unwrap()
    })
    .await;
    client.quit().await.unwrap();
    Ok(())
}

#[tokio::test]
async fn an_app_that_starts_without_its_server_picks_it_up_later() -> Result<(), DbErr> {
    let (folder, port) = Redis::start(&[]).stop();
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store =
        RedisStore::connect(&with_client(format!("redis://127.0.0.1:{port}"))).await.expect("only a warning");
    let autocache =
        crate::support::builder(world.plain.clone()).app("app").backend("default", store).build().unwrap();
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("old").insert(&db).await?;
    assert_eq!(cache.get(book.id).await?.title, "old");
    let _redis = Redis::restart(folder, port);
    until(Duration::from_secs(2), "a hit", || async {
        cache.get(book.id).await.unwrap();
        cache.contains(book.id).await.unwrap()
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn the_databases_timeouts_are_looked_up_at_start_and_warned_of() {
    for (database, named, statement) in [
        (Database::Postgres, "statement_timeout", "ALTER ROLE CURRENT_USER SET statement_timeout = '5000ms'"),
        (Database::MariaDb, "innodb_lock_wait_timeout", "`SET GLOBAL innodb_lock_wait_timeout = 5`"),
    ] {
        let log = Log::default();
        let _guard = log.listen(tracing::Level::WARN);
        let _world = World::new(database, Place::Memory).await;
        until(Duration::from_secs(5), "a warning", || async { log.text().contains(named) }).await;
        assert!(log.text().contains(statement), "{}", log.text());
    }
}
