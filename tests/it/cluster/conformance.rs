use crate::support::{patient_store, shared_cluster};
use sea_orm_autocache::RedisStore;
use sea_orm_autocache::testing::conformance::check;
use std::time::Duration;

/// Longer than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_redis_store_conforms_on_a_cluster() {
    check(&patient_store(&shared_cluster().url()).await).await;
}

#[tokio::test]
async fn the_redis_store_with_a_prefix_and_many_connections_conforms_on_a_cluster() {
    let store = RedisStore::builder(&shared_cluster().url()).key_prefix("my:").connections(3);
    check(&store.command_timeout(PATIENCE).connect().await.unwrap()).await;
}

/// One slot for all keys.
#[tokio::test]
async fn the_redis_store_with_a_hash_tag_for_a_prefix_conforms_on_a_cluster() {
    let store = RedisStore::builder(&shared_cluster().url()).key_prefix("{my}:");
    check(&store.command_timeout(PATIENCE).connect().await.unwrap()).await;
}
