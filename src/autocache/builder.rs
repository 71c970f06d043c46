use super::{Autocache, Backend, Consistency, Hold, Inner, Regions, Settings, Unannounced};
use crate::error::CacheError;
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
        Self { database, app: APP_LABEL.to_owned(), settings, backends: Vec::new() }
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
    /// Known are the tables of entities that this process has used. Defaults to
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
        let Self { database, app, settings, backends: given } = self;
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
        let regions = ArcSwap::from_pointee(Regions::default());
        let inner = Inner { database, app, settings, backends, regions };
        Ok(Autocache { inner: Hold::Counted(Arc::new(inner)) })
    }
}
