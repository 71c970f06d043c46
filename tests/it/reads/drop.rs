//! Dropping entries: one, many, all.

use crate::entities::{author, book, keyed};
use crate::laws::{cold_book, cold_books, titled};
use crate::support::{Database, Place, Redis, World, each_world, redis_client};
use fred::interfaces::{KeysInterface, ListInterface};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
use sea_orm_autocache::RedisStore;

#[tokio::test]
async fn an_invalidated_row_is_read_from_the_database() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let (done, sql, trips) = world.cost(cache.invalidate(book.id)).await;
        assert_eq!((done?, sql, trips), ((), 0, 1));
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (book, 1));
        let (_, _, trips) = world.cost(cache.invalidate(12_345)).await;
        assert_eq!(trips, 1, "what is not there is no failure");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_invalidated_in_one_trip() {
    each_world(|world| async move {
        cold_books(&world, 1..=4).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get_many(1_i64..=4).await?;
        let before = world.counts().invalidations;
        let (done, sql, trips) = world.cost(cache.invalidate_many([1_i64, 3, 77])).await;
        assert_eq!((done?, sql, trips), ((), 0, 1));
        assert_eq!(world.counts().invalidations - before, 2, "77 was not there");
        let mut cached = Vec::new();
        for id in 1..=4 {
            cached.push(cache.contains(id).await?);
        }
        assert_eq!(cached, [false, true, false, true]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn clearing_drops_the_entity_and_nothing_else() {
    for place in [Place::Memory, Place::Redis] {
        let world = World::new(Database::Sqlite, place).await;
        let neighbour = World::new(Database::Sqlite, place).await;
        cold_books(&world, 1..=30).await.unwrap();
        cold_books(&neighbour, 1..=3).await.unwrap();
        world.create_table(author::Entity).await;
        let name = author::ActiveModel { name: Set("Jane Austen".to_owned()), ..Default::default() };
        let author = name.insert(&world.db).await.unwrap();
        let cache = world.autocache.cache::<book::Entity>();
        cache.get_many(1_i64..=31).await.unwrap();
        neighbour.autocache.cache::<book::Entity>().get_many(1_i64..=3).await.unwrap();

        cache.clear().await.unwrap();
        for id in 1..=31 {
            assert!(!cache.contains(id).await.unwrap(), "{id}");
        }
        assert!(world.autocache.cache::<author::Entity>().contains(author.id).await.unwrap());
        assert!(neighbour.autocache.cache::<book::Entity>().contains(2).await.unwrap());
        assert_eq!(world.counts().invalidations, 31);
    }
}

/// A world on a Redis server of its own: a sweep of keys without a prefix walks the whole server.
async fn alone(redis: &Redis) -> World {
    let mut world = World::new(Database::Sqlite, Place::Redis).await;
    let store = RedisStore::connect(&redis.url()).await.unwrap();
    let builder = crate::support::builder(world.plain.clone()).app("alone").backend("default", store);
    world.autocache = builder.build().unwrap();
    world.db = world.autocache.connection();
    world
}

#[tokio::test]
async fn clearing_finds_keys_of_any_form_and_spares_what_is_not_ours() {
    let redis = Redis::start(&[]);
    let world = alone(&redis).await;
    world.create_table(keyed::hashed::Entity).await;
    world.create_table(keyed::essay::Entity).await;
    world.create_table(book::Entity).await;
    let note = |note: &str| keyed::hashed::ActiveModel { note: Set(note.to_owned()), ..Default::default() };
    let hashed = note("one").insert(&world.db).await.unwrap();
    let long = "é".repeat(3_000);
    for id in ["short", long.as_str()] {
        let essay = keyed::essay::Model { id: id.to_owned(), note: String::new() };
        essay.into_active_model().reset_all().insert(&world.db).await.unwrap();
    }
    let book = titled("Emma").insert(&world.db).await.unwrap();
    let client = redis_client(&redis.url()).await;
    for (key, text) in [("session:1", "{\"user\":7}"), ("visa", "Visa"), ("count", "12"), ("empty", "")] {
        let _: () = client.set(key, text, None, None, false).await.unwrap();
    }
    let _: u64 = client.lpush("queue", vec!["a", "b"]).await.unwrap();

    world.autocache.cache::<keyed::hashed::Entity>().clear().await.unwrap();
    world.autocache.cache::<keyed::essay::Entity>().clear().await.unwrap();

    assert!(!world.autocache.cache::<keyed::hashed::Entity>().contains(hashed.id).await.unwrap());
    for id in ["short", long.as_str()] {
        assert!(!world.autocache.cache::<keyed::essay::Entity>().contains(id).await.unwrap());
    }
    assert!(world.autocache.cache::<book::Entity>().contains(book.id).await.unwrap());
    for key in ["session:1", "visa", "count", "empty", "queue"] {
        assert_eq!(client.exists::<u64, _>(key).await.unwrap(), 1, "`{key}` is not of this cache");
    }
}
