//! Cache-aside: read the cache, on a miss the database; write the database, then drop the key.
//!
//! What their documentations recommend, and what everybody writes by hand. All rivals but this crate
//! are such a cache beside the same statements.

use super::database::{self, insert, remove, select, select_many, select_related, update, update_all};
use crate::entities::{author, book};
use crate::rival::Rival;
use crate::stage::Seat;
use futures_util::future::join_all;
use sea_orm::DatabaseConnection;
use std::collections::HashMap;

/// A cache that knows nothing of the database.
pub trait Cache: Send + Sync + 'static {
    /// The row from the cache, else from the database and then into the cache.
    fn find(&self, db: &DatabaseConnection, id: i64) -> impl Future<Output = Option<book::Model>> + Send;

    /// Many rows. Overridden where the cache can read many keys at once.
    fn find_many(
        &self,
        db: &DatabaseConnection,
        ids: &[i64],
    ) -> impl Future<Output = Vec<Option<book::Model>>> + Send {
        join_all(ids.iter().map(|id| self.find(db, *id)))
    }

    /// The books of each author. Overridden where they are cached.
    fn find_related(
        &self,
        db: &DatabaseConnection,
        authors: &[author::Model],
    ) -> impl Future<Output = Vec<Vec<book::Model>>> + Send {
        select_related(db, authors)
    }

    fn forget(&self, ids: &[i64]) -> impl Future<Output = ()> + Send;
}

/// A cache with `get` and `put` of one key.
pub trait GetPut: Send + Sync + 'static {
    /// `Some(None)` when the row is known to be absent.
    fn get(&self, id: i64) -> impl Future<Output = Option<Option<book::Model>>> + Send;

    fn put(&self, id: i64, row: &Option<book::Model>) -> impl Future<Output = ()> + Send;

    fn drop_keys(&self, ids: &[i64]) -> impl Future<Output = ()> + Send;
}

/// As `GetPut`, and with many keys at once.
pub trait GetPutMany: GetPut {
    fn get_many(&self, ids: &[i64]) -> impl Future<Output = Vec<Option<Option<book::Model>>>> + Send;

    fn put_many(&self, rows: &[(i64, Option<book::Model>)]) -> impl Future<Output = ()> + Send;
}

/// What `Cache::find` is with `get` and `put`.
pub async fn through<C: GetPut>(cache: &C, db: &DatabaseConnection, id: i64) -> Option<book::Model> {
    if let Some(known) = cache.get(id).await {
        return known;
    }
    let row = select(db, id).await;
    cache.put(id, &row).await;
    row
}

/// What `Cache::find_many` is with reads and writes of many keys.
pub async fn many_through<C: GetPutMany>(
    cache: &C,
    db: &DatabaseConnection,
    ids: &[i64],
) -> Vec<Option<book::Model>> {
    let found = cache.get_many(ids).await;
    let missed: Vec<i64> =
        ids.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(id, _)| *id).collect();
    if missed.is_empty() {
        return found.into_iter().map(Option::unwrap_or_default).collect();
    }
    let mut rows: HashMap<i64, book::Model> =
        select_many(db, &missed).await.into_iter().map(|row| (row.id, row)).collect();
    let fills: Vec<_> = missed.iter().map(|id| (*id, rows.remove(id))).collect();
    cache.put_many(&fills).await;
    let mut fills = fills.into_iter();
    found.into_iter().map(|found| found.unwrap_or_else(|| fills.next().and_then(|(_, row)| row))).collect()
}

pub struct Aside<C> {
    db: DatabaseConnection,
    cache: C,
}

impl<C: Cache> Aside<C> {
    pub fn new(seat: &Seat, cache: C) -> Self {
        Self { db: seat.db.clone(), cache }
    }
}

impl<C: Cache> Rival for Aside<C> {
    async fn find(&self, id: i64) -> Option<book::Model> {
        self.cache.find(&self.db, id).await
    }

    async fn find_many(&self, ids: &[i64]) -> Vec<Option<book::Model>> {
        self.cache.find_many(&self.db, ids).await
    }

    async fn find_related(&self, authors: &[author::Model]) -> Vec<Vec<book::Model>> {
        self.cache.find_related(&self.db, authors).await
    }

    async fn update(&self, row: book::ActiveModel) {
        let id = update(&self.db, row).await;
        self.cache.forget(&[id]).await;
    }

    async fn update_all(&self, rows: Vec<book::ActiveModel>) {
        let ids = database::ids(&rows);
        update_all(&self.db, rows).await;
        self.cache.forget(&ids).await;
    }

    async fn insert(&self, row: book::ActiveModel) {
        let id = insert(&self.db, row).await;
        self.cache.forget(&[id]).await;
    }

    async fn delete(&self, id: i64) {
        remove(&self.db, id).await;
        self.cache.forget(&[id]).await;
    }

    async fn forget(&self, ids: &[i64]) {
        self.cache.forget(ids).await;
    }
}
