//! How a statement runs on a connection of the cache: between what the guard does before and after it.
//!
//! Connections are generic over what they wrap, and programs compile their methods. All that can be said without
//! the type is here.

use super::guard::Guarded;
use super::written::only_reads;
use crate::autocache::Autocache;
use crate::executor::Executor;
use crate::sql;
use crate::write::UnitOfWork;
use futures_util::future::BoxFuture;
use sea_orm::{DbBackend, DbErr, ExecResult, QueryResult, Statement};

/// A connection of the cache, without its type.
pub(super) trait Watched: Sync {
    fn inner(&self) -> &dyn Executor;

    fn autocache(&self) -> &Autocache;

    /// `None`: statements commit by themselves.
    fn work(&self) -> Option<&UnitOfWork>;
}

/// What a statement answers.
type Answer<'a, T> = BoxFuture<'a, Result<T, DbErr>>;

/// Runs a statement by its text, or by the future of a typed call.
pub(super) fn execute<'a>(
    db: &'a dyn Watched,
    statement: Statement,
    typed: Option<Answer<'a, ExecResult>>,
) -> Answer<'a, ExecResult> {
    Box::pin(async move {
        let guarded = before(db, &statement).await?;
        answered(db, guarded, typed.unwrap_or_else(|| db.inner().execute_text(statement))).await
    })
}

/// As [`execute`], for one row.
pub(super) fn query_one<'a>(
    db: &'a dyn Watched,
    statement: Statement,
    typed: Option<Answer<'a, Option<QueryResult>>>,
) -> Answer<'a, Option<QueryResult>> {
    Box::pin(async move {
        let guarded = before(db, &statement).await?;
        answered(db, guarded, typed.unwrap_or_else(|| db.inner().one_of_text(statement))).await
    })
}

/// As [`execute`], for all rows.
pub(super) fn query_all<'a>(
    db: &'a dyn Watched,
    statement: Statement,
    typed: Option<Answer<'a, Vec<QueryResult>>>,
) -> Answer<'a, Vec<QueryResult>> {
    Box::pin(async move {
        let guarded = before(db, &statement).await?;
        answered(db, guarded, typed.unwrap_or_else(|| db.inner().all_of_text(statement))).await
    })
}

/// Runs a text that is not prepared.
pub(super) fn execute_unprepared<'a>(db: &'a dyn Watched, sql: &'a str) -> Answer<'a, ExecResult> {
    Box::pin(async move {
        let guarded = before(db, &Statement::from_string(db.inner().dialect(), sql)).await?;
        answered(db, guarded, db.inner().execute_unprepared_text(sql)).await
    })
}

/// Whether the statement only reads. A transaction whose session it changes reads from the database from then on: the
/// cache holds what the pool sees.
pub(super) fn is_read(autocache: &Autocache, work: Option<&UnitOfWork>, statement: &Statement) -> bool {
    let reads = only_reads(autocache, statement);
    if let Some(work) = work.filter(|_| reads && sql::sets_session(statement)) {
        work.note_write();
    }
    reads
}

/// What the guard does before the statement.
async fn before(db: &dyn Watched, statement: &Statement) -> Result<Guarded, DbErr> {
    if is_read(db.autocache(), db.work(), statement) {
        return Ok(Guarded::default());
    }
    let has_regions = db.autocache().has_regions();
    match db.work() {
        None if has_regions => Guarded::before(db.autocache(), statement).await,
        None => Ok(Guarded::default()),
        Some(work) => {
            work.note_write();
            match has_regions {
                true => Guarded::recorded(db.autocache(), work, statement),
                false => Ok(Guarded::default()),
            }
        }
    }
}

/// A statement of a transaction, until all is known that it has changed. One that fails, or that is given up, makes
/// every row of the transaction uncertain.
struct Running<'a> {
    work: &'a UnitOfWork,
    guarded: &'a Guarded,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.work.note_failure();
            self.guarded.unseen(self.work);
        }
    }
}

/// Waits for the answer, and does what the guard does after it. A statement that the database has refused outside of
/// a transaction is over, and its rows may be cached again at once.
async fn answered<T>(db: &dyn Watched, guarded: Guarded, answer: Answer<'_, T>) -> Result<T, DbErr> {
    if let Some(work) = db.work() {
        let mut running = Running { work, guarded: &guarded, done: false };
        let result = answer.await;
        if result.is_ok() {
            guarded.happened(work, db.inner()).await;
            running.done = true;
        }
        return result;
    }
    let result = answer.await;
    match &result {
        _ if guarded.is_nothing() => {}
        Ok(_) => guarded.succeeded(db.autocache(), db.inner()).await?,
        Err(error) => guarded.failed(db.autocache(), db.inner(), was_refused(error)).await,
    }
    result
}

/// Whether the database itself has answered with an error, and lives on: the statement is over.
/// The drivers' types are features of other crates, so the text of their errors must do.
fn was_refused(error: &DbErr) -> bool {
    let text = error.to_string();
    text.contains("error returned from database") && !text.contains("terminating connection")
}

/// Whether a single statement has certainly changed nothing. Postgres alone undoes all of it, whatever the table is.
pub(crate) fn was_undone(error: &DbErr, dialect: DbBackend) -> bool {
    dialect == DbBackend::Postgres && was_refused(error)
}
