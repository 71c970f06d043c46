//! The limit of the way to Redis: fred and MessagePack by hand, and nothing besides.
//!
//! The client is tuned as the one of `RedisStore` is, in `src/store/redis/wire/fred.rs`: one connection, a
//! timeout for each command, no replays. A difference is then what the crate does, not how it connects.
//! Only the timeout is longer: it costs the same, and here the database is not asked when it is over.

use super::aside::{Cache, GetPut, GetPutMany, many_through, through};
use super::database::select_related;
use crate::entities::{author, book};
use crate::rival::TTL;
use crate::stage::Seat;
use bytes::Bytes;
use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Expiration;
use fred::types::config::{Config, Options, PerformanceConfig, ReconnectPolicy, TcpConfig};
use sea_orm::DatabaseConnection;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const COMMANDS_IN_FLIGHT_MAX: usize = 20_000;
const RUNS: &str = "Redis answers";

pub struct Fred {
    client: WithOptions<Client>,
}

impl Fred {
    pub async fn connect(seat: &Seat) -> Self {
        let config = Config::from_url(&seat.redis_url).expect("a URL");
        let mut builder = fred::types::Builder::from_config(config);
        builder.set_policy(ReconnectPolicy::new_exponential(0, 5, 300, 2));
        builder.with_connection_config(|connection| {
            connection.connection_timeout = CONNECT_TIMEOUT;
            connection.internal_command_timeout = CONNECT_TIMEOUT;
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMANDS_IN_FLIGHT_MAX;
            connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
        });
        builder.with_performance_config(|performance: &mut PerformanceConfig| {
            performance.default_command_timeout = COMMAND_TIMEOUT;
        });
        let client = builder.build().expect("a client");
        client.init().await.expect("a connection");
        let options = Options {
            fail_fast: true,
            timeout: Some(COMMAND_TIMEOUT),
            max_attempts: Some(1),
            ..Options::default()
        };
        Self { client: client.with_options(&options) }
    }
}

fn key(id: i64) -> String {
    format!("hand:book:{id}")
}

fn children_key(author: &author::Model) -> String {
    format!("hand:author:{}:books", author.id)
}

fn encode<T: Serialize>(rows: &T) -> Bytes {
    rmp_serde::to_vec(rows).expect("MessagePack").into()
}

fn decode<T: DeserializeOwned>(bytes: &Bytes) -> T {
    rmp_serde::from_slice(bytes).expect("MessagePack")
}

fn expiration() -> Option<Expiration> {
    Some(Expiration::PX(i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX)))
}

impl GetPut for Fred {
    async fn get(&self, id: i64) -> Option<Option<book::Model>> {
        let bytes: Option<Bytes> = self.client.get(key(id)).await.expect(RUNS);
        bytes.as_ref().map(decode)
    }

    async fn put(&self, id: i64, row: &Option<book::Model>) {
        let set = self.client.set::<(), _, _>(key(id), encode(row), expiration(), None, false);
        set.await.expect(RUNS);
    }

    async fn drop_keys(&self, ids: &[i64]) {
        let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
        self.client.del::<(), _>(keys).await.expect(RUNS);
    }
}

impl GetPutMany for Fred {
    async fn get_many(&self, ids: &[i64]) -> Vec<Option<Option<book::Model>>> {
        let keys: Vec<String> = ids.iter().map(|id| key(*id)).collect();
        let found: Vec<Option<Bytes>> = self.client.mget(keys).await.expect(RUNS);
        found.iter().map(|bytes| bytes.as_ref().map(decode)).collect()
    }

    async fn put_many(&self, rows: &[(i64, Option<book::Model>)]) {
        let pipeline = self.client.pipeline();
        for (id, row) in rows {
            let set = pipeline.set::<(), _, _>(key(*id), encode(row), expiration(), None, false);
            set.await.expect(RUNS);
        }
        pipeline.all::<()>().await.expect(RUNS);
    }
}

impl Cache for Fred {
    async fn find(&self, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
        through(self, db, id).await
    }

    async fn find_many(&self, db: &DatabaseConnection, ids: &[i64]) -> Vec<Option<book::Model>> {
        many_through(self, db, ids).await
    }

    /// The list of each parent's children as one value, all of them read by one `MGET`.
    async fn find_related(
        &self,
        db: &DatabaseConnection,
        authors: &[author::Model],
    ) -> Vec<Vec<book::Model>> {
        let keys: Vec<String> = authors.iter().map(children_key).collect();
        let found: Vec<Option<Bytes>> = self.client.mget(keys.clone()).await.expect(RUNS);
        if found.iter().all(Option::is_some) {
            return found.iter().flatten().map(decode).collect();
        }
        let children = select_related(db, authors).await;
        let pipeline = self.client.pipeline();
        for (key, children) in keys.into_iter().zip(&children) {
            let set = pipeline.set::<(), _, _>(key, encode(children), expiration(), None, false);
            set.await.expect(RUNS);
        }
        pipeline.all::<()>().await.expect(RUNS);
        children
    }

    async fn forget(&self, ids: &[i64]) {
        self.drop_keys(ids).await;
    }
}
