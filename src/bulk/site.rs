//! [`Site`]: where a bulk write runs, and how it learns which rows it has changed.

use super::ledger::Ledger;
use super::{Done, Want};
use crate::autocache::Autocache;
use crate::entity::{Row, SELECT_KEYS_MAX, Schema};
use crate::executor::{Executor, WriteStatement};
use crate::keyspace::Keyspace;
use crate::sql::Rows;
use sea_orm::sea_query::{Query, SelectStatement, Value, ValueTuple};
use sea_orm::{DbBackend, DbErr, Statement};
use std::sync::Arc;

/// Values of one statement beyond which its rows are not named in it: well below every database's limit.
const WRITE_VALUES_MAX: usize = 30_000;

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

impl Site<'_> {
    pub(super) fn schema(&self) -> &Schema {
        &self.keyspace.schema
    }

    pub(super) fn begins(&self, verb: &str) -> bool {
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
            Some(Rows::Where(condition)) => _ = select.and_where(condition),
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
