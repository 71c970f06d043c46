//! [`Autocache`]: the app's state, and where `Entity::cache()` finds it.

mod builder;
#[cfg(feature = "testing")]
mod by_runtime;
mod catalog;
mod health;
mod region;
mod routine;
mod timeouts;

pub use builder::AutocacheBuilder;
#[cfg(feature = "testing")]
pub(crate) use by_runtime::Binding;
pub use health::{BackendHealth, Health};
pub(crate) use region::Region;

use crate::backend::Backend;
use crate::entity::{EntityOps, Schema};
use crate::error::CacheError;
use crate::key;
use crate::keyspace::Keyspace;
use crate::settings::Settings;
use crate::telemetry::{Counts, Stats};
use crate::write::Siblings;
use arc_swap::ArcSwap;
use catalog::{ByType, Catalog};
use routine::Routine;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DbBackend};
use std::any::TypeId;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

static INSTALLED: OnceLock<Autocache> = OnceLock::new();

#[cfg(feature = "testing")]
static BOUND: by_runtime::ByRuntime<Autocache> = by_runtime::ByRuntime::new();

tokio::task_local! {
    static SCOPED: Autocache;
}

/// The app's cache: backends, settings, the database. A cheap handle to clone into axum's or actix'
/// state.
///
/// ```standalone_crate
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     use sea_orm_autocache::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
    inner: Shared,
}

/// A handle of an Autocache: counted, or borrowed from the installed one, so that cores which ask for
/// `Entity::cache()` at the same time do not wait for each other at one count.
#[derive(Clone)]
enum Shared {
    Counted(Arc<Inner>),
    Installed(&'static Inner),
}

impl Deref for Shared {
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
    database_id: String,
    settings: Settings,
    backends: HashMap<String, Backend>,
    /// Entities that are not cached here.
    without: HashSet<TypeId>,
    /// What writes tables that statements do not name.
    routines: Vec<Routine>,
    /// The entities that were known when this was built. A hit borrows its region from here and counts no
    /// reference, so cores that read one entity do not wait for each other.
    known: ByType,
    /// All entities.
    catalog: ArcSwap<Catalog>,
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
    /// for tenants, and for tests without the feature `testing`. Tasks spawned inside do not inherit it.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        SCOPED.scope(self.clone(), future)
    }

    /// The Autocache of the current scope, else, with the feature `testing`, that of the test, else the installed one.
    #[must_use]
    pub fn current() -> Option<Self> {
        let installed =
            || INSTALLED.get().map(|installed| Self { inner: Shared::Installed(&installed.inner) });
        let scoped = SCOPED.try_with(Self::clone).ok();
        #[cfg(feature = "testing")]
        let scoped = scoped.or_else(|| BOUND.current());
        scoped.or_else(installed)
    }

    /// Makes this the Autocache of the runtime until the binding is dropped.
    #[cfg(feature = "testing")]
    pub(crate) fn bind(&self, runtime: &tokio::runtime::Handle) -> Binding<Self> {
        BOUND.bind(self.clone(), runtime)
    }

    /// All counters.
    ///
    /// With the feature `metrics` they are exported, too: counters, the breaker's state, queued invalidations and
    /// durations as they change; what the memory store holds, and the last hits in it, by
    /// `export_metrics`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let regions = self.inner.catalog.load();
        let mut entities: Vec<_> = regions.all().map(|region| region.keyspace.stats.read()).collect();
        entities.retain(|entity| entity.counts != Counts::default());
        entities.sort_by(|a, b| (&a.entity, &a.backend).cmp(&(&b.entity, &b.backend)));
        let by_id = |backend: &Backend| {
            let keyspaces = regions.all().map(|region| &region.keyspace);
            let its = keyspaces.filter(|keyspace| keyspace.backend.is_same(backend));
            its.map(|keyspace| keyspace.stats.by_id()).sum()
        };
        let mut backends: Vec<_> =
            self.inner.backends.values().map(|backend| backend.stats(by_id(backend))).collect();
        backends.sort_by(|a, b| a.backend.cmp(&b.backend));
        Stats { entities, backends }
    }

    /// Brings what no event tells of to the `metrics` recorder: how much a [`MemoryStore`](crate::MemoryStore) holds,
    /// and its hits by integer key, of which each thread exports 64 at a time. To be called before each scrape, or
    /// every few seconds by a task; it takes some microseconds. Everything else is exported as it happens.
    ///
    /// The recorder must be installed before [`build`](AutocacheBuilder::build), which registers every metric, with
    /// its help text and the value 0.
    ///
    /// ```
    /// # use sea_orm_autocache::Autocache;
    /// # use std::time::Duration;
    /// async fn export(autocache: Autocache) {
    ///     loop {
    ///         autocache.export_metrics();
    ///         tokio::time::sleep(Duration::from_secs(5)).await;
    ///     }
    /// }
    /// ```
    #[cfg(feature = "metrics")]
    pub fn export_metrics(&self) {
        self.inner.catalog.load().all().for_each(|region| region.keyspace.stats.export());
        self.inner.backends.values().for_each(Backend::export);
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

    /// The entity's region; made now if it was not known at the start.
    #[inline]
    pub(crate) fn region(
        &self,
        id: TypeId,
        ops: &'static dyn EntityOps,
    ) -> Result<Cow<'_, Arc<Region>>, CacheError> {
        match self.inner.known.get(&id) {
            Some(region) => Ok(Cow::Borrowed(region)),
            None => self.late_region(id, ops).map(Cow::Owned),
        }
    }

    /// The entity's region, if it was known at the start.
    #[inline]
    pub(crate) fn known(&self, id: TypeId) -> Option<&Region> {
        self.inner.known.get(&id).map(Arc::as_ref)
    }

    /// The region of an entity of a generic type that was not registered with the builder.
    #[cold]
    fn late_region(&self, id: TypeId, ops: &'static dyn EntityOps) -> Result<Arc<Region>, CacheError> {
        let catalog = &self.inner.catalog;
        if let Some(region) = catalog.load().get(&id) {
            return Ok(region.clone());
        }
        let made = self.inner.make_region(Schema::of(ops))?;
        let mut added = Ok(());
        catalog.rcu(|catalog| {
            let mut catalog = Catalog::clone(catalog);
            added = catalog.add(&made);
            catalog
        });
        added?;
        let region = catalog.load().get(&id).cloned();
        Ok(region.unwrap_or(made))
    }

    /// Whether any entity is known.
    pub(crate) fn has_regions(&self) -> bool {
        !self.inner.catalog.load().is_empty()
    }

    /// The regions of all entities that are known.
    pub(crate) fn regions(&self) -> Vec<Arc<Region>> {
        self.inner.catalog.load().all().cloned().collect()
    }

    /// Whether this text runs a routine that writes.
    pub(crate) fn runs_routine(&self, sql: &str) -> bool {
        self.inner.routines.iter().any(|routine| routine.is_in(sql))
    }

    /// The tables that routines in this text write.
    pub(crate) fn tables_of_routines(&self, sql: &str) -> impl Iterator<Item = &str> {
        let routines = self.inner.routines.iter().filter(move |routine| routine.is_in(sql));
        routines.flat_map(|routine| routine.tables.iter().map(String::as_str))
    }

    /// The regions of the entities of this table, in whatever case its name is written.
    pub(crate) fn regions_of_table(&self, table: &str) -> Vec<Arc<Region>> {
        self.inner.catalog.load().of_table(table).to_vec()
    }

    /// The regions of which any row may change with this table. See [`Catalog::dependent_on`].
    pub(crate) fn dependent_on(&self, table: &str, removes: bool) -> Vec<Arc<Region>> {
        self.inner.catalog.load().dependent_on(table, removes)
    }

    /// The other entities that a write of this one may change.
    pub(crate) fn siblings_of(&self, keyspace: &Arc<Keyspace>, removes: bool) -> Siblings {
        let catalog = self.inner.catalog.load();
        let of_table = catalog.of_table(keyspace.table()).iter().map(|region| &region.keyspace);
        let of_table =
            of_table.filter(|other| keyspace.schema.may_be_in(other.schema.schema_name.as_deref()));
        let dependent = catalog.dependent_on(keyspace.table(), removes).into_iter();
        Siblings::of(keyspace, of_table, dependent.map(|region| region.keyspace.clone()).collect())
    }

    /// The regions whose rows follow the deletion of a row of this table.
    pub(crate) fn children_of(&self, table: &str) -> Vec<Arc<Region>> {
        self.inner.catalog.load().children_of(table).to_vec()
    }
}

impl Inner {
    fn make_region(&self, mut schema: Schema) -> Result<Arc<Region>, CacheError> {
        let is_outside = self.without.contains(&schema.id);
        let named = self.backends.get(schema.backend);
        let backend = if is_outside { named.or_else(|| self.backends.values().next()) } else { named };
        let backend = backend.ok_or_else(|| self.unknown_backend(&schema))?;
        if is_outside {
            schema.leave_out();
        }
        if let Some(label) = schema.app_label.filter(|label| !key::is_label(label)) {
            return Err(CacheError::AppLabel(label.to_owned()));
        }
        let (settings, database) = (&self.settings, dialect(&self.database));
        let keyspace =
            Keyspace::of(schema, &self.app, &self.database_id, settings, backend.clone(), database);
        match keyspace.schema.unsupported() {
            Some((column, reason)) if !keyspace.is_off() => {
                let entity = keyspace.model().to_owned();
                Err(CacheError::UnsupportedColumn { entity, column, reason })
            }
            _ => Ok(Region::of(keyspace)),
        }
    }

    fn unknown_backend(&self, schema: &Schema) -> CacheError {
        let mut registered: Vec<String> = self.backends.keys().cloned().collect();
        registered.sort_unstable();
        CacheError::UnknownBackend { entity: schema.model.clone(), wanted: schema.backend, registered }
    }
}

/// The database's dialect; `None` for a connection that cannot be asked.
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
