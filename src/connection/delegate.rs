//! `ConnectionTrait` and `StreamTrait` for the cache's connections: every call is delegated to the same call of
//! the inner connection, typed statements as typed statements, and the guard sees it on the way.

use super::stream::{CachedStream, Unfinished};
use futures_util::future::BoxFuture;
use futures_util::stream::Stream;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, QueryResult};
use std::any::TypeId;

/// Whether a typed statement means no more to this connection than its text, which then need not be built
/// twice. To others, such as a `RestrictedConnection`, it does.
pub(super) fn takes_text<D>() -> bool {
    let kind = typeid::of::<D>();
    kind == TypeId::of::<DatabaseConnection>() || kind == TypeId::of::<DatabaseTransaction>()
}

/// Watches a stream.
pub(super) fn streamed<'a, S: Stream<Item = Result<QueryResult, DbErr>> + Send + 'a>(
    stream: BoxFuture<'a, Result<S, DbErr>>,
    unfinished: Unfinished,
) -> BoxFuture<'a, Result<CachedStream<'a>, DbErr>> {
    Box::pin(async move { Ok(CachedStream::of(Box::pin(stream.await?), unfinished)) })
}

/// Implements the traits for a type that has a field `inner`, is [`Watched`](super::run::Watched), and has the
/// methods `origin()` and `may_stream(statement)`.
///
/// What `#[async_trait]` makes of such methods, without a future of their own: those are most of what they cost the
/// compiler.
macro_rules! delegate {
    ($name:ident) => {
        impl<D: ConnectionTrait> ConnectionTrait for $name<D> {
            fn get_database_backend(&self) -> DbBackend {
                origin::answer(|| self.origin());
                ConnectionTrait::get_database_backend(&self.inner)
            }

            fn execute_raw<'life0, 'async_trait>(
                &'life0 self,
                statement: Statement,
            ) -> BoxFuture<'async_trait, Result<ExecResult, DbErr>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                run::execute(self, statement, None)
            }

            fn execute<'life0, 'life1, 'async_trait, S>(
                &'life0 self,
                statement: &'life1 S,
            ) -> BoxFuture<'async_trait, Result<ExecResult, DbErr>>
            where
                S: StatementBuilder + 'async_trait,
                'life0: 'async_trait,
                'life1: 'async_trait,
                Self: 'async_trait,
            {
                let typed = (!takes_text::<D>()).then(|| self.inner.execute(statement));
                run::execute(self, self.build(statement), typed)
            }

            fn execute_unprepared<'life0, 'life1, 'async_trait>(
                &'life0 self,
                sql: &'life1 str,
            ) -> BoxFuture<'async_trait, Result<ExecResult, DbErr>>
            where
                'life0: 'async_trait,
                'life1: 'async_trait,
                Self: 'async_trait,
            {
                run::execute_unprepared(self, sql)
            }

            fn query_one_raw<'life0, 'async_trait>(
                &'life0 self,
                statement: Statement,
            ) -> BoxFuture<'async_trait, Result<Option<QueryResult>, DbErr>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                run::query_one(self, statement, None)
            }

            fn query_one<'life0, 'life1, 'async_trait, S>(
                &'life0 self,
                statement: &'life1 S,
            ) -> BoxFuture<'async_trait, Result<Option<QueryResult>, DbErr>>
            where
                S: StatementBuilder + 'async_trait,
                'life0: 'async_trait,
                'life1: 'async_trait,
                Self: 'async_trait,
            {
                let typed = (!takes_text::<D>()).then(|| self.inner.query_one(statement));
                run::query_one(self, self.build(statement), typed)
            }

            fn query_all_raw<'life0, 'async_trait>(
                &'life0 self,
                statement: Statement,
            ) -> BoxFuture<'async_trait, Result<Vec<QueryResult>, DbErr>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                run::query_all(self, statement, None)
            }

            fn query_all<'life0, 'life1, 'async_trait, S>(
                &'life0 self,
                statement: &'life1 S,
            ) -> BoxFuture<'async_trait, Result<Vec<QueryResult>, DbErr>>
            where
                S: StatementBuilder + 'async_trait,
                'life0: 'async_trait,
                'life1: 'async_trait,
                Self: 'async_trait,
            {
                let typed = (!takes_text::<D>()).then(|| self.inner.query_all(statement));
                run::query_all(self, self.build(statement), typed)
            }

            fn support_returning(&self) -> bool {
                self.inner.support_returning()
            }

            fn is_mock_connection(&self) -> bool {
                self.inner.is_mock_connection()
            }
        }

        impl<D: ConnectionTrait> $name<D> {
            /// The database's dialect.
            pub fn get_database_backend(&self) -> DbBackend {
                ConnectionTrait::get_database_backend(self)
            }

            fn build<S: StatementBuilder>(&self, statement: &S) -> Statement {
                ConnectionTrait::get_database_backend(&self.inner).build(statement)
            }
        }

        impl<D: StreamTrait> StreamTrait for $name<D> {
            type Stream<'a>
                = CachedStream<'a>
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
                match self.may_stream(&statement) {
                    Ok(unfinished) => streamed(self.inner.stream_raw(statement), unfinished),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }

            fn stream<'a, S: StatementBuilder + Sync>(
                &'a self,
                statement: &S,
            ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
                match self.may_stream(&StreamTrait::get_database_backend(&self.inner).build(statement)) {
                    Ok(unfinished) => streamed(self.inner.stream(statement), unfinished),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }
        }
    };
}

pub(super) use delegate;
