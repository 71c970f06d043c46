//! The database: connection, tables, and the first rows.

use crate::entities::{post, post_tag, tag, user};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, Schema, Set,
};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const CONNECTIONS: u32 = 8;
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: &str = "15s";

/// A connection, and what the page shows of it.
#[derive(Debug)]
pub struct Database {
    pub connection: DatabaseConnection,
    /// What tells it from other databases, without its password.
    pub id: String,
    statements: Arc<AtomicU64>,
    /// Removed when this is dropped.
    _folder: Option<TempDir>,
}

impl Database {
    /// # Errors
    /// It cannot be reached, or there is no temporary folder.
    pub async fn open(url: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let folder = if url.is_none() { Some(TempDir::new()?) } else { None };
        let url = match (url, &folder) {
            (Some(url), _) => url.to_owned(),
            (None, Some(folder)) => format!("sqlite://{}?mode=rwc", folder.path().join("blog.db").display()),
            (None, None) => "sqlite::memory:".to_owned(),
        };
        let mut options = ConnectOptions::new(&url);
        options.max_connections(CONNECTIONS).sqlx_logging(false);
        // For PostgreSQL: a write ends within the TTL of its intent, or fails.
        options.statement_timeout(STATEMENT_TIMEOUT).map_sqlx_postgres_opts(|postgres| {
            postgres.options([("idle_in_transaction_session_timeout", IDLE_TIMEOUT)])
        });
        let mut connection = sea_orm::Database::connect(options).await?;

        let statements = Arc::new(AtomicU64::new(0));
        let counter = statements.clone();
        connection.set_metric_callback(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        // `postgres://user:password@host/name`: what is behind the `@`.
        let id = url.rsplit('@').next().unwrap_or_default().to_owned();
        Ok(Self { connection, id, statements, _folder: folder })
    }

    /// How many statements it has run.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

/// Creates what is not there.
///
/// # Errors
/// The database's own.
pub async fn create_tables(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    for mut table in [
        schema.create_table_from_entity(user::Entity),
        schema.create_table_from_entity(post::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(post_tag::Entity),
    ] {
        db.execute(table.if_not_exists()).await?;
    }
    Ok(())
}

const USERS: [&str; 6] = ["Ada", "Grace", "Edsger", "Barbara", "Tony", "Frances"];
const TOPICS: [&str; 8] = ["caches", "leases", "locks", "queues", "clocks", "trees", "logs", "types"];
const POSTS: i64 = 120;

/// Fills an empty database. Nothing is cached yet, so this needs no connection of the cache.
///
/// # Errors
/// The database's own.
pub async fn seed(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    if user::Entity::find().count(db).await? > 0 {
        return Ok(());
    }
    let users = USERS.map(|name| user::ActiveModel {
        name: Set(name.to_owned()),
        email: Set(format!("{}@example.org", name.to_lowercase())),
        ..Default::default()
    });
    user::Entity::insert_many(users).exec(db).await?;
    let tags = TOPICS.map(|word| tag::ActiveModel { word: Set(word.to_owned()), ..Default::default() });
    tag::Entity::insert_many(tags).exec(db).await?;
    let posts = (1..=POSTS).map(|n| post::ActiveModel {
        author_id: Set(1 + n % USERS.len() as i64),
        title: Set(format!("Notes on {}, part {n}", topic(n))),
        likes: Set(0),
        revision: Set(1),
        ..Default::default()
    });
    post::Entity::insert_many(posts).exec(db).await?;
    let links = (1..=POSTS)
        .map(|n| post_tag::ActiveModel { post_id: Set(n), tag_id: Set(1 + n % TOPICS.len() as i64) });
    post_tag::Entity::insert_many(links).exec(db).await?;
    Ok(())
}

fn topic(n: i64) -> &'static str {
    TOPICS[n as usize % TOPICS.len()]
}
