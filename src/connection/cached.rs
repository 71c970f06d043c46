use super::commits::CommitsByItself;
use super::delegate::{delegate, streamed, takes_text};
use super::run::{self, Watched};
use super::stream::{CachedStream, Unfinished};
use super::transaction::run_in;
use super::{CachedTransaction, InnerTransaction, Origin, guard, origin};
use crate::autocache::Autocache;
use crate::executor::Executor;
use crate::write::UnitOfWork;
use futures_util::future::BoxFuture;
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
    /// SeaORM's `RestrictedConnection`. It takes no transaction, whose rollback would not be seen: begin it on
    /// [`connection()`](Self::connection), or on what this returns.
    #[must_use]
    pub fn wrap<D: CommitsByItself<How>, How>(&self, connection: D) -> CachedConnection<D> {
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

    fn may_stream(&self, statement: &Statement) -> Result<Unfinished, DbErr> {
        guard::may_stream(&self.autocache, statement).map(|()| Unfinished::of(None))
    }
}

impl<D: ConnectionTrait> Watched for CachedConnection<D> {
    fn inner(&self) -> &dyn Executor {
        &self.inner
    }

    fn autocache(&self) -> &Autocache {
        &self.autocache
    }

    fn work(&self) -> Option<&UnitOfWork> {
        None
    }
}

delegate!(CachedConnection);

impl<D: TransactionTrait<Transaction: InnerTransaction>> CachedConnection<D> {
    fn transaction_of(
        &self,
        inner: D::Transaction,
        isolation: Option<IsolationLevel>,
    ) -> CachedTransaction<D::Transaction> {
        let snapshot = reads_a_snapshot(inner.get_database_backend(), isolation);
        let work = UnitOfWork::new(*self.autocache.settings(), snapshot);
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
        run_in(self.begin().await, callback).await
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
        run_in(self.begin_with_config(isolation_level, access_mode).await, callback).await
    }
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
