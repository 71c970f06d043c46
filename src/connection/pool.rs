//! What SeaORM calls on a `DatabaseConnection` beside statements, on a [`CachedConnection`].

use super::CachedConnection;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseExecutor, DbErr, IntoDatabaseExecutor, SchemaBuilder};
#[cfg(feature = "rbac")]
use sea_orm::{
    RestrictedConnection,
    rbac::{RbacEngine, RbacUserId},
};
use std::future::Future;

/// Calls that need a feature of SeaORM, such as `get_postgres_connection_pool` and `get_schema_registry`, and
/// `SchemaBuilder::sync`, are made on [`inner`](CachedConnection::inner): `builder.sync(db.inner())`.
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

    /// Replaces the rules of access.
    pub fn replace_rbac(&self, engine: RbacEngine) {
        self.inner().replace_rbac(engine);
    }

    /// A connection with the rights of this user. It tells the cache of its writes, too.
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
