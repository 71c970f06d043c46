use super::cluster::shared_cluster;
use super::process::Keeper;
use super::scattered::Scattered;
use super::servers::{Redis, mariadb, postgres, shared_redis};
use crate::entities::{schemas, settings, shaped};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, Schema};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{self, FaultyStore, TestAutocache};
use sea_orm_autocache::{AutocacheBuilder, Counts, Stats};
use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static COUNT: AtomicU64 = AtomicU64::new(0);
/// A busy machine may take longer than a command may take by default, and longer to connect than the store waits.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Memory,
    Redis,
    Cluster,
}

impl Place {
    /// The URL of the servers that tests share; `None` where there are none.
    pub fn url(self) -> Option<String> {
        match self {
            Self::Memory => None,
            Self::Redis => Some(shared_redis().url()),
            Self::Cluster => Some(shared_cluster().url()),
        }
    }

    /// Whether processes share it.
    pub fn is_shared(self) -> bool {
        self != Self::Memory
    }
}

/// A database, a store and an Autocache of a test's own, with counted statements.
pub struct World {
    pub database: Database,
    pub place: Place,
    pub autocache: Autocache,
    /// The connection that tells the cache.
    pub db: CachedConnection,
    /// The same database, which the Autocache knows nothing of unless inside its scope. Counted too.
    pub plain: DatabaseConnection,
    pub app: String,
    url: String,
    /// Where its store is; `None` is in memory.
    servers: Option<String>,
    kit: TestAutocache,
}

/// What a world's entries are in.
struct Stored {
    /// `None`: one on the servers, or in memory.
    store: Option<FaultyStore>,
    servers: Option<String>,
}

/// Every pair of a database and a store: SQLite with all stores, the servers with Redis.
pub const ALL: [(Database, Place); 5] = [
    (Database::Sqlite, Place::Memory),
    (Database::Sqlite, Place::Redis),
    (Database::Sqlite, Place::Cluster),
    (Database::Postgres, Place::Redis),
    (Database::MariaDb, Place::Redis),
];

/// A builder with one version of each entity, and without the one whose backend is another.
pub fn builder(database: DatabaseConnection) -> AutocacheBuilder {
    without_twins(Autocache::builder(database))
}

fn without_twins(builder: AutocacheBuilder) -> AutocacheBuilder {
    let builder = builder.without(settings::elsewhere::Entity);
    let builder = builder.without(schemas::quill::Entity).without(schemas::wider::Entity);
    let builder = builder.without(schemas::longer::Entity).without(schemas::reordered::Entity);
    builder.without(schemas::raised::Entity).without(shaped::new_person::Entity)
}

/// Runs a law in every world.
pub async fn each_world<F: Future<Output = Result<(), DbErr>>>(law: impl Fn(World) -> F) {
    for (database, place) in ALL {
        let world = World::new(database, place).await;
        println!("in a world of {database:?} and {place:?}");
        if let Err(error) = law(world).await {
            panic!("with {database:?} and {place:?}: {error}");
        }
    }
}

impl World {
    pub async fn new(database: Database, place: Place) -> Self {
        Self::with(database, place, |builder| builder).await
    }

    /// As `new`, with other settings.
    pub async fn with(
        database: Database,
        place: Place,
        settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> Self {
        let stored = Stored { store: None, servers: place.url() };
        Self::new_with_store(database, place, stored, settings).await
    }

    async fn new_with_store(
        database: Database,
        place: Place,
        stored: Stored,
        settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> Self {
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = fresh_database(database, &name).await;
        Self::over(database, place, url, name, stored, settings).await
    }

    /// A world with a Redis server of its own: for what walks all of a server's keys, and so disturbs others.
    pub async fn apart(database: Database) -> (Self, Redis) {
        let redis = Redis::start(&[]);
        let stored = Stored { store: None, servers: Some(redis.url()) };
        let world = Self::new_with_store(database, Place::Redis, stored, |b| b).await;
        (world, redis)
    }

    /// A world on a Redis Cluster of the test's own.
    pub async fn on_cluster(
        url: String,
        settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> Self {
        let stored = Stored { store: None, servers: Some(url) };
        Self::new_with_store(Database::Sqlite, Place::Cluster, stored, settings).await
    }

    /// A world whose store fails as the returned handle of it says.
    pub async fn faulty(
        database: Database,
        place: Place,
        settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> (Self, FaultyStore) {
        let servers = place.url();
        let store = match &servers {
            None => FaultyStore::around(MemoryStore::new(10_000)),
            Some(url) => FaultyStore::around(patient_store(url).await),
        };
        let stored = Stored { store: Some(store.clone()), servers };
        let world = Self::new_with_store(database, place, stored, settings).await;
        (world, store)
    }

    /// As [`faulty`](Self::faulty), with a store that keeps no order.
    pub async fn scattered(
        database: Database,
        settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> (Self, FaultyStore) {
        let store = FaultyStore::around(Scattered(MemoryStore::new(10_000)));
        let world = Self::new_with_store(
            database,
            Place::Memory,
            Stored { store: Some(store.clone()), servers: None },
            settings,
        )
        .await;
        (world, store)
    }

    /// The database's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Another process' view of this world: the same database and store, another Autocache. Only for
    /// stores that processes share.
    pub async fn neighbour(&self) -> Self {
        self.neighbour_with(|builder| builder).await
    }

    /// As `neighbour`, with other settings.
    pub async fn neighbour_with(&self, configure: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder) -> Self {
        assert!(self.place.is_shared(), "processes share servers only");
        let stored = Stored { store: None, servers: self.servers.clone() };
        Self::over(self.database, self.place, self.url.clone(), self.app.clone(), stored, configure).await
    }

    async fn over(
        database: Database,
        place: Place,
        url: String,
        app: String,
        stored: Stored,
        configure: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
    ) -> Self {
        let Stored { store, servers } = stored;
        let redis = match (&store, &servers) {
            (None, Some(url)) => Some(patient_store(url).await),
            _ => None,
        };
        let configured = |builder: AutocacheBuilder| {
            let builder = configure(without_twins(builder).app(&app));
            match (store, redis) {
                (Some(faulty), _) => builder.backend("default", faulty),
                (None, Some(redis)) => builder.backend("default", redis),
                (None, None) => builder.backend("default", MemoryStore::new(10_000)),
            }
        };
        // Tests have several worlds, and some have none that `Entity::cache()` may find.
        let kit = testing::autocache_with(connect(&url).await, configured).unbound();
        let (autocache, db, plain) = (Autocache::clone(&kit), kit.connection(), kit.plain());
        Self { database, place, autocache, db, plain, app, url, servers, kit }
    }

    pub async fn create_table<E: EntityTrait>(&self, entity: E) {
        let create = Schema::new(self.plain.get_database_backend()).create_table_from_entity(entity);
        self.plain.execute(&create).await.expect("a table");
    }

    /// Statements sent so far, by whatever connection of this world.
    pub fn sql(&self) -> u64 {
        self.kit.sql()
    }

    pub fn stats(&self) -> Stats {
        self.autocache.stats()
    }

    pub fn counts(&self) -> Counts {
        self.stats().total()
    }

    /// What the future answers, the statements it sent and the round trips to the store it took.
    pub async fn cost<T>(&self, future: impl Future<Output = T>) -> (T, u64, u64) {
        let (answer, cost) = self.kit.cost(future).await;
        (answer, cost.sql, cost.round_trips)
    }

    /// A client of the world's Redis server or cluster, to look at it and to meddle with it.
    pub async fn redis(&self) -> fred::clients::Client {
        redis_client(self.servers.as_deref().expect("a place with servers")).await
    }
}

/// A plain client.
pub async fn redis_client(url: &str) -> fred::clients::Client {
    use fred::interfaces::ClientLike;
    let config = fred::types::config::Config::from_url(url).expect("a URL");
    let client = fred::types::Builder::from_config(config).build().expect("a client");
    client.init().await.expect("a connection");
    client
}

/// A store on a server of which a test expects answers, however long they take: it is connected.
pub async fn patient_store(url: &str) -> RedisStore {
    let store = RedisStore::builder(url).command_timeout(PATIENCE).connect().await.expect("a store");
    let begun = Instant::now();
    while let Err(error) = store.get("patience").await {
        assert!(begun.elapsed() < PATIENCE, "the server does not answer: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store
}

pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(if url.starts_with("sqlite") { 1 } else { 20 });
    sea_orm::Database::connect(options).await.expect("a connection")
}

async fn fresh_database(database: Database, name: &str) -> String {
    let server = match database {
        Database::Sqlite => {
            let file = sqlite_folder().join(format!("{name}.db"));
            return format!("sqlite://{}?mode=rwc", file.display());
        }
        Database::Postgres => format!("{}/postgres", postgres()),
        Database::MariaDb => format!("{}/mysql", mariadb()),
    };
    let admin = connect(&server).await;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
    admin.close().await.expect("a closed connection");
    let (address, _) = server.rsplit_once('/').expect("a path in the URL");
    format!("{address}/{name}")
}

/// Where SQLite keeps its databases: a folder that goes when this process ends.
fn sqlite_folder() -> &'static Path {
    static KEEPER: OnceLock<Keeper> = OnceLock::new();
    &KEEPER.get_or_init(|| Keeper::of_folder("sqlite")).folder
}
