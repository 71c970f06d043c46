//! [`Snapshot`]: all that changes on the page, at one moment.

use super::Read;
use crate::app::App;
use crate::entities::{post, post_tag, tag, user};
use crate::redis_server::RedisServer;
use sea_orm::DbBackend;
use sea_orm_autocache::{CachedEntity, Stats};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    database: &'static str,
    entities: Vec<Entity>,
    stores: Vec<Store>,
    reads: Vec<Read>,
    /// Whether the server that the page can stop is running; `None` if there is no such server.
    redis_runs: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Entity {
    name: String,
    store: &'static str,
    counts: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Store {
    name: String,
    kind: &'static str,
    open: bool,
    queued: usize,
    trips: u64,
    failures: u64,
    round_trips: u64,
}

impl Snapshot {
    pub fn of(app: &App) -> Self {
        let (live, stats) = (&app.live, app.autocache.stats());
        let database = match app.db.get_database_backend() {
            DbBackend::Sqlite => "SQLite",
            DbBackend::Postgres => "PostgreSQL",
            DbBackend::MySql => "MySQL",
            _ => "a database",
        };
        let entities = vec![
            entity::<user::Entity>(&stats),
            entity::<post::Entity>(&stats),
            entity::<tag::Entity>(&stats),
            entity::<post_tag::Entity>(&stats),
        ];
        let stores = stats
            .backends
            .into_iter()
            .map(|store| Store {
                kind: live.kind_of(&store.backend),
                name: store.backend,
                open: store.open,
                queued: store.queued,
                trips: store.trips,
                failures: store.failures,
                round_trips: store.round_trips,
            })
            .collect();
        let redis_runs = live.server.as_ref().map(RedisServer::is_running);
        Self { database, entities, stores, reads: live.reads.last(), redis_runs }
    }
}

fn entity<E: CachedEntity>(stats: &Stats) -> Entity {
    let name = E::model_name().into_owned();
    Entity { store: E::BACKEND, counts: stats.entity(&name).iter().collect(), name }
}
