//! The test kit, on itself: its Autocaches are those of their tests alone, and its assertions say what they find.

use crate::entities::{book, schemas, settings, shaped};
use crate::laws::titled;
use crate::support::{Database, Place, World};
use futures_util::FutureExt;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{
    self, Fault, FaultyStore, Operation, TestAutocache, assert_cost, assert_hit, assert_miss, assert_sql,
};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::runtime;

/// Without the entities that this program has twice.
async fn kit(world: &World) -> TestAutocache {
    kit_on(world, MemoryStore::new(1_000)).await
}

async fn kit_on(world: &World, store: impl Store) -> TestAutocache {
    world.create_table(book::Entity).await;
    testing::autocache_with(world.plain.clone(), |builder| {
        let builder = builder.without(schemas::quill::Entity).without(schemas::wider::Entity);
        let builder = builder.without(schemas::longer::Entity).without(schemas::reordered::Entity);
        let builder = builder.without(schemas::raised::Entity).without(shaped::new_person::Entity);
        builder.backend("default", store)
    })
}

async fn world() -> World {
    World::new(Database::Sqlite, Place::Memory).await
}

/// What a failed assertion says.
async fn complaint<T>(assertion: impl Future<Output = T>) -> String {
    let panic = AssertUnwindSafe(assertion).catch_unwind().await.err().expect("a failed assertion");
    panic.downcast_ref::<String>().expect("a message").clone()
}

async fn reads_its_own(title: &'static str) -> Result<(), DbErr> {
    let world = world().await;
    let cache = kit(&world).await;
    let book = titled(title).insert(&cache.connection()).await?;
    for _ in 0..50 {
        let read = tokio::spawn(async move {
            let inner = tokio::spawn(async move { book::Entity::cache().get(book.id).await });
            let blocking = tokio::task::spawn_blocking(book::Entity::cache).await.expect("a controller");
            (inner.await.expect("a task"), blocking.get(book.id).await)
        });
        let (spawned, blocking) = read.await.expect("a task");
        assert_eq!((spawned?.title.as_str(), blocking?.title.as_str()), (title, title));
        tokio::task::yield_now().await;
    }
    // All of them hits: another test's would have counted elsewhere.
    assert_eq!(cache.stats().total().hits, 100);
    Ok(())
}

/// Tests that run at the same time have the same keys for different rows.
#[test]
fn each_runtime_has_its_own_autocache_also_in_its_spawned_tasks() {
    let tests = (0..8).map(|number| {
        std::thread::spawn(move || {
            let mut runtime = match number % 2 {
                0 => runtime::Builder::new_current_thread(),
                _ => runtime::Builder::new_multi_thread(),
            };
            let title: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h"][number];
            runtime.enable_all().build().unwrap().block_on(reads_its_own(title)).unwrap();
        })
    });
    for test in tests.collect::<Vec<_>>() {
        test.join().expect("a test that passes");
    }
}

#[tokio::test]
async fn a_binding_ends_with_its_value_and_the_newest_counts() -> Result<(), DbErr> {
    let missing = || async { book::Entity::cache().find(1).await.is_err() };
    let world = world().await;
    assert!(missing().await);
    let first = kit(&world).await;
    let second_world = self::world().await;
    {
        let second = kit(&second_world).await;
        book::Entity::cache().find(1).await?;
        assert_eq!((first.stats().total().misses, second.stats().total().misses), (0, 1));
    }
    book::Entity::cache().find(1).await?;
    assert_eq!(first.stats().total().misses, 1);
    let kept = Autocache::clone(&first);
    assert!(!missing().await);
    let first = first.unbound();
    assert!(missing().await);
    drop(first);
    kept.cache::<book::Entity>().find(1).await?;
    Ok(())
}

/// A scope is nearer than the test, and what is bound is nearer than what is installed.
#[tokio::test]
async fn a_scope_goes_before_the_autocache_of_the_test() -> Result<(), DbErr> {
    let (world, other) = (world().await, world().await);
    other.create_table(book::Entity).await;
    let cache = kit(&world).await;
    other.autocache.scope(book::Entity::cache().find(1).map(drop)).await;
    assert_eq!(other.counts().misses + cache.stats().total().misses, 1, "made outside of it");
    other.autocache.scope(async { book::Entity::cache().find(1).await }).await?;
    assert_eq!(other.counts().misses, 1);
    Ok(())
}

#[tokio::test]
async fn every_backend_that_an_entity_names_is_in_memory() -> Result<(), DbErr> {
    let world = world().await;
    world.create_table(settings::elsewhere::Entity).await;
    let cache = kit(&world).await;
    let names: Vec<String> = cache.stats().backends.into_iter().map(|stats| stats.backend).collect();
    assert!(names.contains(&settings::elsewhere::Entity::BACKEND.to_owned()), "{names:?}");
    let row = settings::elsewhere::ActiveModel { note: Set("a".to_owned()), ..Default::default() };
    let row = row.insert(&cache.connection()).await?;
    assert_eq!(assert_hit!(cache, settings::elsewhere::Entity::cache().get(row.id))?, row);
    Ok(())
}

#[tokio::test]
async fn assertions_pass_the_answer_on_and_count_what_it_cost() -> Result<(), DbErr> {
    let world = world().await;
    let cache = kit(&world).await;
    let db = cache.connection();
    let book = assert_sql!(cache, 1, titled("Emma").insert(&db))?;
    assert_eq!(assert_hit!(cache, book::Entity::cache().get(book.id))?, book);
    book::Entity::cache().invalidate(book.id).await?;
    assert_eq!(assert_miss!(cache, book::Entity::cache().get(book.id))?, book);
    let changed =
        book::ActiveModel { title: Set("Persuasion".to_owned()), ..book.clone().into_active_model() };
    let saved = assert_cost!(cache, { sql: 1, round_trips: 2, publishes: 1 }, changed.update(&db))?;
    assert_eq!(saved.title, "Persuasion");
    let ((), cost) = cache.cost(async {}).await;
    assert_eq!(cost, testing::Cost::default());
    // A hook on a plain connection finds it, too.
    let renamed = book::ActiveModel { title: Set("Emma".to_owned()), ..saved.into_active_model() };
    assert_cost!(cache, { sql: 1, publishes: 1 }, renamed.update(&cache.plain()))?;
    assert_eq!(assert_miss!(cache, book::Entity::cache().find(404))?, None);
    assert_eq!(assert_hit!(cache, book::Entity::cache().find(404))?, None, "a tombstone is a hit");
    Ok(())
}

#[tokio::test]
async fn a_failed_assertion_names_the_call_its_cost_and_its_sql() -> Result<(), DbErr> {
    let world = world().await;
    let store = FaultyStore::around(MemoryStore::new(100));
    let cache = kit_on(&world, store.clone()).await;
    let miss = complaint(async { assert_hit!(cache, book::Entity::cache().find(404)) }).await;
    for part in
        ["expected a hit, found a miss", "book::Entity::cache().find(404)", "sql=1", "misses=1", "SELECT "]
    {
        assert!(miss.contains(part), "{part} is not in: {miss}");
    }
    let hit = complaint(async { assert_miss!(cache, book::Entity::cache().find(404)) }).await;
    assert!(hit.contains("expected a miss, found a hit") && hit.contains("tombstone_hits=1"), "{hit}");
    let sql = complaint(async { assert_sql!(cache, 1, book::Entity::cache().find(404)) }).await;
    assert!(sql.contains("expected sql=1, found sql=0"), "{sql}");
    let cost = complaint(async { assert_cost!(cache, { hits: 2 }, async {}) }).await;
    assert!(cost.contains("expected hits=2, found hits=0"), "{cost}");
    let nothing = complaint(async { assert_hit!(cache, async {}) }).await;
    assert!(nothing.contains("found no read of the cache at all"), "{nothing}");
    store.inject(Fault::Refused.on_any(Operation::ALL));
    for bypass in [
        complaint(async { assert_hit!(cache, book::Entity::cache().find(404)) }).await,
        complaint(async { assert_miss!(cache, book::Entity::cache().find(405)) }).await,
    ] {
        assert!(bypass.contains("found a bypass"), "{bypass}");
    }
    Ok(())
}

/// As docs/guide/testing.md says.
#[tokio::test]
async fn a_ttl_is_over_when_the_clock_is_moved() -> Result<(), DbErr> {
    let world = world().await;
    let cache = kit(&world).await;
    let book = titled("Emma").insert(&cache.connection()).await?;
    for ahead in [Duration::from_secs(3_500), Duration::from_secs(200)] {
        assert_hit!(cache, book::Entity::cache().get(book.id))?;
        tokio::time::pause();
        tokio::time::advance(ahead).await;
        tokio::time::resume();
    }
    assert_miss!(cache, book::Entity::cache().get(book.id))?;
    Ok(())
}

#[test]
fn outside_a_runtime_the_kit_says_where_it_belongs() {
    let made = std::panic::catch_unwind(|| testing::autocache(sea_orm::DatabaseConnection::default()));
    let text = *made.unwrap_err().downcast::<&str>().expect("a message");
    assert!(text.contains("#[tokio::test]"), "{text}");
}
