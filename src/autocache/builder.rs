use super::catalog::{ByType, Catalog};
use super::{Autocache, Inner, Shared};
use crate::backend::Backend;
use crate::entity::{CachedEntity, Registration};
use crate::error::CacheError;
use crate::settings::{Consistency, Settings, UntrackedWrites};
use crate::store::{Store, StoreHandle};
use arc_swap::ArcSwap;
use sea_orm::DatabaseConnection;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(3_600);
const INTENT_TTL: Duration = Duration::from_secs(10);
const TRANSACTION_INTENT_TTL: Duration = Duration::from_secs(30);
const MAX_ENTRY_BYTES: usize = 1024 * 1024;
const APP_LABEL: &str = "app";

/// Settings of an [`Autocache`].
#[must_use]
#[derive(Debug)]
pub struct AutocacheBuilder {
    database: DatabaseConnection,
    app: String,
    settings: Settings,
    backends: Vec<(String, StoreHandle)>,
    entities: Vec<Registration>,
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
        };
        Self { database, app: APP_LABEL.to_owned(), settings, backends: Vec::new(), entities: Vec::new() }
    }

    /// The first part of every key. Defaults to `app`.
    pub fn app(mut self, label: impl Into<String>) -> Self {
        self.app = label.into();
        self
    }

    /// A place to keep entries. Entities name theirs with `BACKEND`, which is `default` unless they
    /// say otherwise. At least one is needed.
    pub fn backend(mut self, name: impl Into<String>, store: impl Store) -> Self {
        self.backends.push((name.into(), StoreHandle::of(store)));
        self
    }

    /// Registers an entity with hand-written hooks. Those of [`connect_signals!`](crate::connect_signals) are
    /// registered already, and an entity that was used is, too. Unregistered entities are ignored in cascades,
    /// junctions and the detection of untracked writes.
    pub fn entity<E: CachedEntity>(mut self, _: E) -> Self {
        self.entities.push(Registration::of::<E>());
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
    /// [`CacheError::NoBackend`], [`CacheError::DuplicateBackend`] or [`CacheError::AppLabel`].
    /// [`CacheError::UnsupportedColumn`], if a column of a cached entity has a type whose feature is not
    /// enabled.
    pub fn build(self) -> Result<Autocache, CacheError> {
        let Self { database, app, settings, backends: given, entities } = self;
        if app.is_empty() || app.contains(':') {
            return Err(CacheError::AppLabel(app));
        }
        if given.is_empty() {
            return Err(CacheError::NoBackend);
        }
        let mut backends = HashMap::new();
        for (name, store) in given {
            let backend = Backend::new(&name, store);
            if backends.insert(name.clone(), backend).is_some() {
                return Err(CacheError::DuplicateBackend(name));
            }
        }
        super::timeouts::check_in_background(&database, &settings);
        let catalog = ArcSwap::from_pointee(Catalog::default());
        let mut inner = Inner { database, app, settings, backends, known: ByType::default(), catalog };
        let mut catalog = Catalog::default();
        for registration in Registration::all().copied().chain(entities) {
            match inner.make_region(registration.schema()) {
                Ok(region) => catalog.add(&region),
                // Programs have several Autocaches, with some entities each: it is an error when it is used.
                Err(CacheError::UnknownBackend { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        inner.known = catalog.by_type().clone();
        inner.catalog.store(Arc::new(catalog));
        Ok(Autocache { inner: Shared::Counted(Arc::new(inner)) })
    }
}
