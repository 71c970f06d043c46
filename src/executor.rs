//! [`Executor`]: any connection, without its type.

use futures_util::future::BoxFuture;
use sea_orm::sea_query::{DeleteStatement, InsertStatement, SelectStatement, UpdateStatement};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

/// A statement that writes.
#[derive(Clone, Debug)]
pub(crate) enum WriteStatement {
    Insert(InsertStatement),
    Update(UpdateStatement),
    Delete(DeleteStatement),
}

/// A connection or transaction behind a reference.
///
/// `ConnectionTrait` is generic and cannot be an object. Statements stay typed on the way: a
/// `RestrictedConnection` judges them by their types.
pub(crate) trait Executor: Sync {
    fn dialect(&self) -> DbBackend;

    fn returns_rows(&self) -> bool;

    fn select<'a>(&'a self, statement: &'a SelectStatement)
    -> BoxFuture<'a, Result<Vec<QueryResult>, DbErr>>;

    fn select_one<'a>(
        &'a self,
        statement: &'a SelectStatement,
    ) -> BoxFuture<'a, Result<Option<QueryResult>, DbErr>>;

    fn execute_text(&self, statement: Statement) -> BoxFuture<'_, Result<ExecResult, DbErr>>;

    fn execute_unprepared_text<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<ExecResult, DbErr>>;

    fn one_of_text(&self, statement: Statement) -> BoxFuture<'_, Result<Option<QueryResult>, DbErr>>;

    fn all_of_text(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<QueryResult>, DbErr>>;

    /// Runs a write and answers with how much it has changed.
    fn execute<'a>(&'a self, statement: &'a WriteStatement) -> BoxFuture<'a, Result<ExecResult, DbErr>>;

    /// Runs a write that has a `RETURNING` clause.
    fn returning<'a>(
        &'a self,
        statement: &'a WriteStatement,
    ) -> BoxFuture<'a, Result<Vec<QueryResult>, DbErr>>;
}

impl<C: ConnectionTrait> Executor for C {
    fn dialect(&self) -> DbBackend {
        self.get_database_backend()
    }

    fn returns_rows(&self) -> bool {
        self.support_returning()
    }

    fn select<'a>(
        &'a self,
        statement: &'a SelectStatement,
    ) -> BoxFuture<'a, Result<Vec<QueryResult>, DbErr>> {
        self.query_all(statement)
    }

    fn select_one<'a>(
        &'a self,
        statement: &'a SelectStatement,
    ) -> BoxFuture<'a, Result<Option<QueryResult>, DbErr>> {
        self.query_one(statement)
    }

    fn execute_text(&self, statement: Statement) -> BoxFuture<'_, Result<ExecResult, DbErr>> {
        self.execute_raw(statement)
    }

    fn execute_unprepared_text<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<ExecResult, DbErr>> {
        self.execute_unprepared(sql)
    }

    fn one_of_text(&self, statement: Statement) -> BoxFuture<'_, Result<Option<QueryResult>, DbErr>> {
        self.query_one_raw(statement)
    }

    fn all_of_text(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<QueryResult>, DbErr>> {
        self.query_all_raw(statement)
    }

    fn execute<'a>(&'a self, statement: &'a WriteStatement) -> BoxFuture<'a, Result<ExecResult, DbErr>> {
        match statement {
            WriteStatement::Insert(insert) => ConnectionTrait::execute(self, insert),
            WriteStatement::Update(update) => ConnectionTrait::execute(self, update),
            WriteStatement::Delete(delete) => ConnectionTrait::execute(self, delete),
        }
    }

    fn returning<'a>(
        &'a self,
        statement: &'a WriteStatement,
    ) -> BoxFuture<'a, Result<Vec<QueryResult>, DbErr>> {
        match statement {
            WriteStatement::Insert(insert) => self.query_all(insert),
            WriteStatement::Update(update) => self.query_all(update),
            WriteStatement::Delete(delete) => self.query_all(delete),
        }
    }
}
