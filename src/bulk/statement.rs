//! The three kinds of statements, and how they are run.

use super::ledger::Ledger;
use super::text::{self, Rows};
use super::{Done, Want, delete, insert, update};
use crate::autocache::{Autocache, Region};
use crate::connection::UnitOfWork;
use crate::controller::{SELECT_KEYS_MAX, is_one_of};
use crate::entity::CachedEntity;
use sea_orm::sea_query::{DeleteStatement, InsertStatement, UpdateStatement};
use sea_orm::sea_query::{Query, ReturningClause, ValueTuple};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, FromQueryResult, Iterable, ModelTrait};
use sea_orm::{QueryFilter, QuerySelect, Statement, StatementBuilder};
use std::sync::Arc;

/// Values of one statement beyond which its rows are not named in it: well below every database's limit.
const WRITE_VALUES_MAX: usize = 30_000;

/// A bulk write, whatever builder it is from.
#[derive(Clone, Debug)]
pub enum Write {
    Insert(InsertStatement),
    Update(UpdateStatement),
    Delete(DeleteStatement),
}

/// A statement that can be told what to return.
pub(super) trait Bulk: StatementBuilder + Send {
    fn return_rows(&mut self, clause: ReturningClause);
}

macro_rules! bulk {
    ($($statement:ident)*) => {
        $(impl Bulk for $statement {
            fn return_rows(&mut self, clause: ReturningClause) {
                self.returning(clause);
            }
        })*
    };
}

bulk!(InsertStatement UpdateStatement DeleteStatement);

impl Write {
    fn build(&self, dialect: DbBackend) -> Statement {
        match self {
            Self::Insert(insert) => dialect.build(insert),
            Self::Update(update) => dialect.build(update),
            Self::Delete(delete) => dialect.build(delete),
        }
    }

    /// Whether there is no statement to send.
    pub(super) fn is_nothing(&self, dialect: DbBackend) -> bool {
        match self {
            Self::Insert(insert) => text::is_empty_insert(&dialect.build(insert)),
            Self::Update(update) => update.get_values().is_empty(),
            Self::Delete(_) => false,
        }
    }

    /// Runs the statement as it is, where no cache has to do with it.
    pub(super) async fn execute<C: ConnectionTrait>(&self, db: &C) -> Result<u64, DbErr> {
        let result = match self {
            Self::Insert(insert) => db.execute(insert).await,
            Self::Update(update) => db.execute(update).await,
            Self::Delete(delete) => db.execute(delete).await,
        };
        Ok(result?.rows_affected())
    }
}

/// Where a bulk write runs: past the guard, in a transaction whose unit of work is told of it.
pub(super) struct Site<'a, C> {
    pub(super) db: &'a C,
    pub(super) region: Arc<Region>,
    pub(super) dialect: DbBackend,
    /// Whether the database returns the rows that a statement has written.
    pub(super) returns: bool,
    pub(super) want: Want,
    /// The statement's text and values.
    pub(super) built: Statement,
}

/// Whether neither the entity nor what depends on its rows is cached.
pub(super) fn is_uncached<E: CachedEntity>(autocache: &Autocache) -> Result<bool, DbErr> {
    let region = autocache.region::<E>()?;
    Ok(region.is_off() && autocache.children_of(&region.table).is_empty())
}

/// Runs the write in a transaction and records what it has changed.
pub(super) async fn run<E: CachedEntity, C: ConnectionTrait>(
    db: &C,
    work: &UnitOfWork,
    write: Write,
    want: Want,
) -> Result<Done<E>, DbErr> {
    work.note_write();
    let done = dispatch::<E, C>(db, work, write, want).await;
    if done.is_err() {
        work.note_failure();
    }
    done
}

async fn dispatch<E: CachedEntity, C: ConnectionTrait>(
    db: &C,
    work: &UnitOfWork,
    write: Write,
    want: Want,
) -> Result<Done<E>, DbErr> {
    if want == Want::Count && is_uncached::<E>(work.autocache())? {
        return Ok(Done { affected: write.execute(db).await?, rows: None });
    }
    let region = work.autocache().region::<E>()?;
    let dialect = db.get_database_backend();
    let returns = match dialect {
        DbBackend::Postgres => true,
        // SeaORM may be told that a MariaDB returns rows, but sends no such statement.
        DbBackend::MySql => false,
        _ => db.support_returning(),
    };
    let built = write.build(dialect);
    let ledger = Ledger::of(work, &region, &built.sql);
    let site = Site { db, region, dialect, returns, want, built };
    match write {
        Write::Insert(insert) if site.begins("INSERT INTO ") => insert::run(&site, insert, ledger).await,
        Write::Update(update) if site.begins("UPDATE ") => update::run(&site, update, ledger).await,
        Write::Delete(delete) if site.begins("DELETE ") => delete::run(&site, delete, ledger).await,
        // Something comes first that may write as well.
        Write::Insert(insert) => site.in_doubt(insert, ledger).await,
        Write::Update(update) => site.in_doubt(update, ledger).await,
        Write::Delete(delete) => site.in_doubt(delete, ledger).await,
    }
}

impl<C: ConnectionTrait> Site<'_, C> {
    fn begins(&self, verb: &str) -> bool {
        self.built.sql.starts_with(verb)
    }

    /// Runs a statement of which nobody can say what rows it changes.
    pub(super) async fn in_doubt<E: CachedEntity>(
        &self,
        statement: impl Bulk,
        mut ledger: Ledger<'_, E>,
    ) -> Result<Done<E>, DbErr> {
        if self.want == Want::Count {
            let affected = ledger.during(self.db.execute(&statement)).await?.rows_affected();
            return Ok(Done { affected, rows: None });
        }
        if !self.returns {
            let ctx = "RETURNING of rows that the statement does not name";
            return Err(DbErr::BackendNotSupported { db: self.dialect.as_str(), ctx });
        }
        Ok(Done::of(ledger.during(self.returned::<E>(statement)).await?))
    }

    /// Runs the statement and answers with the rows that the database returns.
    pub(super) async fn returned<E: CachedEntity>(
        &self,
        mut statement: impl Bulk,
    ) -> Result<Vec<E::Model>, DbErr> {
        let column = |column: E::Column| column.select_as(column.into_returning_expr(self.dialect));
        statement.return_rows(Query::returning().exprs(E::Column::iter().map(column)));
        let found = self.db.query_all(&statement).await?;
        found.iter().map(|row| E::Model::from_query_result(row, "")).collect()
    }

    /// The rows that an `UPDATE` or `DELETE` is about, locked; `None` if only the database can tell, or if
    /// they are too many to be named.
    pub(super) async fn concerned<E: CachedEntity>(&self) -> Result<Option<Vec<E::Model>>, DbErr> {
        let find = match text::rows_of(&self.built, &self.region.table) {
            Some(Rows::All) => E::find(),
            Some(Rows::Where(condition)) => E::find().filter(condition),
            None => return Ok(None),
        };
        let rows = find.lock_exclusive().all(self.db).await?;
        let own = self.built.values.as_ref().map_or(0, |values| values.0.len());
        let named = rows.len() * E::PrimaryKey::iter().count();
        Ok((own + named <= WRITE_VALUES_MAX).then_some(rows))
    }

    /// The rows with these keys as this transaction has left them, locked.
    pub(super) async fn reread<E: CachedEntity>(&self, pks: &[ValueTuple]) -> Result<Vec<E::Model>, DbErr> {
        let mut rows = Vec::with_capacity(pks.len());
        for pks in pks.chunks(SELECT_KEYS_MAX) {
            let find = E::find().filter(is_one_of::<E>(pks)).lock_exclusive();
            rows.extend(find.all(self.db).await?);
        }
        Ok(rows)
    }
}

pub(super) fn keys_of<M: ModelTrait>(rows: &[M]) -> Vec<ValueTuple> {
    rows.iter().map(ModelTrait::get_primary_key_value).collect()
}
