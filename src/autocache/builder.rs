use super::catalog::Catalog;
use super::shelf::Shelf;
use super::{Autocache, Backend, Consistency, Hold, Inner, Settings, Unannounced};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use crate::registry::{self, Registration};
use crate::store::{Held, Store};
use arc_swap::ArcSwap;
use sea_orm::DatabaseConnection;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3_600);
const HOLD: Duration = Duration::from_secs(10);
const TRANSACTION_HOLD: Duration = Duration::from_secs(30);
const MAX_ENTRY_BYTES: usize = 1024 * 1024;
const APP_LABEL: &str = "app";

/// Settings of an [`Autocache`].
#[must_use]
#[derive(Debug)]
pub struct AutocacheBuilder {
    database: DatabaseConnection,
    app: String,
    settings: Settings,
    backends: Vec<(String, Held)>,
    entities: Vec<Registration>,
}

impl AutocacheBuilder {
    pub(super) fn new(database: DatabaseConnection) -> Self {
        let settings = Settings {
            timeout: TIMEOUT,
            tombstone_timeout: None,
            consistency: Consistency::default(),
            hold: HOLD,
            transaction_hold: TRANSACTION_HOLD,
            max_entry_bytes: MAX_ENTRY_BYTES,
            unannounced: Unannounced::default(),
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
        self.backends.push((name.into(), Held::of(store)));
        self
    }

    /// Makes an entity known that calls the signals in hooks of its own. Those of
    /// [`connect_signals!`](crate::connect_signals) are known by themselves, and so is every entity that
    /// was used. What is not known is not followed: as a junction of two others, as what a delete takes
    /// along, as what an unannounced statement writes to.
    pub fn entity<E: CachedEntity>(mut self, _: E) -> Self {
        self.entities.push(Registration::of::<E>());
        self
    }

    /// How long rows stay cached, where the entity does not say. Defaults to one hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long absences are remembered, where the entity does not say. Defaults to the timeout of rows.
    pub fn tombstone_timeout(mut self, timeout: Duration) -> Self {
        self.settings.tombstone_timeout = Some(timeout);
        self
    }

    /// What happens when the cache cannot be reached. Defaults to [`Consistency::Available`].
    pub fn consistency(mut self, consistency: Consistency) -> Self {
        self.settings.consistency = consistency;
        self
    }

    /// How long a write may take from its announcement to its commit; for so long readers go to the
    /// database when a writer dies. Must exceed the database's own limit on a statement or COMMIT.
    /// Defaults to 10 seconds.
    pub fn hold(mut self, hold: Duration) -> Self {
        self.settings.hold = hold;
        self
    }

    /// How long readers go to the database after a write in a plain `DatabaseTransaction`, whose commit
    /// cannot be seen. Must exceed the longest such transaction. Defaults to 30 seconds.
    pub fn transaction_hold(mut self, hold: Duration) -> Self {
        self.settings.transaction_hold = hold;
        self
    }

    /// Rows whose entry would be larger are not cached. Defaults to 1 MiB.
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_entry_bytes = bytes;
        self
    }

    /// What happens to writes of cached tables through our connections that no signal has announced.
    /// Defaults to
    /// [`Unannounced::Invalidate`].
    pub fn unannounced(mut self, policy: Unannounced) -> Self {
        self.settings.unannounced = policy;
        self
    }

    /// Makes the Autocache. Inside a tokio runtime, a task then asks Postgres or MySQL how long it lets
    /// statements and locks wait, and warns of what exceeds the holds.
    ///
    /// # Errors
    /// [`CacheError::NoBackend`], [`CacheError::BackendTwice`] or [`CacheError::AppLabel`].
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
            let backend = Arc::new(Backend::new(&name, store));
            if backends.insert(name.clone(), backend).is_some() {
                return Err(CacheError::BackendTwice(name));
            }
        }
        super::timeouts::check_in_background(&database, &settings);
        let regions = ArcSwap::from_pointee(Catalog::default());
        let inner = Inner { database, app, settings, backends, regions, shelf: Shelf::new() };
        let autocache = Autocache { inner: Hold::Counted(Arc::new(inner)) };
        registry::register_all(&autocache);
        entities.iter().for_each(|registration| registration.register(&autocache));
        Ok(autocache)
    }
}
