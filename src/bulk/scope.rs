//! Where a bulk write runs.

use super::statement::{self, is_uncached};
use super::{Done, Target, Want};
use crate::autocache::Autocache;
use crate::connection::{CachedConnection, CachedTransaction, InnerTransaction};
use crate::executor::{Executor, WriteStatement};
use crate::trace::{self, Subject};
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
        let subject = subject(self.inner(), self.autocache(), &write, target);
        let written = async move {
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
            match in_transaction(&transaction, write, want, target).await {
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
        };
        Box::pin(async move { trace::spanned(trace::Kind::Bulk, subject, written).await })
    }
}

impl<T: InnerTransaction> Scope for CachedTransaction<T> {
    #[allow(private_interfaces)]
    fn write(&self, write: WriteStatement, want: Want, target: Target) -> BoxFuture<'_, Result<Done, DbErr>> {
        let (inner, autocache, _) = self.parts();
        let subject = subject(inner, autocache, &write, target);
        let written = in_transaction(self, write, want, target);
        Box::pin(async move { trace::spanned(trace::Kind::Bulk, subject, written).await })
    }
}

fn in_transaction<T: InnerTransaction>(
    transaction: &CachedTransaction<T>,
    write: WriteStatement,
    want: Want,
    target: Target,
) -> BoxFuture<'_, Result<Done, DbErr>> {
    let (inner, autocache, work) = transaction.parts();
    if statement::is_nothing(&write, inner.dialect()) && want != Want::One {
        return Box::pin(std::future::ready(Ok(Done::nothing())));
    }
    statement::run(inner, autocache, work, write, want, target)
}

/// What the span of a write is about.
fn subject(
    db: &dyn Executor,
    autocache: &Autocache,
    write: &WriteStatement,
    target: Target,
) -> Subject<'static> {
    let operation = match write {
        WriteStatement::Insert(_) => "INSERT",
        WriteStatement::Update(_) => "UPDATE",
        WriteStatement::Delete(_) => "DELETE",
    };
    let region = autocache.region(target.id, target.ops);
    let table = region.map_or("", |region| region.keyspace.table());
    Subject { system: trace::system_of(db.dialect()), operation, table, batch: 0 }
}
