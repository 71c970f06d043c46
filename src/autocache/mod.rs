//! [`Autocache`]: the app's state, and where `Entity::cache()` finds it.

mod backend;
mod builder;
mod catalog;
mod region;
mod shelf;
mod timeouts;

pub(crate) use backend::Backend;
pub use builder::AutocacheBuilder;
pub(crate) use region::{Reading, Region};

use crate::connection::CachedConnection;
use crate::controller::CacheController;
use crate::entity::CachedEntity;
use crate::error::CacheError;
use crate::telemetry::{Counts, Stats};
use arc_swap::ArcSwap;
use catalog::Catalog;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DbBackend};
use shelf::Shelf;
use std::any::TypeId;
use std::collections::HashMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

static INSTALLED: OnceLock<Autocache> = OnceLock::new();

tokio::task_local! {
    static SCOPED: Autocache;
}

/// How the cache behaves when it cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Consistency {
    /// No read and no write ever fails because of the cache.
    #[default]
    Available,
    /// A write that the cache could not be told of beforehand is not begun, and one whose end it
    /// could not be told of says so, unless the hold proves that no reader can see the older row.
    /// A server that has been replaced or restarted is an empty cache.
    Strict,
}

/// What happens to a write of a cached table that no signal has announced: SeaORM's bulk statements,
/// its `Entity::insert`, `update` and `delete`, raw SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unannounced {
    /// The row is invalidated where the statement names its primary key, the whole entity otherwise,
    /// and a warning names the table once.
    #[default]
    Invalidate,
    /// Nothing is invalidated; a warning names the table once.
    Warn,
    /// The statement is not sent: [`CacheError::Unannounced`].
    Refuse,
}

/// Settings that all entities share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) tombstone_timeout: Option<Duration>,
    pub(crate) consistency: Consistency,
    pub(crate) hold: Duration,
    pub(crate) transaction_hold: Duration,
    pub(crate) max_entry_bytes: usize,
    pub(crate) unannounced: Unannounced,
}

/// The app's cache: backends, settings, the database. A cheap handle to clone into axum's or actix'
/// state.
///
/// ```
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     use sea_orm_autocache::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
/// #     #[sea_orm(table_name = "book")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl CachedEntity for Entity {}
/// #     connect_signals!(ActiveModel);
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, Schema, Set};
/// use sea_orm_autocache::prelude::*;
///
/// let database = Database::connect("sqlite::memory:").await?;
/// # let create = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
/// # database.execute(&create).await?;
/// let autocache = Autocache::builder(database)
///     .app("shop")
///     .backend("default", MemoryStore::new(10_000))
///     .build()?;
/// let db = autocache.connection();
///
/// let saved = book::ActiveModel { title: Set("Emma".into()), ..Default::default() }.insert(&db).await?;
/// let book = autocache.cache::<book::Entity>().get(saved.id).await?;
/// assert_eq!(book.title, "Emma");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Autocache {
    inner: Hold,
}

/// A hold on an Autocache: counted, or for ever on the installed one, so that cores which ask for
/// `Entity::cache()` at the same time do not wait for each other at one count.
#[derive(Clone)]
enum Hold {
    Counted(Arc<Inner>),
    Installed(&'static Inner),
}

impl Deref for Hold {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        match self {
            Self::Counted(inner) => inner,
            Self::Installed(inner) => inner,
        }
    }
}

struct Inner {
    database: DatabaseConnection,
    app: String,
    settings: Settings,
    backends: HashMap<String, Arc<Backend>>,
    regions: ArcSwap<Catalog>,
    shelf: Shelf<Arc<Region>>,
}

impl Autocache {
    /// Starts an Autocache over this database, the writable primary: what is read from it is cached.
    pub fn builder(database: DatabaseConnection) -> AutocacheBuilder {
        AutocacheBuilder::new(database)
    }

    /// Makes this the Autocache of `Entity::cache()` wherever no [`scope`](Self::scope) says otherwise.
    ///
    /// # Errors
    /// [`CacheError::InstalledAlready`] when there is one.
    pub fn install(&self) -> Result<(), CacheError> {
        INSTALLED.set(self.clone()).map_err(|_| CacheError::InstalledAlready)
    }

    /// Runs a future in which `Entity::cache()`, and hooks on plain connections, use this Autocache:
    /// for tests and tenants. Tasks spawned inside do not inherit it.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        SCOPED.scope(self.clone(), future)
    }

    /// The Autocache of the current scope, else the installed one.
    #[must_use]
    pub fn current() -> Option<Self> {
        let installed = || INSTALLED.get().map(|installed| Self { inner: Hold::Installed(&installed.inner) });
        SCOPED.try_with(Self::clone).ok().or_else(installed)
    }

    /// The cache of one entity.
    #[must_use]
    pub fn cache<E: CachedEntity>(&self) -> CacheController<E> {
        CacheController::of(self)
    }

    /// The database, to be used wherever a `DatabaseConnection` was: writes through it keep the cache
    /// right, in transactions too.
    #[must_use]
    pub fn connection(&self) -> CachedConnection {
        self.wrap(self.inner.database.clone())
    }

    /// As [`connection`](Self::connection), around another connection to the same database, such as
    /// SeaORM's `RestrictedConnection`.
    #[must_use]
    pub fn wrap<D>(&self, connection: D) -> CachedConnection<D> {
        CachedConnection::new(connection, self.clone())
    }

    /// All counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let regions = self.inner.regions.load();
        let mut entities: Vec<_> = regions.all().map(|region| region.stats.read()).collect();
        entities.retain(|entity| entity.counts != Counts::default());
        entities.sort_by(|a, b| (&a.entity, &a.backend).cmp(&(&b.entity, &b.backend)));
        let near = |backend: &Arc<Backend>| {
            let its = regions.all().filter(|region| Arc::ptr_eq(&region.backend, backend));
            its.map(|region| region.stats.near()).sum()
        };
        let mut backends: Vec<_> =
            self.inner.backends.values().map(|backend| backend.stats(near(backend))).collect();
        backends.sort_by(|a, b| a.backend.cmp(&b.backend));
        Stats { entities, backends }
    }

    pub(crate) fn database(&self) -> &DatabaseConnection {
        &self.inner.database
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether both are handles of one Autocache.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq::<Inner>(&*self.inner, &*other.inner)
    }

    /// The entity's region, made at its first use.
    pub(crate) fn region<E: CachedEntity>(&self) -> Result<Arc<Region>, CacheError> {
        let id = TypeId::of::<E>();
        if let Some(region) = self.inner.regions.load().get(&id) {
            return Ok(region.clone());
        }
        let backend = self.inner.backends.get(E::BACKEND).ok_or_else(|| self.unknown_backend::<E>())?;
        let made = Arc::new(Region::of::<E>(
            &self.inner.app,
            &self.inner.settings,
            backend.clone(),
            dialect(&self.inner.database),
        ));
        self.inner.regions.rcu(|regions| regions.with(id, &made));
        let region = self.inner.regions.load().get(&id).cloned().unwrap_or(made);
        // Not earlier: who writes past the signals finds in the catalog whose rows may be cached.
        self.inner.shelf.put(id, &region);
        Ok(region)
    }

    /// The entity's region, if it has been used.
    #[inline]
    pub(crate) fn known<E: CachedEntity>(&self) -> Option<&Region> {
        self.inner.shelf.get(TypeId::of::<E>()).map(Arc::as_ref)
    }

    /// Whether any entity is known.
    pub(crate) fn has_regions(&self) -> bool {
        !self.inner.regions.load().is_empty()
    }

    /// The regions of all entities that are known.
    pub(crate) fn regions(&self) -> Vec<Arc<Region>> {
        self.inner.regions.load().all().cloned().collect()
    }

    /// The regions of the entities of this table, in whatever case its name is written.
    pub(crate) fn regions_of_table(&self, table: &str) -> Vec<Arc<Region>> {
        self.inner.regions.load().of_table(table).to_vec()
    }

    /// The region of this table's entity.
    pub(crate) fn region_of_table(&self, table: &str) -> Option<Arc<Region>> {
        self.inner.regions.load().of_table(table).iter().find(|region| region.table == table).cloned()
    }

    /// The regions whose rows follow the deletion of a row of this table.
    pub(crate) fn children_of(&self, table: &str) -> Vec<Arc<Region>> {
        self.inner.regions.load().children_of(table).to_vec()
    }

    fn unknown_backend<E: CachedEntity>(&self) -> CacheError {
        let mut registered: Vec<String> = self.inner.backends.keys().cloned().collect();
        registered.sort();
        CacheError::UnknownBackend { entity: E::model_name().into_owned(), wanted: E::BACKEND, registered }
    }
}

/// Which database this is; `None` for a connection that was never made, of which SeaORM may not even be asked.
fn dialect(database: &DatabaseConnection) -> Option<DbBackend> {
    match database.inner {
        DatabaseConnectionType::Disconnected => None,
        // Without any driver there is no other variant.
        #[allow(unreachable_patterns)]
        _ => Some(ConnectionTrait::get_database_backend(database)),
    }
}

impl std::fmt::Debug for Autocache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Autocache")
            .field("app", &self.inner.app)
            .field("settings", &self.inner.settings)
            .field("backends", &self.inner.backends.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
