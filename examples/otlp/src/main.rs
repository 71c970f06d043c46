//! The cache's spans and metrics, sent to an OpenTelemetry collector.
//!
//! On SQLite and the memory store. With `REDIS_URL` set the cache is on Redis.

mod collector;
mod note;
mod telemetry;

use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, EntityTrait,
    IntoActiveModel, Schema, Set,
};
use sea_orm_autocache::prelude::*;
use std::env;
use std::error::Error;
use std::process::ExitCode;
use telemetry::Telemetry;

const NOTES: i32 = 10;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Before `build`, which makes the handles of the metrics.
    let telemetry = Telemetry::install()?;
    let autocache = autocache().await?;
    autocache.install()?;

    // This database is new, but Redis may hold the notes of an earlier run.
    note::Entity::cache().clear().await?;

    let db = autocache.connection();
    for round in 1..=5 {
        read_and_save(&db, round).await?;
    }
    let counts = autocache.stats().total();
    println!("{} misses and {} hits", counts.misses, counts.hits);

    // Exports what is not exported at once. A service does it every few seconds.
    autocache.export_metrics();
    if let Err(error) = telemetry.finish() {
        eprintln!("{}", collector::explain(&error));
        return Ok(ExitCode::FAILURE);
    }
    println!("their spans and metrics are at {}", collector::endpoint());
    Ok(ExitCode::SUCCESS)
}

/// One request of a service: its span is the parent of the cache's.
#[tracing::instrument(skip(db), err)]
async fn read_and_save(db: &CachedConnection, round: i32) -> Result<(), DbErr> {
    for id in 1..=NOTES {
        note::Entity::cache().get(id).await?;
    }
    let mut note = note::Entity::cache().get(round).await?.into_active_model();
    note.text = Set(format!("changed in round {round}"));
    note.update(db).await?;
    Ok(())
}

async fn autocache() -> Result<Autocache, Box<dyn Error>> {
    let builder = Autocache::builder(database().await?).app("notes");
    Ok(match env::var("REDIS_URL") {
        Ok(url) => builder.backend("default", RedisStore::connect(&url).await?).build()?,
        Err(_) => builder.backend("default", MemoryStore::new(10_000)).build()?,
    })
}

/// Has the notes before the cache knows any of them.
async fn database() -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    // Each connection to `:memory:` is a database of its own.
    options.max_connections(1).min_connections(1);
    let db = Database::connect(options).await?;
    let create = Schema::new(db.get_database_backend()).create_table_from_entity(note::Entity);
    db.execute(&create).await?;
    let note = |id| note::ActiveModel { id: Set(id), text: Set("as it was".to_owned()) };
    note::Entity::insert_many((1..=NOTES).map(note)).exec(&db).await?;
    Ok(db)
}
