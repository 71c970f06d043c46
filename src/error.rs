//! What can go wrong in the cache itself.

use crate::store::StoreError;
use sea_orm::DbErr;
use std::sync::Arc;
use thiserror::Error;

/// A failure of the cache. Reads and writes of a user fail with one only where there is no right
/// answer without the cache, or where [`Consistency::Strict`](crate::Consistency::Strict) says so.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheError {
    /// `Entity::cache()` outside of any [`Autocache`](crate::Autocache).
    #[error(
        "no Autocache here: call `autocache.install()` once at start, run this inside \
         `autocache.scope(…)`, or ask `autocache.cache::<Entity>()`"
    )]
    NoAutocache,
    /// An Autocache without any backend.
    #[error("an Autocache needs a backend: `.backend(\"default\", store)`")]
    NoBackend,
    /// Two backends of one name.
    #[error("two backends are named `{0}`")]
    BackendTwice(String),
    /// An entity asks for a backend that is not there.
    #[error("`{entity}` wants the backend `{wanted}`; registered: {}", registered.join(", "))]
    UnknownBackend {
        /// The entity's model name.
        entity: String,
        /// Its `BACKEND`.
        wanted: &'static str,
        /// The names that are registered.
        registered: Vec<String>,
    },
    /// An app label that would make keys ambiguous.
    #[error("the app label `{0}` must not be empty and must not hold a `:`")]
    AppLabel(String),
    /// A second [`install`](crate::Autocache::install).
    #[error("an Autocache is installed already; give tests and tenants theirs with `autocache.scope(…)`")]
    InstalledAlready,
    /// [`Consistency::Strict`](crate::Consistency::Strict): the write was not begun, because the cache
    /// could not be told of it.
    #[error("not written: the cache could not be told before the write: {0}")]
    NotAnnounced(StoreError),
    /// [`Consistency::Strict`](crate::Consistency::Strict): the write is committed, but the cache may
    /// answer with the older row for at most the hold.
    #[error("committed, cache unconfirmed: {0}")]
    Unconfirmed(StoreError),
    /// [`Unannounced::Refuse`](crate::Unannounced::Refuse), or a write that was to be streamed: not sent.
    #[error(
        "not sent: `{table}` is cached, and nobody has announced this write. Call `.exec_cached(&db)` in place of \
         `.exec(&db)` (`update_many`, `delete_many`, `insert_many`, `insert`, `update`, `delete`, `delete_by_id`), \
         save or delete the models themselves, or write through a plain connection and `invalidate_many` the rows"
    )]
    Unannounced {
        /// The table's name.
        table: String,
    },
    /// A lookup by columns that have no index.
    #[error("`{entity}` has no {}index on {}: add `{}` to its `CachedEntity::indexes()`", if *unique { "unique " } else { "" }, columns.join(", "), declaration(columns, *unique))]
    NoIndex {
        /// The entity's model name.
        entity: String,
        /// The columns.
        columns: Vec<String>,
        /// Whether one row was asked for.
        unique: bool,
    },
    /// A lookup by another number of values than columns.
    #[error("`{entity}` was looked up by {} with {given} value(s): give one for each column, as a tuple", columns.join(", "))]
    Values {
        /// The entity's model name.
        entity: String,
        /// The columns.
        columns: Vec<String>,
        /// How many values there were.
        given: usize,
    },
    /// A relation leads by a table, such as a junction, that is of no cached entity.
    #[error(
        "`{table}` is the table of no cached entity: add `impl CachedEntity for Entity {{}}` and          `connect_signals!(ActiveModel);` to it (with hooks of its own: name it with `.entity(…)` of the          builder)"
    )]
    NotCached {
        /// The table's name.
        table: String,
    },
    /// A relation has a condition of its own (`on_condition`), which only the database can judge.
    #[error(
        "the relation from `{from}` to `{to}` has a condition of its own: ask the database with `find_related`"
    )]
    Conditional {
        /// The table it begins at.
        from: String,
        /// The table it leads to.
        to: String,
    },
    /// Relations that do not lead from the one entity to the other.
    #[error("these relations do not lead from `{from}` to `{to}`")]
    Astray {
        /// The table of the models.
        from: String,
        /// The table of the rows that were asked for.
        to: String,
    },
    /// A call on the cache itself, such as an invalidation, could not be carried out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CacheError {
    /// The cache's own failure inside a [`DbErr`], if that is what it is.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use sea_orm_autocache::CacheError;
    ///
    /// let error = DbErr::from(CacheError::NoAutocache);
    /// assert_eq!(CacheError::of(&error), Some(&CacheError::NoAutocache));
    /// assert_eq!(CacheError::of(&DbErr::RecordNotUpdated), None);
    /// ```
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

/// The one variant of `DbErr` that carries a typed cause.
impl From<CacheError> for DbErr {
    fn from(error: CacheError) -> Self {
        Self::TryIntoErr { from: "cache", into: "model", source: Arc::new(error) }
    }
}

/// What an index on these columns is declared with.
fn declaration(columns: &[String], unique: bool) -> String {
    let variant = |name: &String| {
        let capital = |word: &str| match word.split_at_checked(1) {
            Some((first, rest)) => first.to_uppercase() + rest,
            None => String::new(),
        };
        format!("Column::{}", name.split('_').map(capital).collect::<String>())
    };
    let columns: Vec<String> = columns.iter().map(variant).collect();
    format!("Index::{}([{}])", if unique { "unique" } else { "many" }, columns.join(", "))
}
