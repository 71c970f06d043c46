//! What can go wrong in the cache itself.

use crate::store::StoreError;
use sea_orm::DbErr;
use thiserror::Error;

/// A failure of the cache. Reads and writes of a user fail with one only where there is no right
/// answer without the cache, or where [`Consistency::Strict`](crate::Consistency::Strict) says so.
///
/// SeaORM's calls answer with a [`DbErr`], in which this is a [`DbErr::Custom`] that begins with
/// `sea-orm-autocache: `. [`CacheErrorKind::of`] tells which one it is.
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
    #[error("no backend: an Autocache needs one, `.backend(\"default\", store)`")]
    NoBackend,
    /// Two backends of one name.
    #[error("duplicate backend: two are named `{0}`")]
    DuplicateBackend(String),
    /// An entity asks for a backend that is not there.
    #[error(
        "unknown backend: `{entity}` wants `{wanted}`; registered: {}. Register it, `.backend(\"{wanted}\", store)`, or \
         leave the entity out: `.without(Entity)`", registered.join(", ")
    )]
    UnknownBackend {
        /// The entity's model name.
        entity: String,
        /// Its `BACKEND`.
        wanted: &'static str,
        /// The names that are registered.
        registered: Vec<String>,
    },
    /// A routine is said to write a table that no cached entity has.
    #[error(
        "unknown table: `{table}`, which `.routine(\"{routine}\", …)` names, is the table of no cached entity"
    )]
    UnknownTable {
        /// The routine's name.
        routine: String,
        /// The table's.
        table: String,
    },
    /// An Autocache without an app label: two programs that share a store would read each other's rows.
    #[error("no app label: name the program and its database, `Autocache::builder(database).app(\"shop\")`")]
    NoAppLabel,
    /// Two entities of one program have one model name, and so would have the same keys.
    #[error(
        "duplicate model: two entities are named `{model}` (of the tables {}), and would share their keys. Give one \
         of them another `CachedEntity::model_name()`, or leave it out: `.without(Entity)`", tables.join(", ")
    )]
    DuplicateModel {
        /// The name.
        model: String,
        /// The tables of both.
        tables: [String; 2],
    },
    /// An app label that would make keys ambiguous.
    #[error("bad app label: `{0}` must not be empty and must not hold a `:`")]
    AppLabel(String),
    /// A column of a cached entity has a type that this build cannot cache.
    #[error("unsupported column: `{column}` of `{entity}` cannot be cached: {reason}")]
    UnsupportedColumn {
        /// The entity's model name.
        entity: String,
        /// The column.
        column: &'static str,
        /// Why, and what to do.
        reason: String,
    },
    /// A second [`install`](crate::Autocache::install).
    #[error("an Autocache is installed already: give tests and tenants theirs with `autocache.scope(…)`")]
    InstalledAlready,
    /// [`Consistency::Strict`](crate::Consistency::Strict): the write was not started, because the cache
    /// did not acknowledge its intent.
    #[error("not written: the cache did not acknowledge the write's intent: {0}")]
    NotWritten(StoreError),
    /// [`Consistency::Strict`](crate::Consistency::Strict): the write is committed, but other processes may read the
    /// older row until the queued invalidation is delivered.
    #[error("committed, but the cache is unconfirmed: {0}")]
    Unconfirmed(StoreError),
    /// [`UntrackedWrites::Refuse`](crate::UntrackedWrites::Refuse), or a write that was to be streamed: not
    /// sent.
    #[error(
        "not sent: `{table}` is cached, and this write runs no hooks. Call `.exec_cached(&db)` in place of \
         `.exec(&db)` (`update_many`, `delete_many`, `insert_many`, `insert`, `update`, `delete`, `delete_by_id`), \
         save or delete the models themselves, or write through a plain connection and `invalidate_many` the rows"
    )]
    UntrackedWrite {
        /// The table's name.
        table: String,
    },
    /// A text in a [`CachedTransaction`](crate::CachedTransaction) that would end it behind the cache's back:
    /// `COMMIT`, `ROLLBACK`, `BEGIN`, and on MySQL and MariaDB all that changes the schema.
    #[error(
        "not run: this statement would end the transaction, and the cache would not know what is committed. Call \
         `commit()` or `rollback()`, or run the statement outside of the transaction"
    )]
    EndsTransaction,
    /// A lookup by columns that have no index.
    #[error("no index: `{entity}` has no {}index on {}: add `{}` to its `CachedEntity::indexes()`", if *unique { "unique " } else { "" }, columns.join(", "), declaration(columns, *unique))]
    NoIndex {
        /// The entity's model name.
        entity: String,
        /// The columns.
        columns: Vec<String>,
        /// Whether one row was asked for.
        unique: bool,
    },
    /// A lookup by another number of values than columns.
    #[error("wrong number of values: `{entity}` was looked up by {} with {given}: give one for each column, as a tuple", columns.join(", "))]
    WrongValueCount {
        /// The entity's model name.
        entity: String,
        /// The columns.
        columns: Vec<String>,
        /// How many values there were.
        given: usize,
    },
    /// A lookup by a value that is no value of the column, or a foreign key of another type than the column it
    /// points to.
    #[error(
        "wrong type: the column `{column}` of `{entity}` holds {wanted}, which a value of {given} is not"
    )]
    WrongType {
        /// The entity's model name.
        entity: String,
        /// The column.
        column: String,
        /// The kind of the column's values, as SeaORM names it.
        wanted: String,
        /// The kind of the given value.
        given: String,
    },
    /// A relation leads by a table, such as a junction, that is of no cached entity.
    #[error(
        "not cached: `{table}` is the table of no cached entity: add `impl CachedEntity for Entity {{}}` and \
         `connect_signals!(ActiveModel);` to it"
    )]
    NotCached {
        /// The table's name.
        table: String,
    },
    /// A relation has a condition of its own (`on_condition`), which only the database can judge.
    #[error(
        "conditional relation: the one from `{from}` to `{to}` has a condition of its own: ask the database with \
         `find_related`"
    )]
    Conditional {
        /// The table it begins at.
        from: String,
        /// The table it leads to.
        to: String,
    },
    /// Relations that do not lead from the one entity to the other.
    #[error("relation mismatch: these relations do not lead from `{from}` to `{to}`")]
    RelationMismatch {
        /// The table of the models.
        from: String,
        /// The table of the rows that were asked for.
        to: String,
    },
    /// A call on the cache itself, such as an invalidation, could not be carried out.
    #[error("cache failure: {0}")]
    Store(#[from] StoreError),
}

macro_rules! kinds {
    ($($name:ident: $lead:literal,)*) => {
        /// The kinds of [`CacheError`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CacheErrorKind {
            $(
                #[doc = concat!("[`CacheError::", stringify!($name), "`]")]
                $name,
            )*
        }

        impl CacheErrorKind {
            /// What the messages of each kind begin with, and no others do.
            const LEADS: &[(&str, Self)] = &[$(($lead, Self::$name)),*];
        }
    };
}

kinds! {
    NoAutocache: "no Autocache here",
    NoBackend: "no backend:",
    DuplicateBackend: "duplicate backend:",
    UnknownBackend: "unknown backend:",
    UnknownTable: "unknown table:",
    NoAppLabel: "no app label:",
    DuplicateModel: "duplicate model:",
    AppLabel: "bad app label:",
    UnsupportedColumn: "unsupported column:",
    InstalledAlready: "an Autocache is installed already",
    NotWritten: "not written:",
    Unconfirmed: "committed, but the cache is unconfirmed:",
    UntrackedWrite: "not sent:",
    EndsTransaction: "not run:",
    NoIndex: "no index:",
    WrongValueCount: "wrong number of values:",
    WrongType: "wrong type:",
    NotCached: "not cached:",
    Conditional: "conditional relation:",
    RelationMismatch: "relation mismatch:",
    Store: "cache failure:",
}

const PREFIX: &str = "sea-orm-autocache: ";

impl CacheErrorKind {
    /// The kind of the cache's own failure inside a [`DbErr`], if that is what it is.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use sea_orm_autocache::{CacheError, CacheErrorKind};
    ///
    /// let error = DbErr::from(CacheError::NoAutocache);
    /// assert_eq!(CacheErrorKind::of(&error), Some(CacheErrorKind::NoAutocache));
    /// assert_eq!(CacheErrorKind::of(&DbErr::RecordNotUpdated), None);
    /// ```
    #[must_use]
    pub fn of(error: &DbErr) -> Option<Self> {
        let DbErr::Custom(text) = error else { return None };
        let text = text.strip_prefix(PREFIX)?;
        Self::LEADS.iter().find(|(lead, _)| text.starts_with(lead)).map(|(_, kind)| *kind)
    }
}

/// `DbErr` has one variant that carries a cause of another type, and its text says that a conversion failed. An
/// error of the cache is to read as one, so it is a text, and [`CacheErrorKind::of`] reads it back.
impl From<CacheError> for DbErr {
    fn from(error: CacheError) -> Self {
        Self::Custom(format!("{PREFIX}{error}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    #[test]
    fn every_error_is_known_again_inside_a_database_error() {
        let text = || "x".to_owned();
        let store = || StoreError::new(StoreErrorKind::Timeout, "no backend: not sent: ");
        let errors = [
            CacheError::NoAutocache,
            CacheError::NoBackend,
            CacheError::DuplicateBackend(text()),
            CacheError::UnknownBackend { entity: text(), wanted: "x", registered: vec![text()] },
            CacheError::UnknownTable { routine: text(), table: text() },
            CacheError::NoAppLabel,
            CacheError::DuplicateModel { model: text(), tables: [text(), text()] },
            CacheError::AppLabel(text()),
            CacheError::UnsupportedColumn { entity: text(), column: "x", reason: text() },
            CacheError::InstalledAlready,
            CacheError::NotWritten(store()),
            CacheError::Unconfirmed(store()),
            CacheError::UntrackedWrite { table: text() },
            CacheError::EndsTransaction,
            CacheError::NoIndex { entity: text(), columns: vec![text()], unique: true },
            CacheError::WrongValueCount { entity: text(), columns: vec![text()], given: 2 },
            CacheError::WrongType { entity: text(), column: text(), wanted: text(), given: text() },
            CacheError::NotCached { table: text() },
            CacheError::Conditional { from: text(), to: text() },
            CacheError::RelationMismatch { from: text(), to: text() },
            CacheError::Store(store()),
        ];
        assert_eq!(errors.len(), CacheErrorKind::LEADS.len());
        for (error, (_, kind)) in errors.into_iter().zip(CacheErrorKind::LEADS) {
            let name = format!("{error:?}");
            let error = DbErr::from(error);
            assert_eq!(CacheErrorKind::of(&error), Some(*kind), "{error}");
            assert!(name.starts_with(&format!("{kind:?}")), "{name} is no {kind:?}");
            assert!(error.to_string().starts_with("Custom Error: sea-orm-autocache: "), "{error}");
        }
        assert_eq!(CacheErrorKind::of(&DbErr::Custom("not written: by a user".to_owned())), None);
    }
}
