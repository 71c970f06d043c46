//! Miss, hit, save, hit, delete, tombstone: each with its cost.
//!
//! Runs on bundled SQLite and the memory store. With `REDIS_URL` set it runs on Redis.

mod bookshop;

use bookshop::{author, book};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, Database, DatabaseConnection, DbErr, IntoActiveModel, ModelTrait, Set,
};
use sea_orm_autocache::prelude::*;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();

    let (database, statements) = counted_database().await?;
    let builder = Autocache::builder(database).app("shop");
    let (autocache, store) = match std::env::var("REDIS_URL") {
        Ok(url) => (builder.backend("default", RedisStore::connect(&url).await?).build()?, "Redis"),
        Err(_) => (builder.backend("default", MemoryStore::new(10_000)).build()?, "memory"),
    };
    autocache.install()?;
    let db = autocache.connection();

    let author = author::ActiveModel { name: Set("George Eliot".to_owned()), ..Default::default() };
    let author = author.insert(&db).await?;
    let written = book::ActiveModel {
        title: Set("Middlemarch".to_owned()),
        author_id: Set(author.id),
        rank: Set(7),
        ..Default::default()
    };
    let id = written.insert(&db).await?.id;
    // So that the first read is a miss: the insert has already put the row into the cache.
    book::Entity::cache().invalidate(id).await?;

    println!(
        "sea-orm-autocache on SQLite and the {store} store; keys look like {}\n",
        book::Entity::cache().make_key(id)?
    );
    println!(
        "{:<10} {:<32} {:<34} {:<9} {:>4} {:>12} {:>10}",
        "step", "asked", "answered", "from", "SQL", "round trips", "time"
    );
    let mut journal = Journal { autocache: autocache.clone(), statements, steps: Vec::new() };

    journal.step("miss", "Entity::cache().get(id)", book::Entity::cache().get(id), title).await?;
    let book = journal.step("hit", "Entity::cache().get(id)", book::Entity::cache().get(id), title).await?;
    let mut changed = book.into_active_model();
    changed.title = Set("Middlemarch, revised".to_owned());
    journal.step("save", "model.update(&db)", changed.update(&db), title).await?;
    let book = journal.step("hit", "Entity::cache().get(id)", book::Entity::cache().get(id), title).await?;
    let deleted = |result: &sea_orm::DeleteResult| format!("{} row deleted", result.rows_affected);
    journal.step("delete", "model.delete(&db)", book.delete(&db), deleted).await?;
    let absent =
        journal.step("tombstone", "Entity::cache().get(id)", book::Entity::cache().get(id), title).await;
    assert!(matches!(absent, Err(DbErr::RecordNotFound(_))), "a deleted row is remembered as absent");

    journal.summary();
    Ok(())
}

fn title(book: &book::Model) -> String {
    format!("{:?}", book.title)
}

struct Step {
    name: &'static str,
    sql: u64,
    time: Duration,
}

struct Journal {
    autocache: Autocache,
    statements: Arc<AtomicU64>,
    steps: Vec<Step>,
}

impl Journal {
    /// Runs one step and prints what it asked, got and cost.
    async fn step<T>(
        &mut self,
        name: &'static str,
        asked: &str,
        future: impl Future<Output = Result<T, DbErr>>,
        show: impl Fn(&T) -> String,
    ) -> Result<T, DbErr> {
        let (sql, trips) = (self.statements.load(Ordering::Relaxed), self.autocache.stats().round_trips());
        let begun = Instant::now();
        let result = future.await;
        let time = begun.elapsed();
        let sql = self.statements.load(Ordering::Relaxed) - sql;
        let trips = self.autocache.stats().round_trips() - trips;
        let answered = match &result {
            Ok(value) => show(value),
            Err(DbErr::RecordNotFound(_)) => "Err(DbErr::RecordNotFound)".to_owned(),
            Err(error) => format!("Err({error})"),
        };
        let from = if sql == 0 { "cache" } else { "database" };
        println!("{name:<10} {asked:<32} {answered:<34} {from:<9} {sql:>4} {trips:>12} {time:>10.1?}");
        self.steps.push(Step { name, sql, time });
        result
    }

    fn summary(&self) {
        let counts = self.autocache.stats().entity("book");
        let reads = self.steps.iter().filter(|step| matches!(step.name, "hit" | "tombstone"));
        let (reads, sql) = reads.fold((0, 0), |(reads, sql), step| (reads + 1, sql + step.sql));
        let time_of = |name: &str| self.steps.iter().find(|step| step.name == name).map(|step| step.time);
        println!(
            "\nOf {} reads, {reads} were answered by the cache with {sql} SQL statements: {} rows and {} remembered absence.",
            reads + 1,
            counts.hits,
            counts.tombstone_hits
        );
        if let (Some(miss), Some(hit)) = (time_of("miss"), time_of("hit")) {
            println!(
                "The first read had to ask the database ({miss:.1?}); the next took {hit:.1?}. The save put the new"
            );
            println!(
                "title into the cache and the delete a tombstone, so neither was followed by a stale read."
            );
        }
    }
}

/// A bundled in-memory database that counts its statements.
async fn counted_database() -> Result<(DatabaseConnection, Arc<AtomicU64>), DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let mut database = Database::connect(options).await?;
    bookshop::create_tables(&database).await?;
    let statements = Arc::new(AtomicU64::new(0));
    let counter = statements.clone();
    database.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    Ok((database, statements))
}
