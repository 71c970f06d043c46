//! The three kinds of statements, and how they are run.

use super::ledger::Ledger;
use super::site::Site;
use super::{Done, Target, Want, delete, insert, update};
use crate::autocache::Autocache;
use crate::executor::{Executor, WriteStatement};
use crate::sql;
use crate::write::UnitOfWork;
use futures_util::future::BoxFuture;
use sea_orm::sea_query::Expr;
use sea_orm::{DbBackend, DbErr, Statement};

fn build(write: &WriteStatement, dialect: DbBackend) -> Statement {
    match write {
        WriteStatement::Insert(insert) => dialect.build(insert),
        // Without a value it is no SQL, and its rows could not be read from it.
        WriteStatement::Update(update) if update.get_values().is_empty() => {
            let mut update = update.clone();
            update.value("x", Expr::cust("1"));
            dialect.build(&update)
        }
        WriteStatement::Update(update) => dialect.build(update),
        WriteStatement::Delete(delete) => dialect.build(delete),
    }
}

/// Whether there is no statement to send.
pub(super) fn is_nothing(write: &WriteStatement, dialect: DbBackend) -> bool {
    match write {
        WriteStatement::Insert(insert) => {
            let built = dialect.build(insert);
            let mentions = |word: &&str| sql::mentions(&built.sql, word);
            built.values.is_none_or(|values| values.0.is_empty())
                && !["VALUES", "SELECT", "DEFAULT", "TABLE"].iter().any(mentions)
        }
        WriteStatement::Update(update) => update.get_values().is_empty(),
        WriteStatement::Delete(_) => false,
    }
}

/// Whether neither the entity nor what depends on its rows is cached.
pub(super) fn is_uncached(autocache: &Autocache, target: Target) -> Result<bool, DbErr> {
    let keyspace = &autocache.region(target.id, target.ops)?.keyspace;
    Ok(keyspace.is_off() && autocache.children_of(keyspace.table()).is_empty())
}

/// One that fails, or that is given up, makes every row of the transaction uncertain.
struct Running<'w> {
    work: &'w UnitOfWork,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.work.note_failure();
        }
    }
}

/// Runs the write in a transaction and records what it has changed.
pub(super) fn run<'a>(
    db: &'a dyn Executor,
    autocache: &'a Autocache,
    work: &'a UnitOfWork,
    write: WriteStatement,
    want: Want,
    target: Target,
) -> BoxFuture<'a, Result<Done, DbErr>> {
    Box::pin(async move {
        work.note_write();
        let mut running = Running { work, done: false };
        let done = dispatch(db, autocache, work, write, want, target).await;
        running.done = done.is_ok();
        done
    })
}

async fn dispatch(
    db: &dyn Executor,
    autocache: &Autocache,
    work: &UnitOfWork,
    write: WriteStatement,
    want: Want,
    target: Target,
) -> Result<Done, DbErr> {
    if want == Want::Count && is_uncached(autocache, target)? {
        return Ok(Done { affected: db.execute(&write).await?.rows_affected(), rows: None });
    }
    let keyspace = autocache.region(target.id, target.ops)?.keyspace.clone();
    let dialect = db.dialect();
    let returns = match dialect {
        DbBackend::Postgres => true,
        // SeaORM can be configured for a MariaDB that returns rows, but sends no such statement.
        DbBackend::MySql => false,
        _ => db.returns_rows(),
    };
    let built = build(&write, dialect);
    let ledger = Ledger::of(autocache, work, &keyspace, &built);
    let site = Site { db, autocache, keyspace, dialect, returns, want, built };
    match write {
        WriteStatement::Insert(insert) if site.begins("INSERT INTO ") => {
            insert::run(&site, WriteStatement::Insert(insert), ledger).await
        }
        WriteStatement::Update(update) if site.begins("UPDATE ") => update::run(&site, update, ledger).await,
        WriteStatement::Delete(delete) if site.begins("DELETE ") => delete::run(&site, delete, ledger).await,
        // Something comes first that may write as well.
        other => site.in_doubt(other, ledger).await,
    }
}
