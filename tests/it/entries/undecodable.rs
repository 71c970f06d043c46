//! Bytes under a key that are no entry of this program.

use crate::entities::{author, book};
use crate::laws::{cold_book, cold_books};
use crate::support::{Database, Place, World};
use fred::clients::Client;
use fred::interfaces::{HashesInterface, KeysInterface, ListInterface, SetsInterface};
use sea_orm::{ActiveModelTrait, Set};

/// A world with one book, and what its entry looks like.
async fn cached_book() -> (World, book::Model, Client, String, Vec<u8>) {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let redis = world.redis().await;
    let cache = world.autocache.cache::<book::Entity>();
    cache.get(book.id).await.unwrap();
    let key = cache.make_key(book.id).unwrap();
    let entry: Vec<u8> = redis.get(&key).await.unwrap();
    (world, book, redis, key, entry)
}

async fn plant(redis: &Client, key: &str, bytes: &[u8]) {
    let _: () = redis.set(key, bytes, None, None, false).await.unwrap();
}

/// One right answer from the database, one count, and a hit again.
async fn is_replaced(world: &World, book: &book::Model, what: &str) {
    let cache = world.autocache.cache::<book::Entity>();
    let before = world.counts().undecodable;
    let (read, sql, trips) = world.cost(cache.get(book.id)).await;
    assert_eq!((&read.unwrap(), sql, trips), (book, 1, 3), "{what}");
    assert_eq!(world.counts().undecodable - before, 1, "{what}");
    let (read, sql, trips) = world.cost(cache.get(book.id)).await;
    assert_eq!((&read.unwrap(), sql, trips), (book, 0, 1), "{what}");
}

#[tokio::test]
async fn a_truncated_entry_is_replaced_wherever_it_ends() {
    let (world, book, redis, key, entry) = cached_book().await;
    for length in 0..entry.len() {
        plant(&redis, &key, &entry[..length]).await;
        is_replaced(&world, &book, &format!("{length} bytes")).await;
    }
}

#[tokio::test]
async fn foreign_bytes_are_replaced() {
    let (world, book, redis, key, entry) = cached_book().await;
    let other_format = {
        let mut bytes = entry.clone();
        bytes[1] += 1;
        bytes
    };
    let other_schema = {
        let mut bytes = entry.clone();
        bytes[7] ^= 1;
        bytes
    };
    let noise: Vec<u8> = (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let trailing_tombstone = [&b"T"[..], &entry[1..]].concat();
    let foreign: [&[u8]; 11] = [
        b"hello",
        b"{\"id\":1,\"title\":\"Emma\"}",
        b"12",
        b"V",
        b"T",
        b"L and some more",
        b"Wednesday",
        &noise,
        &other_format,
        &other_schema,
        &trailing_tombstone,
    ];
    for bytes in foreign {
        plant(&redis, &key, bytes).await;
        is_replaced(&world, &book, &String::from_utf8_lossy(bytes)).await;
    }
}

#[tokio::test]
async fn foreign_bytes_among_many_rows_are_replaced() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let books = cold_books(&world, 1..=4).await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let redis = world.redis().await;
    plant(&redis, &cache.make_key(1).unwrap(), b"hello").await;
    plant(&redis, &cache.make_key(2).unwrap(), b"").await;
    let _: u64 = redis.lpush(cache.make_key(3).unwrap(), "x").await.unwrap();
    let wanted: Vec<_> = books.into_iter().map(Some).collect();
    let (rows, sql, trips) = world.cost(cache.get_many(1_i64..=4)).await;
    assert_eq!((rows.unwrap(), sql, trips), (wanted.clone(), 1, 3));
    let (rows, sql, trips) = world.cost(cache.get_many(1_i64..=4)).await;
    assert_eq!((rows.unwrap(), sql, trips), (wanted, 0, 1));
}

#[tokio::test]
async fn keys_of_another_redis_type_are_replaced() {
    let (world, book, redis, key, _) = cached_book().await;
    let _: u64 = redis.del(&key).await.unwrap();
    let _: u64 = redis.lpush(&key, vec!["a", "b"]).await.unwrap();
    is_replaced(&world, &book, "a list").await;
    let _: u64 = redis.del(&key).await.unwrap();
    let _: () = redis.hset(&key, ("field", "value")).await.unwrap();
    is_replaced(&world, &book, "a hash").await;
    let _: u64 = redis.del(&key).await.unwrap();
    let _: u64 = redis.sadd(&key, "member").await.unwrap();
    is_replaced(&world, &book, "a set").await;
}

#[tokio::test]
async fn a_save_over_foreign_bytes_is_cached() {
    let (world, book, redis, key, _) = cached_book().await;
    for rank in 2..4 {
        if rank == 2 {
            plant(&redis, &key, b"hello").await;
        } else {
            let _: u64 = redis.del(&key).await.unwrap();
            let _: u64 = redis.lpush(&key, "x").await.unwrap();
        }
        let changed = book::ActiveModel { rank: Set(rank), ..book.clone().into() };
        let changed = changed.update(&world.db).await.unwrap();
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read.unwrap(), sql, trips), (changed, 0, 1));
    }
}

#[tokio::test]
async fn an_entry_of_another_entity_is_not_taken() {
    let (world, book, redis, key, _) = cached_book().await;
    world.create_table(author::Entity).await;
    let name = author::ActiveModel { name: Set("Jane Austen".to_owned()), ..Default::default() };
    let author = name.insert(&world.db).await.unwrap();
    let theirs = world.autocache.cache::<author::Entity>().make_key(author.id).unwrap();
    let bytes: Vec<u8> = redis.get(theirs).await.unwrap();
    plant(&redis, &key, &bytes).await;
    is_replaced(&world, &book, "an author").await;
}

#[tokio::test]
async fn the_entry_of_another_row_is_not_taken() {
    let (world, book, redis, key, _) = cached_book().await;
    let other = book::ActiveModel { title: Set("Persuasion".to_owned()), rank: Set(2), ..Default::default() };
    let other = other.insert(&world.db).await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let bytes: Vec<u8> = redis.get(cache.make_key(other.id).unwrap()).await.unwrap();
    plant(&redis, &key, &bytes).await;
    is_replaced(&world, &book, "another row").await;
}
