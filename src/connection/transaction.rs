use super::delegate::{delegate, streamed, takes_text};
use super::guard::Guarded;
use super::run::{self, Watched, is_read};
use super::stream::{CachedStream, Unfinished};
use super::{Origin, origin};
use crate::autocache::Autocache;
use crate::executor::Executor;
use crate::trace::{self, Subject};
use crate::write::UnitOfWork;
use futures_util::future::BoxFuture;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, Statement, StatementBuilder, StreamTrait, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a [`CachedTransaction`] can wrap: any transaction whose savepoints are of its own type, as
/// SeaORM's are.
pub trait InnerTransaction:
    ConnectionTrait + TransactionTrait<Transaction = Self> + TransactionSession + Send + Sized
{
}

impl<T> InnerTransaction for T where
    T: ConnectionTrait + TransactionTrait<Transaction = T> + TransactionSession + Send
{
}

/// A transaction that updates the cache when it commits, and not when it rolls back.
///
/// While it runs nothing touches the cache, as its writes are not visible yet. `commit` places the intents of
/// all touched rows in one round trip, commits, and publishes them in another, whatever their number.
#[derive(Debug)]
pub struct CachedTransaction<T = DatabaseTransaction> {
    inner: T,
    autocache: Autocache,
    scope: Scope,
}

/// Rolls the innermost savepoint back when a transaction is dropped, as the connection does. A field of its own, for a
/// type with a `Drop` could not give its inner transaction away in `commit`.
#[derive(Debug)]
struct Scope {
    work: Arc<UnitOfWork>,
    settled: bool,
}

impl Drop for Scope {
    fn drop(&mut self) {
        if !self.settled {
            self.work.roll_back();
        }
    }
}

impl Scope {
    /// Commits the outermost level.
    async fn commit(&mut self, inner: impl TransactionSession) -> Result<(), DbErr> {
        let consistency = self.work.consistency();
        let intents = match self.work.place_intents().await {
            Ok(intents) => intents,
            Err(error) => {
                inner.rollback().await?;
                return Err(error);
            }
        };
        match inner.commit().await {
            Ok(()) => {
                self.settled = true;
                intents.finish(consistency).await
            }
            Err(error) => {
                if was_rolled_back(&error) {
                    intents.release().await;
                }
                Err(error)
            }
        }
    }
}

impl<T> CachedTransaction<T> {
    pub(super) fn new(inner: T, autocache: Autocache, work: Arc<UnitOfWork>) -> Self {
        Self { inner, autocache, scope: Scope { work, settled: false } }
    }

    /// The transaction inside, past the guard, and the unit of work that records writes through it.
    pub(crate) fn parts(&self) -> (&T, &Autocache, &Arc<UnitOfWork>) {
        (&self.inner, &self.autocache, &self.scope.work)
    }

    fn origin(&self) -> Origin {
        Origin::Work(self.autocache.clone(), self.scope.work.clone())
    }

    fn may_stream(&self, statement: &Statement) -> Result<Unfinished, DbErr> {
        let work = &self.scope.work;
        if !is_read(&self.autocache, Some(work), statement) {
            work.note_write();
            if self.autocache.has_regions() {
                Guarded::recorded(&self.autocache, work, statement)?.unseen(work);
            }
        }
        Ok(Unfinished::of(Some(work.clone())))
    }

    /// Begins a savepoint.
    async fn savepoint(&self, begin: impl Future<Output = Result<T, DbErr>>) -> Result<Self, DbErr> {
        let beginning = self.scope.work.beginning();
        let inner = begin.await?;
        beginning.succeeded();
        Ok(Self::new(inner, self.autocache.clone(), self.scope.work.clone()))
    }
}

impl<T: ConnectionTrait> Watched for CachedTransaction<T> {
    fn inner(&self) -> &dyn Executor {
        &self.inner
    }

    fn autocache(&self) -> &Autocache {
        &self.autocache
    }

    fn work(&self) -> Option<&UnitOfWork> {
        Some(&self.scope.work)
    }
}

delegate!(CachedTransaction);

impl<T: InnerTransaction> CachedTransaction<T> {
    /// Commits. The outermost level places intents before and publishes after; a savepoint only hands its rows
    /// to the level around it. As in SeaORM, it is the innermost savepoint that ends, whatever handle this is.
    ///
    /// # Errors
    /// The database's own. Under [`Consistency::Strict`](crate::Consistency::Strict) also
    /// [`CacheError::NotWritten`](crate::CacheError::NotWritten), with the transaction rolled back, and
    /// [`CacheError::Unconfirmed`](crate::CacheError::Unconfirmed), with the transaction committed.
    ///
    /// # Cancel safety
    /// Dropped while COMMIT is in flight, its outcome is unknown: readers bypass the touched keys for the intent
    /// TTL.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, mut scope, .. } = self;
        let mut ending = scope.work.ending();
        if scope.work.ends_savepoint() {
            inner.commit().await?;
            scope.work.release();
            scope.settled = true;
            ending.succeeded();
            return Ok(());
        }
        let system = trace::system_of(inner.get_database_backend());
        let subject = Subject { system, operation: "COMMIT", table: "", batch: 0 };
        trace::spanned(trace::Kind::Commit, subject, scope.commit(inner)).await
    }

    /// Rolls back. The cache is not touched.
    ///
    /// # Errors
    /// The database's own.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, scope, .. } = self;
        let mut ending = scope.work.ending();
        inner.rollback().await?;
        ending.succeeded();
        drop(scope);
        Ok(())
    }

    /// Runs an async closure in a savepoint: releases it on `Ok`, rolls back to it on `Err`.
    ///
    /// # Errors
    /// The closure's own, or the database's.
    pub async fn transaction_async<F, R, E>(&self, callback: F) -> Result<R, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c Self) -> Result<R, E> + Send,
        R: Send,
        E: Display + Debug + Send,
    {
        let savepoint = self.begin().await.map_err(TransactionError::Connection)?;
        let result = callback(&savepoint).await;
        savepoint.settle(result).await
    }

    /// As [`transaction_async`](Self::transaction_async), with an isolation level and access mode, as far as the
    /// database lets a savepoint have its own.
    ///
    /// # Errors
    /// The closure's own, or the database's.
    pub async fn transaction_with_config_async<F, R, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<R, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c Self) -> Result<R, E> + Send,
        R: Send,
        E: Display + Debug + Send,
    {
        let begun = self.begin_with_config(isolation_level, access_mode).await;
        let savepoint = begun.map_err(TransactionError::Connection)?;
        let result = callback(&savepoint).await;
        savepoint.settle(result).await
    }

    pub(super) async fn settle<R, E>(self, result: Result<R, E>) -> Result<R, TransactionError<E>>
    where
        E: Display + Debug,
    {
        match result {
            Ok(value) => {
                self.commit().await.map_err(TransactionError::Connection)?;
                Ok(value)
            }
            Err(error) => {
                self.rollback().await.map_err(TransactionError::Connection)?;
                Err(TransactionError::Transaction(error))
            }
        }
    }
}

#[async_trait::async_trait]
impl<T: InnerTransaction> TransactionTrait for CachedTransaction<T> {
    type Transaction = Self;

    async fn begin(&self) -> Result<Self, DbErr> {
        self.savepoint(self.inner.begin()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self, DbErr> {
        self.savepoint(self.inner.begin_with_config(isolation_level, access_mode)).await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        self.savepoint(self.inner.begin_with_options(options)).await
    }

    async fn transaction<F, R, E>(&self, callback: F) -> Result<R, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<R, E>> + Send + 'c>> + Send,
        R: Send,
        E: Display + Debug + Send,
    {
        run_in(self.begin().await, callback).await
    }

    async fn transaction_with_config<F, R, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<R, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<R, E>> + Send + 'c>> + Send,
        R: Send,
        E: Display + Debug + Send,
    {
        run_in(self.begin_with_config(isolation_level, access_mode).await, callback).await
    }
}

#[async_trait::async_trait]
impl<T: InnerTransaction> TransactionSession for CachedTransaction<T> {
    async fn commit(self) -> Result<(), DbErr> {
        Self::commit(self).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        Self::rollback(self).await
    }
}

/// Runs a callback in a transaction or savepoint that was just begun.
pub(super) async fn run_in<T, F, R, E>(
    begun: Result<CachedTransaction<T>, DbErr>,
    callback: F,
) -> Result<R, TransactionError<E>>
where
    T: InnerTransaction,
    F: for<'c> FnOnce(&'c CachedTransaction<T>) -> Pin<Box<dyn Future<Output = Result<R, E>> + Send + 'c>>,
    E: Display + Debug,
{
    let transaction = begun.map_err(TransactionError::Connection)?;
    let result = callback(&transaction).await;
    transaction.settle(result).await
}

/// Whether a failed COMMIT certainly left nothing behind: a deferred constraint, a serialization
/// failure, a deadlock. After any other error the outcome is unknown.
fn was_rolled_back(error: &DbErr) -> bool {
    let text = error.to_string();
    error.sql_err().is_some()
        || text.contains("could not serialize access")
        || text.contains("Deadlock found")
}
