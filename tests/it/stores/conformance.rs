//! The stores of this crate pass the suite of the test kit.

use super::{Shape, fresh_key, memory_store, redis_store, shape, slot, step, token};
use bytes::Bytes;
use sea_orm_autocache::Store;
use sea_orm_autocache::store::{Answer, Command, Lifetime, Step};
use sea_orm_autocache::testing::conformance::check;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
/// Longer than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(30);
const HELD: Answer<Bytes> = Answer::Held { dirty: false };

fn intent(n: u128) -> Step<Bytes> {
    Step::Intent { token: token(n), ttl: LONG, reissued: false }
}
fn insert(entry: &'static str) -> Step<Bytes> {
    Step::Insert { entry: entry.into(), lifetime: Lifetime::For(LONG) }
}

#[tokio::test]
async fn the_memory_store_conforms() {
    check(&memory_store()).await;
}

#[tokio::test]
async fn the_redis_store_conforms() {
    check(&redis_store().await).await;
}

#[tokio::test]
async fn the_redis_store_with_a_prefix_and_many_connections_conforms() {
    let url = crate::support::shared_redis().url();
    let store = sea_orm_autocache::RedisStore::builder(&url).key_prefix("my:").connections(3);
    let store = store.command_timeout(PATIENCE).connect().await;
    check(&store.unwrap()).await;
}

#[tokio::test]
async fn a_store_on_a_client_or_a_pool_of_the_users_conforms() {
    use fred::interfaces::ClientLike;
    let url = crate::support::shared_redis().url();
    let builder = || {
        let config = fred::types::config::Config::from_url(&url).unwrap();
        let mut builder = fred::types::Builder::from_config(config);
        builder.set_policy(fred::types::config::ReconnectPolicy::new_constant(0, 5));
        builder
    };
    let client = builder().build().unwrap();
    client.init().await.unwrap();
    let store = sea_orm_autocache::RedisStore::on_client(client)
        .key_prefix("client:")
        .command_timeout(PATIENCE)
        .connect()
        .await;
    check(&store.unwrap()).await;
    let pool = builder().build_pool(3).unwrap();
    pool.init().await.unwrap();
    let store = sea_orm_autocache::RedisStore::on_pool(&pool)
        .key_prefix("pool:")
        .command_timeout(PATIENCE)
        .connect()
        .await;
    check(&store.unwrap()).await;
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let redis = crate::support::Redis::start(&[]);
    let store = crate::support::patient_store(&redis.url()).await;
    let client = crate::support::world::redis_client(&redis.url()).await;
    let forget = fred::types::CustomCommand::new_static("SCRIPT", fred::types::ClusterHash::FirstKey, false);
    let _: () = fred::interfaces::ClientLike::custom(&client, forget, vec!["FLUSH"]).await.unwrap();
    let keys: Vec<String> = (0..3).map(|_| fresh_key("forgotten")).collect();
    let commands = keys.iter().map(|key| Command::new(key.clone(), intent(1))).collect();
    assert_eq!(store.run(commands).await, vec![Ok(HELD), Ok(HELD), Ok(HELD)]);
}

#[tokio::test]
async fn a_memory_store_stays_within_its_bounds_and_keeps_its_markers() {
    let store = sea_orm_autocache::MemoryStore::new(100);
    let marked: Vec<String> = (0..500).map(|_| fresh_key("marked")).collect();
    for key in &marked {
        step(&store, key, intent(1)).await;
    }
    for _ in 0..1_000 {
        step(&store, &fresh_key("value"), insert("Va")).await;
    }
    assert!(store.entry_count() <= 100, "{} entries", store.entry_count());
    for key in &marked {
        assert_eq!(shape(slot(&store, key).await), Shape::Intent { dirty: false, tokens: vec![token(1)] });
    }
    let by_bytes = sea_orm_autocache::MemoryStore::with_max_bytes(10_000);
    for _ in 0..1_000 {
        step(&by_bytes, &fresh_key("value"), insert("Va")).await;
    }
    assert!((1..=60).contains(&by_bytes.entry_count()), "{} entries", by_bytes.entry_count());
}

#[tokio::test]
async fn the_redis_store_conforms_with_each_client() {
    use sea_orm_autocache::{RedisClient, RedisStore};
    let url = format!("redis://127.0.0.1:{}", crate::support::shared_redis().port());
    for (name, client) in [("fred", RedisClient::Fred), ("redis-rs", RedisClient::RedisRs)] {
        let builder = RedisStore::builder(&url).key_prefix(name).client(client).connections(2);
        check(&builder.command_timeout(PATIENCE).connect().await.unwrap()).await;
        let by_url = RedisStore::builder(&format!("{url}?client={name}")).key_prefix("url:").resp3();
        check(&by_url.command_timeout(PATIENCE).connect().await.unwrap()).await;
    }
}
