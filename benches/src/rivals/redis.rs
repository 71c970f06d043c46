//! `redis` and serde_json by hand: the pair that most tutorials show, on its `ConnectionManager`.

use super::aside::{Cache, GetPut, GetPutMany, many_through, through};
use crate::entities::book;
use crate::rival::TTL;
use crate::stage::Seat;
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sea_orm::DatabaseConnection;
use std::time::Duration;

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
const RUNS: &str = "Redis answers";

pub struct Redis {
    connection: ConnectionManager,
}

impl Redis {
    pub async fn connect(seat: &Seat) -> Self {
        let client = redis::Client::open(seat.redis_url.as_str()).expect("a URL");
        // A busy machine is no reason to end a run.
        let config = ConnectionManagerConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        Self { connection: client.get_connection_manager_with_config(config).await.expect("a connection") }
    }
}

fn key(id: i64) -> String {
    format!("bench:book:{id}")
}

fn encode(row: &Option<book::Model>) -> Vec<u8> {
    serde_json::to_vec(row).expect("JSON")
}

fn decode(bytes: &[u8]) -> Option<book::Model> {
    serde_json::from_slice(bytes).expect("JSON")
}

impl GetPut for Redis {
    async fn get(&self, id: i64) -> Option<Option<book::Model>> {
        let bytes: Option<Vec<u8>> = self.connection.clone().get(key(id)).await.expect(RUNS);
        bytes.map(|bytes| decode(&bytes))
    }

    async fn put(&self, id: i64, row: &Option<book::Model>) {
        let seconds = TTL.as_secs();
        self.connection.clone().set_ex::<_, _, ()>(key(id), encode(row), seconds).await.expect(RUNS);
    }

    async fn drop_keys(&self, ids: &[i64]) {
        let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
        self.connection.clone().del::<_, ()>(keys).await.expect(RUNS);
    }
}

impl GetPutMany for Redis {
    async fn get_many(&self, ids: &[i64]) -> Vec<Option<Option<book::Model>>> {
        let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
        let found: Vec<Option<Vec<u8>>> = self.connection.clone().mget(keys).await.expect(RUNS);
        found.into_iter().map(|bytes| bytes.map(|bytes| decode(&bytes))).collect()
    }

    async fn put_many(&self, rows: &[(i64, Option<book::Model>)]) {
        let mut pipeline = redis::pipe();
        for (id, row) in rows {
            pipeline.set_ex(key(*id), encode(row), TTL.as_secs()).ignore();
        }
        pipeline.query_async::<()>(&mut self.connection.clone()).await.expect(RUNS);
    }
}

impl Cache for Redis {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        through(self, db, id).await
    }

    async fn find_many(&self, db: &DatabaseConnection, ids: &[i64]) -> Vec<Option<book::Model>> {
        many_through(self, db, ids).await
    }

    async fn forget(&self, ids: &[i64]) {
        self.drop_keys(ids).await;
    }
}
