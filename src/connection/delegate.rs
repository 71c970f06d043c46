//! `ConnectionTrait` and `StreamTrait` for the cache's connections: every call is delegated to the same call of
//! the inner connection, typed statements as typed statements, and the guard sees it on the way.

use sea_orm::{DatabaseConnection, DatabaseTransaction};
use std::any::TypeId;

/// Whether a typed statement means no more to this connection than its text, which then need not be built
/// twice. To others, such as a `RestrictedConnection`, it does.
pub(super) fn takes_text<D>() -> bool {
    let kind = typeid::of::<D>();
    kind == TypeId::of::<DatabaseConnection>() || kind == TypeId::of::<DatabaseTransaction>()
}

/// Implements the traits for a type that has a field `inner` and the methods `origin()`,
/// `guards(only_reads)`, `before(statement)` and `after(guarded, result)`.
macro_rules! delegate {
    ($name:ident) => {
        #[async_trait::async_trait]
        impl<D: ConnectionTrait> ConnectionTrait for $name<D> {
            fn get_database_backend(&self) -> DbBackend {
                origin::answer(|| self.origin());
                ConnectionTrait::get_database_backend(&self.inner)
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                let guarded = self.before_raw(&statement).await?;
                self.after(guarded, self.inner.execute_raw(statement).await).await
            }

            async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
                let built = self.built(statement);
                let guarded = self.before_raw(&built).await?;
                let result = match takes_text::<D>() {
                    true => self.inner.execute_raw(built).await,
                    false => self.inner.execute(statement).await,
                };
                self.after(guarded, result).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                let dialect = ConnectionTrait::get_database_backend(&self.inner);
                let guarded = self.before_raw(&Statement::from_string(dialect, sql)).await?;
                self.after(guarded, self.inner.execute_unprepared(sql).await).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                let guarded = self.before_raw(&statement).await?;
                self.after(guarded, self.inner.query_one_raw(statement).await).await
            }

            async fn query_one<S: StatementBuilder>(
                &self,
                statement: &S,
            ) -> Result<Option<QueryResult>, DbErr> {
                let built = self.built(statement);
                let guarded = self.before_raw(&built).await?;
                let result = match takes_text::<D>() {
                    true => self.inner.query_one_raw(built).await,
                    false => self.inner.query_one(statement).await,
                };
                self.after(guarded, result).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                let guarded = self.before_raw(&statement).await?;
                self.after(guarded, self.inner.query_all_raw(statement).await).await
            }

            async fn query_all<S: StatementBuilder>(&self, statement: &S) -> Result<Vec<QueryResult>, DbErr> {
                let built = self.built(statement);
                let guarded = self.before_raw(&built).await?;
                let result = match takes_text::<D>() {
                    true => self.inner.query_all_raw(built).await,
                    false => self.inner.query_all(statement).await,
                };
                self.after(guarded, result).await
            }

            fn support_returning(&self) -> bool {
                self.inner.support_returning()
            }

            fn is_mock_connection(&self) -> bool {
                self.inner.is_mock_connection()
            }
        }

        impl<D: ConnectionTrait> $name<D> {
            async fn before_raw(&self, statement: &Statement) -> Result<Guarded, DbErr> {
                let writes = self.guards(sql::only_reads(statement));
                self.before(writes.then_some(statement)).await
            }

            fn built<S: StatementBuilder>(&self, statement: &S) -> Statement {
                ConnectionTrait::get_database_backend(&self.inner).build(statement)
            }
        }

        impl<D: StreamTrait> StreamTrait for $name<D> {
            type Stream<'a>
                = D::Stream<'a>
            where
                Self: 'a;

            fn get_database_backend(&self) -> DbBackend {
                origin::answer(|| self.origin());
                StreamTrait::get_database_backend(&self.inner)
            }

            fn stream_raw<'a>(
                &'a self,
                statement: Statement,
            ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
                let writes = self.guards(sql::only_reads(&statement));
                match self.may_stream(writes.then_some(&statement)) {
                    Ok(()) => self.inner.stream_raw(statement),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }

            fn stream<'a, S: StatementBuilder + Sync>(
                &'a self,
                statement: &S,
            ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
                let built = StreamTrait::get_database_backend(&self.inner).build(statement);
                let writes = self.guards(sql::only_reads(&built));
                match self.may_stream(writes.then_some(&built)) {
                    Ok(()) => self.inner.stream(statement),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }
        }
    };
}

pub(super) use delegate;
