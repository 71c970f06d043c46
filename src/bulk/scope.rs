//! Where a bulk write runs.

use super::statement::{self, Write};
use super::{Done, Want};
use crate::connection::{CachedConnection, CachedTransaction, InnerTransaction};
use crate::entity::CachedEntity;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use std::future::Future;

/// What an [`ExecCached`](super::ExecCached) call runs on: a [`CachedConnection`] or a
/// [`CachedTransaction`]. Only they know when the write is committed.
#[diagnostic::on_unimplemented(
    message = "a bulk write through `{Self}` cannot keep the cache right",
    label = "the cache would not be told when this write is committed",
    note = "use `autocache.connection()` here, or a transaction that was begun on it"
)]
pub trait CachedScope: Scope {}

/// The sealed part of [`CachedScope`].
pub trait Scope: Sync {
    /// Runs the write and tells the cache of it: at once, or when the transaction commits.
    fn write<E: CachedEntity>(
        &self,
        write: Write,
        want: Want,
    ) -> impl Future<Output = Result<Done<E>, DbErr>> + Send;
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
    async fn write<E: CachedEntity>(&self, write: Write, want: Want) -> Result<Done<E>, DbErr> {
        let dialect = self.inner().get_database_backend();
        if write.is_nothing(dialect) && want != Want::One {
            return Ok(Done::nothing());
        }
        if want == Want::Count && statement::is_uncached::<E>(self.autocache())? {
            return Ok(Done { affected: write.execute(self.inner()).await?, rows: None });
        }
        // SQLite refuses to let a transaction write that has read what another one has changed since.
        let mode = (dialect == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let transaction = self.begin_with_options(options).await?;
        match transaction.write::<E>(write, want).await {
            Ok(done) => {
                transaction.commit().await?;
                Ok(done)
            }
            Err(error) => {
                // What the statement has failed of says more than what its rollback may fail of.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }
}

impl<T: InnerTransaction> Scope for CachedTransaction<T> {
    async fn write<E: CachedEntity>(&self, write: Write, want: Want) -> Result<Done<E>, DbErr> {
        let (inner, work) = self.parts();
        if write.is_nothing(inner.get_database_backend()) && want != Want::One {
            return Ok(Done::nothing());
        }
        statement::run::<E, T>(inner, work, write, want).await
    }
}
