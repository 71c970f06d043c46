//! `ConnectionTrait` and `StreamTrait` for our connections: every call goes to the same call of the
//! inner connection, typed statements as typed statements, and is observed on its way.

use sea_orm::sea_query::SelectStatement;
use sea_orm::{Statement, StatementBuilder};
use std::any::TypeId;

/// Whether this statement can only read. What is not known to is taken for a write.
pub(super) fn only_reads<S: StatementBuilder>() -> bool {
    typeid::of::<S>() == TypeId::of::<SelectStatement>()
}

/// As [`only_reads`], for SQL text.
pub(super) fn text_only_reads(sql: &str) -> bool {
    sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

pub(super) fn statement_only_reads(statement: &Statement) -> bool {
    text_only_reads(&statement.sql)
}

/// Implements the traits for a type that has a field `inner` and the methods `origin()`,
/// `before(only_reads)` and `after(result)`.
macro_rules! observe {
    ($name:ident) => {
        #[async_trait::async_trait]
        impl<D: ConnectionTrait> ConnectionTrait for $name<D> {
            fn get_database_backend(&self) -> DbBackend {
                origin::answer(|| self.origin());
                ConnectionTrait::get_database_backend(&self.inner)
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.before(statement_only_reads(&statement));
                self.after(self.inner.execute_raw(statement).await).await
            }

            async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
                self.before(only_reads::<S>());
                self.after(self.inner.execute(statement).await).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.before(text_only_reads(sql));
                self.after(self.inner.execute_unprepared(sql).await).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.before(statement_only_reads(&statement));
                self.after(self.inner.query_one_raw(statement).await).await
            }

            async fn query_one<S: StatementBuilder>(
                &self,
                statement: &S,
            ) -> Result<Option<QueryResult>, DbErr> {
                self.before(only_reads::<S>());
                self.after(self.inner.query_one(statement).await).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.before(statement_only_reads(&statement));
                self.after(self.inner.query_all_raw(statement).await).await
            }

            async fn query_all<S: StatementBuilder>(&self, statement: &S) -> Result<Vec<QueryResult>, DbErr> {
                self.before(only_reads::<S>());
                self.after(self.inner.query_all(statement).await).await
            }

            fn support_returning(&self) -> bool {
                self.inner.support_returning()
            }

            fn is_mock_connection(&self) -> bool {
                self.inner.is_mock_connection()
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
                self.before(statement_only_reads(&statement));
                self.inner.stream_raw(statement)
            }

            fn stream<'a, S: StatementBuilder + Sync>(
                &'a self,
                statement: &S,
            ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
                self.before(only_reads::<S>());
                self.inner.stream(statement)
            }
        }
    };
}

pub(super) use observe;

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::sea_query::{InsertStatement, UpdateStatement, WithQuery};

    #[test]
    fn only_a_select_is_known_to_read() {
        assert!(only_reads::<SelectStatement>());
        assert!(!only_reads::<InsertStatement>());
        assert!(!only_reads::<UpdateStatement>());
        assert!(!only_reads::<WithQuery>());
        assert!(text_only_reads("  select 1"));
        for write in ["UPDATE t SET a = 1", "WITH x AS (DELETE FROM t) SELECT 1", "", "sel", "é"] {
            assert!(!text_only_reads(write), "{write}");
        }
    }
}
