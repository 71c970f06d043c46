//! Many hits at the same time.

use crate::entities::book;
use crate::laws::titled;
use crate::outage::behind_a_path;
use crate::support::{Proxy, Redis, World, redis_client};
use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use sea_orm::{ActiveModelTrait, DbErr};
use sea_orm_autocache::prelude::*;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const ROWS: usize = 400;

/// A shop of many books on a Redis of its own, all of them cached.
struct Shop {
    world: World,
    autocache: Autocache,
    proxy: Proxy,
    redis: Redis,
    books: Vec<book::Model>,
}

impl Shop {
    async fn open() -> Self {
        let (world, autocache, proxy, redis) = behind_a_path().await;
        let db = autocache.connection();
        let mut books = Vec::new();
        for number in 0..ROWS {
            books.push(titled(&format!("book {number}")).insert(&db).await.unwrap());
        }
        let ids = books.iter().map(|book| book.id);
        autocache.cache::<book::Entity>().get_many(ids).await.unwrap();
        Self { world, autocache, proxy, redis, books }
    }

    /// One task for each book, and each reads it.
    fn readers(&self) -> JoinSet<(book::Model, Result<Option<book::Model>, DbErr>)> {
        let mut readers = JoinSet::new();
        for book in self.books.clone() {
            let cache = self.autocache.cache::<book::Entity>();
            readers.spawn(async move {
                let found = cache.find(book.id).await;
                (book, found)
            });
        }
        readers
    }

    /// How often the server was sent this command.
    async fn calls(&self, command: &str) -> u64 {
        let client = redis_client(&self.redis.url()).await;
        let text: String = client.info(Some(InfoKind::CommandStats)).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }
}

#[tokio::test]
async fn a_crowd_of_hits_shares_a_few_commands() {
    let shop = Shop::open().await;
    let (gets, mgets, scripts) =
        (shop.calls("get").await, shop.calls("mget").await, shop.calls("evalsha").await);
    let reading = async {
        for (book, found) in shop.readers().join_all().await {
            assert_eq!(found.unwrap(), Some(book));
        }
    };
    let ((), sql, _) = shop.world.cost(reading).await;
    let commands = shop.calls("get").await - gets + shop.calls("mget").await - mgets;
    assert!(commands <= ROWS as u64 / 10, "{commands} commands for {ROWS} reads");
    assert_eq!((sql, shop.calls("evalsha").await), (0, scripts));
}

#[tokio::test]
async fn absent_rows_and_rows_in_a_crowd_are_told_apart() -> Result<(), DbErr> {
    let shop = Shop::open().await;
    let cache = shop.autocache.cache::<book::Entity>();
    let gone: Vec<i32> = (0..20).map(|number| 1_000_000 + number).collect();
    cache.get_many(gone.clone()).await?;
    let mut absent = JoinSet::new();
    for id in gone {
        let cache = cache.clone();
        absent.spawn(async move { cache.find(id).await });
    }
    for (book, found) in shop.readers().join_all().await {
        assert_eq!(found?, Some(book));
    }
    assert!(absent.join_all().await.into_iter().all(|found| found.unwrap().is_none()));
    Ok(())
}

#[tokio::test]
async fn who_leaves_a_crowd_takes_nobody_along() {
    let shop = Shop::open().await;
    for patience in 0..4 {
        let mut leaving = shop.readers();
        let staying = shop.readers();
        for _ in 0..patience {
            tokio::task::yield_now().await;
        }
        leaving.abort_all();
        let reading = async {
            for (book, found) in staying.join_all().await {
                assert_eq!(found.unwrap(), Some(book));
            }
        };
        assert_eq!(shop.world.cost(reading).await.1, 0, "after {patience} turns");
        while leaving.join_next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_crowd_before_a_dead_server_is_answered_by_the_database() {
    let shop = Shop::open().await;
    shop.proxy.close();
    let begun = Instant::now();
    // What was on its way when the path was closed may still be answered by the server.
    while !shop.autocache.stats().backends[0].open {
        for (book, found) in shop.readers().join_all().await {
            assert_eq!(found.unwrap(), Some(book));
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "the breaker did not open");
    }
    let reading = async {
        for (book, found) in shop.readers().join_all().await {
            assert_eq!(found.unwrap(), Some(book));
        }
    };
    assert!(shop.world.cost(reading).await.1 >= 1, "the database has answered");
}
