use super::catalog::{ByType, Catalog};
use super::routine::Routine;
use super::{Autocache, Inner, Shared};
use crate::backend::Backend;
use crate::entity::{CachedEntity, Registration};
use crate::error::CacheError;
use crate::key;
use crate::settings::{Consistency, Settings, UntrackedWrites};
use crate::store::{Store, StoreHandle};
use arc_swap::ArcSwap;
use sea_orm::DatabaseConnection;
use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(3_600);
const INTENT_TTL: Duration = Duration::from_secs(10);
const TRANSACTION_INTENT_TTL: Duration = Duration::from_secs(30);
const MAX_ENTRY_BYTES: usize = 1024 * 1024;

/// Settings of an [`Autocache`].
#[must_use]
#[derive(Debug)]
pub struct AutocacheBuilder {
    database: DatabaseConnection,
    app: Option<String>,
    database_id: String,
    settings: Settings,
    backends: Vec<(String, StoreHandle)>,
    entities: Vec<Registration>,
    without: HashSet<TypeId>,
    routines: Vec<Routine>,
}

impl AutocacheBuilder {
    pub(super) fn new(database: DatabaseConnection) -> Self {
        let settings = Settings {
            ttl: TTL,
            tombstone_ttl: None,
            consistency: Consistency::default(),
            intent_ttl: INTENT_TTL,
            transaction_intent_ttl: TRANSACTION_INTENT_TTL,
            max_entry_bytes: MAX_ENTRY_BYTES,
            untracked_writes: UntrackedWrites::default(),
            other_databases: false,
        };
        Self {
            database,
            app: None,
            database_id: String::new(),
            settings,
            backends: Vec::new(),
            entities: Vec::new(),
            without: HashSet::new(),
            routines: Vec::new(),
        }
    }

    /// The first part of every key. It names the program and its database: programs that share a label share their
    /// rows, so each database and each tenant needs its own. There is no default.
    pub fn app(mut self, label: impl Into<String>) -> Self {
        self.app = Some(label.into());
        self
    }

    /// What tells this database from others, such as its host and name: any text without secrets, the same in every
    /// process. Entries carry a hash of it, so that another database's rows under the same keys are misses, counted
    /// as [`undecodable`](crate::Counts::undecodable), and a warning once for each entity. Empty unless set.
    pub fn database_id(mut self, id: impl Into<String>) -> Self {
        self.database_id = id.into();
        self
    }

    /// A place to keep entries. Entities name theirs with `BACKEND`, which is `default` unless they
    /// say otherwise. At least one is needed.
    pub fn backend(mut self, name: impl Into<String>, store: impl Store) -> Self {
        self.backends.push((name.into(), StoreHandle::of(store)));
        self
    }

    /// Registers an entity that [`connect_signals!`](crate::connect_signals) cannot: one of a generic type. Those
    /// it can are registered already, and an entity that was used is, too. Unregistered entities are ignored in
    /// cascades, junctions and the detection of untracked writes.
    pub fn entity<E: CachedEntity>(mut self, _: E) -> Self {
        self.without.remove(&TypeId::of::<E>());
        self.entities.push(Registration::of::<E>());
        self
    }

    /// Leaves an entity out: it lives in another database, or in a backend that this Autocache has not. Its reads ask
    /// the database, its writes do not touch the cache, and cascades do not look for its rows.
    ///
    /// ```
    /// # mod invoice {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "invoice")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub total: i64 }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl CachedEntity for Entity {}
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// use sea_orm_autocache::prelude::*;
    ///
    /// # fn build(shop: sea_orm::DatabaseConnection) -> Result<Autocache, CacheError> {
    /// let builder = Autocache::builder(shop).app("shop").backend("default", MemoryStore::new(10_000));
    /// builder.without(invoice::Entity).build()
    /// # }
    /// ```
    pub fn without<E: CachedEntity>(mut self, _: E) -> Self {
        self.without.insert(TypeId::of::<E>());
        self
    }

    /// The program has connections to other databases, too: nothing tells a plain `DatabaseConnection` to one of them
    /// from one to the database of this Autocache. Writes on plain connections then publish nothing, and readers bypass
    /// their rows for the [`transaction_intent_ttl`](Self::transaction_intent_ttl), as after those in plain
    /// transactions; reads by `on(&plain)` ask that connection and fill nothing. Connections of the cache are not
    /// concerned.
    pub fn other_databases(mut self) -> Self {
        self.settings.other_databases = true;
        self
    }

    /// A function or procedure, an updatable view or a rule of this name writes these tables: a statement on a
    /// connection of the cache that has the name in its text counts as an untracked write of them, also if it is a
    /// `SELECT`.
    ///
    /// ```
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "book")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub rank: i64 }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl CachedEntity for Entity {}
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// use sea_orm_autocache::prelude::*;
    ///
    /// # fn build(shop: sea_orm::DatabaseConnection) -> Result<Autocache, CacheError> {
    /// let builder = Autocache::builder(shop).app("shop").backend("default", MemoryStore::new(10_000));
    /// builder.routine("refresh_ranks", ["book"]).build() // SELECT refresh_ranks($1)
    /// # }
    /// ```
    pub fn routine<T: Into<String>>(
        mut self,
        name: impl Into<String>,
        tables: impl IntoIterator<Item = T>,
    ) -> Self {
        let tables = tables.into_iter().map(Into::into).collect();
        self.routines.push(Routine { name: name.into(), tables });
        self
    }

    /// The TTL of rows, where the entity does not set one. Defaults to one hour.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = ttl;
        self
    }

    /// The TTL of tombstones, where the entity does not set one. Defaults to the TTL of rows.
    pub fn tombstone_ttl(mut self, ttl: Duration) -> Self {
        self.settings.tombstone_ttl = Some(ttl);
        self
    }

    /// What happens when the cache cannot be reached. Defaults to [`Consistency::Available`].
    pub fn consistency(mut self, consistency: Consistency) -> Self {
        self.settings.consistency = consistency;
        self
    }

    /// The TTL of a write intent: every write must commit within it, and after a writer dies, readers bypass
    /// the row for so long. Must exceed the database's own limit on a statement or COMMIT. Defaults to 10
    /// seconds.
    pub fn intent_ttl(mut self, ttl: Duration) -> Self {
        self.settings.intent_ttl = ttl;
        self
    }

    /// The TTL of the intent of a write in a plain `DatabaseTransaction`, whose commit the cache cannot see:
    /// readers bypass the row for all of it. Must exceed the longest such transaction. Defaults to 30 seconds.
    pub fn transaction_intent_ttl(mut self, ttl: Duration) -> Self {
        self.settings.transaction_intent_ttl = ttl;
        self
    }

    /// Rows whose entry would be larger are not cached. Defaults to 1 MiB.
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_entry_bytes = bytes;
        self
    }

    /// What happens to writes of cached tables through the cache's connections that run no hooks. Defaults to
    /// [`UntrackedWrites::Invalidate`].
    pub fn untracked_writes(mut self, policy: UntrackedWrites) -> Self {
        self.settings.untracked_writes = policy;
        self
    }

    /// Makes the Autocache. Inside a tokio runtime, a task then asks Postgres or MySQL how long it lets
    /// statements and locks wait, and warns of what exceeds the intent TTLs.
    ///
    /// # Errors
    /// [`CacheError::NoAppLabel`], [`CacheError::AppLabel`], [`CacheError::NoBackend`] or
    /// [`CacheError::DuplicateBackend`]. For each entity of the program that is not [left out](Self::without):
    /// [`CacheError::UnknownBackend`], if it names a backend that is not there; [`CacheError::DuplicateModel`], if
    /// it has another's name; [`CacheError::UnsupportedColumn`], if a column has a type whose feature is not enabled.
    /// [`CacheError::UnknownTable`], if a [routine](Self::routine) writes a table that no entity has.
    pub fn build(self) -> Result<Autocache, CacheError> {
        let Self { database, app, database_id, settings, backends: given, entities, without, routines } =
            self;
        let app = app.ok_or(CacheError::NoAppLabel)?;
        if !key::is_label(&app) {
            return Err(CacheError::AppLabel(app));
        }
        crate::telemetry::describe();
        let backends = named(given)?;
        super::timeouts::check_in_background(&database, &settings);
        let catalog = ArcSwap::from_pointee(Catalog::default());
        let known = ByType::default();
        let mut inner =
            Inner { database, app, database_id, settings, backends, without, routines, known, catalog };
        let mut catalog = Catalog::default();
        for registration in Registration::all().copied().chain(entities) {
            catalog.add(&inner.make_region(registration.schema())?)?;
        }
        inner.routines.iter().try_for_each(|routine| routine.check(&catalog))?;
        inner.known = catalog.by_type().clone();
        inner.catalog.store(Arc::new(catalog));
        Ok(Autocache { inner: Shared::Counted(Arc::new(inner)) })
    }
}

fn named(given: Vec<(String, StoreHandle)>) -> Result<HashMap<String, Backend>, CacheError> {
    let mut backends = HashMap::new();
    for (name, store) in given {
        let backend = Backend::new(&name, store);
        if backends.insert(name.clone(), backend).is_some() {
            return Err(CacheError::DuplicateBackend(name));
        }
    }
    if backends.is_empty() { Err(CacheError::NoBackend) } else { Ok(backends) }
}
