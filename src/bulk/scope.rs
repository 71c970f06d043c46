//! Where a bulk write runs.

use super::statement::{self, is_uncached};
use super::{Done, Target, Want};
use crate::connection::{CachedConnection, CachedTransaction, InnerTransaction};
use crate::executor::{Executor, WriteStatement};
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use sea_orm::{ConnectionTrait, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait};

/// What an [`ExecCached`](super::ExecCached) call runs on: a [`CachedConnection`] or a
/// [`CachedTransaction`]. Only they know when the write is committed.
#[diagnostic::on_unimplemented(
    message = "a bulk write through `{Self}` cannot keep the cache right",
    label = "the cache would not know when this write is committed",
    note = "use `autocache.connection()` here, or a transaction that was begun on it"
)]
pub trait CachedScope: Scope {}

/// The sealed part of [`CachedScope`].
pub trait Scope: Sync {
    /// Runs the write and updates the cache: at once, or when the transaction commits.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn write(&self, write: WriteStatement, want: Want, target: Target) -> BoxFuture<'_, Result<Done, DbErr>>;
}

impl<D> CachedScope for CachedConnection<D> where
    D: ConnectionTrait + TransactionTrait<Transaction: InnerTransaction>
{
}

impl<T: InnerTransaction> CachedScope for CachedTransaction<T> {}

impl<D> Scope for CachedConnection<D>
where
    D: ConnectionTrait + TransactionTrait<Transaction: InnerTransaction>,
{
    #[allow(private_interfaces)]
    fn write(&self, write: WriteStatement, want: Want, target: Target) -> BoxFuture<'_, Result<Done, DbErr>> {
        Box::pin(async move {
            let dialect = self.inner().dialect();
            if statement::is_nothing(&write, dialect) && want != Want::One {
                return Ok(Done::nothing());
            }
            if want == Want::Count && is_uncached(self.autocache(), target)? {
                let affected = Executor::execute(self.inner(), &write).await?.rows_affected();
                return Ok(Done { affected, rows: None });
            }
            // SQLite refuses to let a transaction write that has read what another one has changed since.
            let mode = (dialect == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
            let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
            let transaction = self.begin_with_options(options).await?;
            match transaction.write(write, want, target).await {
                Ok(done) => {
                    transaction.commit().await?;
                    Ok(done)
                }
                Err(error) => {
                    // The statement's error says more than its rollback's.
                    let _ = transaction.rollback().await;
                    Err(error)
                }
            }
        })
    }
}

impl<T: InnerTransaction> Scope for CachedTransaction<T> {
    #[allow(private_interfaces)]
    fn write(&self, write: WriteStatement, want: Want, target: Target) -> BoxFuture<'_, Result<Done, DbErr>> {
        let (inner, autocache, work) = self.parts();
        if statement::is_nothing(&write, inner.dialect()) && want != Want::One {
            return Box::pin(std::future::ready(Ok(Done::nothing())));
        }
        statement::run(inner, autocache, work, write, want, target)
    }
}
