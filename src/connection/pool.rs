//! What SeaORM calls on a `DatabaseConnection` beside statements, on a [`CachedConnection`].

use super::CachedConnection;
use futures_util::future::BoxFuture;
#[cfg(feature = "schema-sync")]
use sea_orm::sea_query::SelectStatement;
use sea_orm::{DatabaseConnection, DatabaseExecutor, DbErr, IntoDatabaseExecutor, SchemaBuilder};
#[cfg(feature = "rbac")]
use sea_orm::{
    RestrictedConnection,
    rbac::{RbacEngine, RbacUserId},
};
#[cfg(feature = "schema-sync")]
use sea_schema::sqlx_types::{SqlxError, SqlxRow};
use std::future::Future;

/// What needs a feature of SeaORM needs the feature of the same name here.
impl CachedConnection<DatabaseConnection> {
    /// Checks that the database answers.
    ///
    /// # Errors
    /// As [`DatabaseConnection::ping`].
    pub fn ping(&self) -> impl Future<Output = Result<(), DbErr>> + Send {
        let pinged: BoxFuture<'_, _> = Box::pin(self.inner().ping());
        pinged
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// As [`DatabaseConnection::close`].
    pub fn close(self) -> impl Future<Output = Result<(), DbErr>> + Send {
        let closed: BoxFuture<'static, _> = Box::pin(async move { self.inner().close_by_ref().await });
        closed
    }

    /// As [`close`](Self::close), by reference.
    ///
    /// # Errors
    /// As [`DatabaseConnection::close_by_ref`].
    pub fn close_by_ref(&self) -> impl Future<Output = Result<(), DbErr>> + Send {
        let closed: BoxFuture<'_, _> = Box::pin(self.inner().close_by_ref());
        closed
    }

    /// A builder of schemas for this database.
    #[must_use]
    pub fn get_schema_builder(&self) -> SchemaBuilder {
        self.inner().get_schema_builder()
    }
}

#[cfg(feature = "entity-registry")]
impl CachedConnection<DatabaseConnection> {
    /// A builder of the schemas of all entities of a module.
    #[must_use]
    pub fn get_schema_registry(&self, prefix: &str) -> SchemaBuilder {
        self.inner().get_schema_registry(prefix)
    }
}

/// What is written through the pool itself does not reach the cache.
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
impl CachedConnection<DatabaseConnection> {
    /// SQLx's pool.
    ///
    /// # Panics
    /// The database is another one.
    #[cfg(feature = "sqlx-mysql")]
    #[must_use]
    pub fn get_mysql_connection_pool(&self) -> &sea_orm::sqlx::MySqlPool {
        self.inner().get_mysql_connection_pool()
    }

    /// SQLx's pool.
    ///
    /// # Panics
    /// The database is another one.
    #[cfg(feature = "sqlx-postgres")]
    #[must_use]
    pub fn get_postgres_connection_pool(&self) -> &sea_orm::sqlx::PgPool {
        self.inner().get_postgres_connection_pool()
    }

    /// SQLx's pool.
    ///
    /// # Panics
    /// The database is another one.
    #[cfg(feature = "sqlx-sqlite")]
    #[must_use]
    pub fn get_sqlite_connection_pool(&self) -> &sea_orm::sqlx::SqlitePool {
        self.inner().get_sqlite_connection_pool()
    }
}

/// For [`SchemaBuilder::sync`].
#[cfg(feature = "schema-sync")]
#[async_trait::async_trait]
impl sea_schema::Connection for CachedConnection {
    async fn query_all(&self, select: SelectStatement) -> Result<Vec<SqlxRow>, SqlxError> {
        sea_schema::Connection::query_all(self.inner(), select).await
    }

    async fn query_all_raw(&self, sql: String) -> Result<Vec<SqlxRow>, SqlxError> {
        sea_schema::Connection::query_all_raw(self.inner(), sql).await
    }
}

#[cfg(feature = "rbac")]
impl CachedConnection<DatabaseConnection> {
    /// Loads the rules of access from this database.
    ///
    /// # Errors
    /// As [`DatabaseConnection::load_rbac`].
    pub fn load_rbac(&self) -> impl Future<Output = Result<(), DbErr>> + Send {
        let loaded: BoxFuture<'_, _> = Box::pin(self.inner().load_rbac());
        loaded
    }

    /// Loads the rules of access from another database.
    ///
    /// # Errors
    /// As [`DatabaseConnection::load_rbac_from`].
    pub fn load_rbac_from<'d>(
        &'d self,
        db: &'d DatabaseConnection,
    ) -> impl Future<Output = Result<(), DbErr>> + Send + 'd {
        let loaded: BoxFuture<'d, _> = Box::pin(self.inner().load_rbac_from(db));
        loaded
    }

    /// Replaces the rules of access.
    pub fn replace_rbac(&self, engine: RbacEngine) {
        self.inner().replace_rbac(engine);
    }

    /// A connection with the rights of this user. Its writes update the cache, too.
    ///
    /// # Errors
    /// As [`DatabaseConnection::restricted_for`].
    pub fn restricted_for(&self, user: RbacUserId) -> Result<CachedConnection<RestrictedConnection>, DbErr> {
        Ok(self.autocache().wrap(self.inner().restricted_for(user)?))
    }
}

/// For migrations. What is written through it does not reach the cache:
/// [`clear`](crate::CacheController::clear) the entities whose rows it changes.
impl<'c> From<&'c CachedConnection> for DatabaseExecutor<'c> {
    fn from(connection: &'c CachedConnection) -> Self {
        Self::Connection(connection.inner())
    }
}

/// As `DatabaseExecutor::from`.
impl<'c> IntoDatabaseExecutor<'c> for &'c CachedConnection {
    fn into_database_executor(self) -> DatabaseExecutor<'c> {
        self.into()
    }
}
