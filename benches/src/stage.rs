//! Private servers and what rivals find there: a database and a part of Redis for each of them.

use crate::data;
use crate::rivals::{Class, Kind};
use crate::servers;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Connections of each rival to Postgres. More did not make it faster with two cores.
const POSTGRES_CONNECTIONS: u32 = 16;
const SQLITE_CONNECTIONS: u32 = 4;
const TEMPLATE: &str = "bench_template";

/// The servers of a run.
#[derive(Clone, Debug)]
pub struct Stage {
    postgres: String,
    sqlite: String,
    pub redis: String,
    /// Rows of the usual size.
    pub rows: i64,
}

/// What one rival works on.
pub struct Seat {
    pub db: DatabaseConnection,
    pub redis_url: String,
    /// Statements sent so far, where they are counted.
    pub statements: Arc<AtomicU64>,
}

impl Stage {
    /// Starts the servers and fills a database for every rival.
    pub async fn set(rows: i64) -> Self {
        // In the folder of a server, which goes with this process.
        let file = servers::shared_redis().folder().join("bench.db");
        let sqlite = format!("sqlite://{}?mode=rwc", file.display());
        let redis = servers::shared_redis().url();
        let stage = Self { postgres: servers::postgres().to_owned(), sqlite, redis, rows };
        let admin = connect(&format!("{}/postgres", stage.postgres), 1).await;
        run(&admin, &format!("CREATE DATABASE {TEMPLATE}")).await;
        let template = connect(&format!("{}/{TEMPLATE}", stage.postgres), 1).await;
        data::fill(&template, rows).await;
        // A template must have no connections.
        template.close().await.expect("a closed connection");
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Sqlite) {
            run(&admin, &format!("CREATE DATABASE bench_{} TEMPLATE {TEMPLATE}", kind.number())).await;
        }
        let lite = connect(&stage.sqlite, 1).await;
        run(&lite, "PRAGMA journal_mode = WAL").await;
        data::fill(&lite, rows).await;
        stage
    }

    /// The words by which [`attach`](Self::attach) finds the same servers from another process.
    pub fn words(&self) -> [String; 4] {
        [self.postgres.clone(), self.sqlite.clone(), self.redis.clone(), self.rows.to_string()]
    }

    /// The servers that another process has started.
    pub fn attach(words: &[String]) -> Option<Self> {
        let [postgres, sqlite, redis, rows] = words else { return None };
        let rows = rows.parse().ok()?;
        Some(Self { postgres: postgres.clone(), sqlite: sqlite.clone(), redis: redis.clone(), rows })
    }

    pub async fn seat(&self, kind: Kind) -> Seat {
        let redis_url = match kind.class() {
            Class::Redis => format!("{}/{}", self.redis, kind.number()),
            _ => self.redis.clone(),
        };
        self.seat_at(kind, redis_url).await
    }

    /// As `seat`, with rows cached in another part of Redis.
    pub async fn seat_at(&self, kind: Kind, redis_url: String) -> Seat {
        let db = match kind {
            Kind::Sqlite => connect(&self.sqlite, SQLITE_CONNECTIONS).await,
            _ => connect(&format!("{}/bench_{}", self.postgres, kind.number()), POSTGRES_CONNECTIONS).await,
        };
        Seat { db, redis_url, statements: Arc::default() }
    }

    /// As `seat`, with statements counted. Counting costs a little time.
    pub async fn counted_seat(&self, kind: Kind) -> Seat {
        let mut seat = self.seat(kind).await;
        let statements = seat.statements.clone();
        seat.db.set_metric_callback(move |_| {
            statements.fetch_add(1, Ordering::Relaxed);
        });
        seat
    }

    /// Empties Redis.
    pub fn flush(&self) {
        admin(&self.redis, |redis| redis::cmd("FLUSHALL").exec(redis));
    }
}

/// Does something that has to wait for Redis as long as it takes.
pub fn admin<T>(url: &str, act: impl FnOnce(&mut redis::Connection) -> redis::RedisResult<T>) -> T {
    let connection = redis::Client::open(url).and_then(|client| client.get_connection());
    act(&mut connection.expect("a connection")).expect("Redis answers")
}

async fn connect(url: &str, connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(connections);
    Database::connect(options).await.expect("a connection")
}

async fn run(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.expect("the statement runs");
}
