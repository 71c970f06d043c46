//! The three kinds of statements, and how they are run.

use super::ledger::Ledger;
use super::{Done, Target, Want, delete, insert, update};
use crate::autocache::Autocache;
use crate::entity::{Row, Schema};
use crate::executor::{Executor, WriteStatement};
use crate::keyspace::Keyspace;
use crate::read::SELECT_KEYS_MAX;
use crate::sql::{self, Rows};
use crate::write::UnitOfWork;
use sea_orm::sea_query::{Expr, Query, SelectStatement, Value, ValueTuple};
use sea_orm::{DbBackend, DbErr, Statement};
use std::sync::Arc;

/// Values of one statement beyond which its rows are not named in it: well below every database's limit.
const WRITE_VALUES_MAX: usize = 30_000;

fn build(write: &WriteStatement, dialect: DbBackend) -> Statement {
    match write {
        WriteStatement::Insert(insert) => dialect.build(insert),
        WriteStatement::Update(update) => dialect.build(update),
        WriteStatement::Delete(delete) => dialect.build(delete),
    }
}

/// Whether there is no statement to send.
pub(super) fn is_nothing(write: &WriteStatement, dialect: DbBackend) -> bool {
    match write {
        WriteStatement::Insert(insert) => sql::is_empty_insert(&dialect.build(insert)),
        WriteStatement::Update(update) => update.get_values().is_empty(),
        WriteStatement::Delete(_) => false,
    }
}

/// Where a bulk write runs: past the guard, in a transaction whose unit of work records it.
pub(super) struct Site<'a> {
    pub(super) db: &'a dyn Executor,
    pub(super) autocache: &'a Autocache,
    pub(super) keyspace: Arc<Keyspace>,
    pub(super) dialect: DbBackend,
    /// Whether the database returns the rows that a statement has written.
    pub(super) returns: bool,
    pub(super) want: Want,
    /// The statement's text and values.
    pub(super) built: Statement,
}

/// Whether neither the entity nor what depends on its rows is cached.
pub(super) fn is_uncached(autocache: &Autocache, target: Target) -> Result<bool, DbErr> {
    let keyspace = &autocache.region(target.id, target.ops)?.keyspace;
    Ok(keyspace.is_off() && autocache.children_of(keyspace.table()).is_empty())
}

/// Runs the write in a transaction and records what it has changed.
pub(super) async fn run(
    db: &dyn Executor,
    autocache: &Autocache,
    work: &UnitOfWork,
    write: WriteStatement,
    want: Want,
    target: Target,
) -> Result<Done, DbErr> {
    work.note_write();
    let done = dispatch(db, autocache, work, write, want, target).await;
    if done.is_err() {
        work.note_failure();
    }
    done
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

impl Site<'_> {
    pub(super) fn schema(&self) -> &Schema {
        &self.keyspace.schema
    }

    fn begins(&self, verb: &str) -> bool {
        self.built.sql.starts_with(verb)
    }

    /// Runs a statement whose rows cannot be known beforehand.
    pub(super) async fn in_doubt(
        &self,
        write: WriteStatement,
        mut ledger: Ledger<'_>,
    ) -> Result<Done, DbErr> {
        if self.want == Want::Count {
            let affected = ledger.during(self.db.execute(&write)).await?.rows_affected();
            return Ok(Done { affected, rows: None });
        }
        if !self.returns {
            let ctx = "RETURNING of rows that the statement does not name";
            return Err(DbErr::BackendNotSupported { db: self.dialect.as_str(), ctx });
        }
        Ok(Done::of(ledger.during(self.returned(write)).await?))
    }

    /// Runs the statement and answers with the rows that the database returns.
    pub(super) async fn returned(&self, mut write: WriteStatement) -> Result<Vec<Row>, DbErr> {
        let columns = self.schema().columns.iter().map(|column| column.returning.clone());
        let clause = Query::returning().exprs(columns);
        match &mut write {
            WriteStatement::Insert(insert) => _ = insert.returning(clause),
            WriteStatement::Update(update) => _ = update.returning(clause),
            WriteStatement::Delete(delete) => _ = delete.returning(clause),
        }
        let found = self.db.returning(&write).await?;
        found.iter().map(|row| self.schema().ops.read(row)).collect()
    }

    /// The condition for the rows with one of these keys.
    pub(super) fn is_one_of(&self, pks: &[ValueTuple]) -> sea_orm::Condition {
        let values: Vec<Vec<Value>> = pks.iter().map(|pk| pk.clone().into_iter().collect()).collect();
        self.schema().is_one_of(&self.schema().pk, values.iter().map(Vec::as_slice))
    }

    /// The rows that an `UPDATE` or `DELETE` is about, locked; `None` if only the database can tell, or if
    /// they are too many to be named.
    pub(super) async fn concerned(&self) -> Result<Option<Vec<Row>>, DbErr> {
        let mut select = self.schema().select.clone();
        match Rows::of(&self.built, self.schema().table) {
            Some(Rows::All) => {}
            Some(Rows::Where(condition)) => _ = select.and_where(Expr::from(condition)),
            None => return Ok(None),
        }
        let rows = self.locked(select).await?;
        let own = self.built.values.as_ref().map_or(0, |values| values.0.len());
        let named = rows.len() * self.schema().pk.len();
        Ok((own + named <= WRITE_VALUES_MAX).then_some(rows))
    }

    /// The rows with these keys as this transaction has left them, locked.
    pub(super) async fn reread(&self, pks: &[ValueTuple]) -> Result<Vec<Row>, DbErr> {
        let mut rows = Vec::with_capacity(pks.len());
        for pks in pks.chunks(SELECT_KEYS_MAX) {
            let mut select = self.schema().select.clone();
            select.cond_where(self.is_one_of(pks));
            rows.extend(self.locked(select).await?);
        }
        Ok(rows)
    }

    async fn locked(&self, mut select: SelectStatement) -> Result<Vec<Row>, DbErr> {
        select.lock_exclusive();
        self.db.select(&select).await?.iter().map(|found| self.schema().ops.read(found)).collect()
    }

    pub(super) fn keys_of(&self, rows: &[Row]) -> Vec<ValueTuple> {
        rows.iter().map(|row| self.schema().pk_of(&**row)).collect()
    }
}
