//! [`Snapshot`]: all that changes on the page, at one moment.

use super::Read;
use crate::app::App;
use crate::redis_server::RedisServer;
use sea_orm::DbBackend;
use sea_orm_autocache::Stats;
use serde::Serialize;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    database: &'static str,
    /// `entities` and `backends`.
    #[serde(flatten)]
    stats: Stats,
    reads: Vec<Read>,
    /// Whether the server that the page can stop is running; `None` if there is no such server.
    redis_runs: Option<bool>,
}

impl Snapshot {
    pub fn of(app: &App) -> Self {
        let live = &app.live;
        let database = match app.db.get_database_backend() {
            DbBackend::Sqlite => "SQLite",
            DbBackend::Postgres => "PostgreSQL",
            DbBackend::MySql => "MySQL",
            _ => "The database",
        };
        let redis_runs = live.server.as_ref().map(RedisServer::is_running);
        Self { database, stats: app.autocache.stats(), reads: live.reads.last(), redis_runs }
    }
}
