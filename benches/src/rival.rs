//! [`Rival`]: what is measured.

use crate::entities::{author, book};
use futures_util::future::join_all;
use std::time::Duration;

/// How long rivals keep rows. Longer than any run.
pub const TTL: Duration = Duration::from_secs(3600);
/// How many rows rivals in memory may hold: more than there are.
pub const MEMORY_ENTRIES: u64 = 200_000;

/// What a rival does with rows.
///
/// Whatever goes wrong ends the run: a rival that fails has no figure.
pub trait Rival: Send + Sync + 'static {
    /// The row with this primary key, from the cache where there is one.
    fn find(&self, id: i64) -> impl Future<Output = Option<book::Model>> + Send;

    /// Many rows, by whatever the rival has for many at once. One by one, concurrently, if it has nothing.
    fn find_many(&self, ids: &[i64]) -> impl Future<Output = Vec<Option<book::Model>>> + Send {
        join_all(ids.iter().map(|id| self.find(*id)))
    }

    /// The books of each author.
    fn find_related(&self, authors: &[author::Model]) -> impl Future<Output = Vec<Vec<book::Model>>> + Send;

    /// Changes a row and does what keeps the cache right.
    fn update(&self, row: book::ActiveModel) -> impl Future<Output = ()> + Send;

    /// As `update`, all in one transaction.
    fn update_all(&self, rows: Vec<book::ActiveModel>) -> impl Future<Output = ()> + Send;

    fn insert(&self, row: book::ActiveModel) -> impl Future<Output = ()> + Send;

    fn delete(&self, id: i64) -> impl Future<Output = ()> + Send;

    /// Makes these keys cold. Not part of any figure.
    fn forget(&self, ids: &[i64]) -> impl Future<Output = ()> + Send;
}
