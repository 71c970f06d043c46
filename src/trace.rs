//! Spans with the attributes of OpenTelemetry's conventions for databases, where the feature `tracing-spans` is on.
//! Where it is off a future is given back as it came.

#[cfg(feature = "tracing-spans")]
use crate::telemetry::TARGET;
use sea_orm::DbBackend;
#[cfg(feature = "tracing-spans")]
use sea_orm::DbErr;
use std::future::Future;

/// What a span is about.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing-spans"), allow(dead_code))]
pub(crate) struct Subject<'a> {
    /// `db.system.name`: what is asked, in the words of OpenTelemetry.
    pub(crate) system: &'a str,
    /// `db.operation.name`.
    pub(crate) operation: &'a str,
    /// `db.collection.name`: the table; empty if there are several.
    pub(crate) table: &'a str,
    /// `db.operation.batch.size`; 0: no batch.
    pub(crate) batch: usize,
}

/// A database, in the words of OpenTelemetry.
pub(crate) fn system_of(database: DbBackend) -> &'static str {
    match database {
        DbBackend::Postgres => "postgresql",
        DbBackend::MySql => "mysql",
        DbBackend::Sqlite => "sqlite",
        _ => "other_sql",
    }
}

/// The spans of this crate, beside `autocache.load`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A read of one row that asks the store.
    Read,
    /// A read of several rows that asks the store.
    ReadMany,
    /// A read of lists that asks the store.
    List,
    /// The end of a save or delete outside of a transaction.
    Finish,
    /// A commit.
    Commit,
    /// A bulk write.
    Bulk,
}

#[cfg(feature = "tracing-spans")]
pub(crate) fn spanned<T, F>(
    kind: Kind,
    subject: Subject<'_>,
    future: F,
) -> impl Future<Output = Result<T, DbErr>> + use<T, F>
where
    F: Future<Output = Result<T, DbErr>>,
{
    use futures_util::FutureExt;
    use tracing::Instrument;
    future.inspect(note_error).instrument(span(kind, subject))
}

#[cfg(not(feature = "tracing-spans"))]
#[inline]
pub(crate) fn spanned<F: Future>(_: Kind, _: Subject<'_>, future: F) -> F {
    future
}

/// How a read was answered, said by the span that is current if it is of one row.
#[inline]
pub(crate) fn note_outcome(outcome: &'static str) {
    #[cfg(feature = "tracing-spans")]
    tracing::Span::current().record("autocache.outcome", outcome);
    #[cfg(not(feature = "tracing-spans"))]
    let _ = outcome;
}

#[cfg(feature = "tracing-spans")]
fn span(kind: Kind, subject: Subject<'_>) -> tracing::Span {
    use tracing::Level;
    use tracing::field::Empty;
    let Subject { system, operation, table, batch } = subject;
    macro_rules! span {
        ($level:ident, $name:literal $(, $field:literal = $value:expr)*) => {
            tracing::span!(
                target: TARGET, Level::$level, $name,
                "otel.kind" = "client", "db.system.name" = system, "db.operation.name" = operation,
                "db.collection.name" = Some(table).filter(|table| !table.is_empty()),
                "db.operation.batch.size" = Some(batch).filter(|batch| *batch > 0),
                "error.type" = Empty, $($field = $value),*
            )
        };
    }
    match kind {
        Kind::Read => span!(DEBUG, "autocache.read", "autocache.outcome" = Empty),
        Kind::ReadMany => span!(DEBUG, "autocache.read"),
        Kind::List => span!(DEBUG, "autocache.list"),
        Kind::Finish => span!(DEBUG, "autocache.finish"),
        Kind::Commit => span!(INFO, "autocache.commit"),
        Kind::Bulk => span!(INFO, "autocache.bulk"),
    }
}

/// Says of the span that is current what kind of error has ended it: the variant's name, which holds no values.
#[cfg(feature = "tracing-spans")]
fn note_error<T>(result: &Result<T, DbErr>) {
    use crate::error::CacheErrorKind;
    let Err(error) = result else { return };
    let span = tracing::Span::current();
    if let Some(kind) = CacheErrorKind::of(error) {
        span.record("error.type", tracing::field::debug(kind));
        return;
    }
    let kind = match error {
        DbErr::ConnectionAcquire(_) => "ConnectionAcquire",
        DbErr::Conn(_) => "Conn",
        DbErr::Exec(_) => "Exec",
        DbErr::Query(_) => "Query",
        DbErr::RecordNotFound(_) => "RecordNotFound",
        DbErr::RecordNotInserted => "RecordNotInserted",
        DbErr::RecordNotUpdated => "RecordNotUpdated",
        _ => "_OTHER",
    };
    span.record("error.type", kind);
}
