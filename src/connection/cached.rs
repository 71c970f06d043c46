use super::delegate::{delegate, takes_text};
use super::guard::{self, Guarded};
use super::transaction::run;
use super::{CachedTransaction, InnerTransaction, Origin, origin};
use crate::autocache::Autocache;
use crate::sql;
use crate::write::UnitOfWork;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StatementBuilder, StreamTrait, TransactionError, TransactionOptions,
    TransactionTrait,
};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::Pin;

/// A connection whose writes keep the cache right: use it wherever a `DatabaseConnection` was.
///
/// From [`Autocache::connection`] or [`Autocache::wrap`]. Saves and deletes place a write intent before their
/// statement and publish the row after it; in a transaction they do both around COMMIT.
#[derive(Clone, Debug)]
pub struct CachedConnection<D = DatabaseConnection> {
    inner: D,
    autocache: Autocache,
}

impl Autocache {
    /// The database, to be used wherever a `DatabaseConnection` was: writes through it keep the cache
    /// consistent, in transactions too.
    #[must_use]
    pub fn connection(&self) -> CachedConnection {
        self.wrap(self.database().clone())
    }

    /// As [`connection`](Self::connection), around another connection to the same database, such as
    /// SeaORM's `RestrictedConnection`.
    #[must_use]
    pub fn wrap<D>(&self, connection: D) -> CachedConnection<D> {
        CachedConnection::new(connection, self.clone())
    }
}

impl<D> CachedConnection<D> {
    fn new(inner: D, autocache: Autocache) -> Self {
        Self { inner, autocache }
    }

    /// The connection inside. Writes through it reach the cache as those of a plain connection do.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The Autocache this connection tells of its writes.
    pub fn autocache(&self) -> &Autocache {
        &self.autocache
    }

    fn origin(&self) -> Origin {
        Origin::Cached(self.autocache.clone())
    }

    fn guards(&self, only_reads: bool) -> bool {
        !only_reads && self.autocache.has_regions()
    }

    /// Places intents for a write that runs no hooks.
    async fn before(&self, statement: Option<&Statement>) -> Result<Guarded, DbErr> {
        match statement {
            Some(statement) => Guarded::before(&self.autocache, statement).await,
            None => Ok(Guarded::default()),
        }
    }

    fn may_stream(&self, statement: Option<&Statement>) -> Result<(), DbErr> {
        statement.map_or(Ok(()), |statement| guard::may_stream(&self.autocache, statement))
    }

    /// A statement that the database has refused is over: its row may be cached again at once.
    async fn after<T>(&self, guarded: Guarded, result: Result<T, DbErr>) -> Result<T, DbErr>
    where
        D: ConnectionTrait,
    {
        if guarded.is_nothing() {
            return result;
        }
        match &result {
            Ok(_) => guarded.succeeded(&self.autocache, &self.inner).await?,
            Err(error) => guarded.failed(was_refused(error)).await,
        }
        result
    }
}

delegate!(CachedConnection);

impl CachedConnection<DatabaseConnection> {
    /// Checks that the database answers.
    ///
    /// # Errors
    /// As [`DatabaseConnection::ping`].
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.inner.ping().await
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// As [`DatabaseConnection::close`].
    pub async fn close(self) -> Result<(), DbErr> {
        self.inner.close().await
    }
}

impl<D: TransactionTrait<Transaction: InnerTransaction>> CachedConnection<D> {
    fn transaction_of(
        &self,
        inner: D::Transaction,
        isolation: Option<IsolationLevel>,
    ) -> CachedTransaction<D::Transaction> {
        let snapshot = reads_a_snapshot(inner.get_database_backend(), isolation);
        let work = UnitOfWork::root(*self.autocache.settings(), snapshot);
        CachedTransaction::new(inner, self.autocache.clone(), work)
    }

    /// Runs an async closure in a transaction: commits on `Ok`, rolls back on `Err`.
    ///
    /// # Errors
    /// The closure's own, or the database's.
    pub async fn transaction_async<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c CachedTransaction<D::Transaction>) -> Result<T, E> + Send,
        T: Send,
        E: Display + Debug + Send,
    {
        let transaction = self.begin().await.map_err(TransactionError::Connection)?;
        let result = callback(&transaction).await;
        transaction.settle(result).await
    }

    /// As [`transaction_async`](Self::transaction_async), with an isolation level and access mode.
    ///
    /// # Errors
    /// The closure's own, or the database's.
    pub async fn transaction_with_config_async<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c CachedTransaction<D::Transaction>) -> Result<T, E> + Send,
        T: Send,
        E: Display + Debug + Send,
    {
        let begun = self.begin_with_config(isolation_level, access_mode).await;
        let transaction = begun.map_err(TransactionError::Connection)?;
        let result = callback(&transaction).await;
        transaction.settle(result).await
    }
}

#[async_trait::async_trait]
impl<D: TransactionTrait<Transaction: InnerTransaction>> TransactionTrait for CachedConnection<D> {
    type Transaction = CachedTransaction<D::Transaction>;

    async fn begin(&self) -> Result<Self::Transaction, DbErr> {
        Ok(self.transaction_of(self.inner.begin().await?, None))
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self::Transaction, DbErr> {
        let inner = self.inner.begin_with_config(isolation_level, access_mode).await?;
        Ok(self.transaction_of(inner, isolation_level))
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self::Transaction, DbErr> {
        let inner = self.inner.begin_with_options(options).await?;
        Ok(self.transaction_of(inner, options.isolation_level))
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: Display + Debug + Send,
    {
        run(self.begin().await, callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self::Transaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: Display + Debug + Send,
    {
        run(self.begin_with_config(isolation_level, access_mode).await, callback).await
    }
}

/// Whether the database itself has answered with an error, and lives on: the statement was undone.
/// The drivers' types are features of other crates, so the text of their errors must do.
pub(crate) fn was_refused(error: &DbErr) -> bool {
    let text = error.to_string();
    text.contains("error returned from database") && !text.contains("terminating connection")
}

/// Whether a transaction may read rows that are older than the last commit. Without a level given,
/// that is so for MySQL (repeatable read) and SQLite, and not for Postgres.
fn reads_a_snapshot(backend: DbBackend, isolation: Option<IsolationLevel>) -> bool {
    match isolation {
        Some(IsolationLevel::ReadCommitted | IsolationLevel::ReadUncommitted) => backend == DbBackend::Sqlite,
        Some(IsolationLevel::RepeatableRead | IsolationLevel::Serializable) => true,
        None => backend != DbBackend::Postgres,
    }
}
