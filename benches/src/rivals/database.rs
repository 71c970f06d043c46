//! The statements themselves, and the rival that has no cache.
//!
//! Writes go through `Entity::update` and its kin: the same SQL as `ActiveModel::update`, without its
//! hooks, which would look for an Autocache.

use crate::entities::{author, book};
use crate::rival::Rival;
use crate::stage::Seat;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, LoaderTrait, QueryFilter, TransactionTrait,
};

const RUNS: &str = "the statement runs";

pub async fn select(db: &DatabaseConnection, id: i64) -> Option<book::Model> {
    book::Entity::find_by_id(id).one(db).await.expect(RUNS)
}

pub async fn select_many(db: &DatabaseConnection, ids: &[i64]) -> Vec<book::Model> {
    let these = book::Column::Id.is_in(ids.iter().copied());
    book::Entity::find().filter(these).all(db).await.expect(RUNS)
}

/// The books of each author, as SeaORM's loader reads them: one `SELECT` for all.
pub async fn select_related(db: &DatabaseConnection, authors: &[author::Model]) -> Vec<Vec<book::Model>> {
    authors.load_many(book::Entity, db).await.expect(RUNS)
}

/// Says which row it was.
pub async fn update<C: ConnectionTrait>(db: &C, row: book::ActiveModel) -> i64 {
    book::Entity::update(row).exec(db).await.expect(RUNS).id
}

pub async fn update_all(db: &DatabaseConnection, rows: Vec<book::ActiveModel>) {
    let transaction = db.begin().await.expect(RUNS);
    for row in rows {
        update(&transaction, row).await;
    }
    transaction.commit().await.expect(RUNS);
}

/// Says which row it was.
pub async fn insert(db: &DatabaseConnection, row: book::ActiveModel) -> i64 {
    book::Entity::insert(row).exec_with_returning(db).await.expect(RUNS).id
}

pub async fn remove(db: &DatabaseConnection, id: i64) {
    book::Entity::delete_by_id(id).exec(db).await.expect(RUNS);
}

pub fn ids(rows: &[book::ActiveModel]) -> Vec<i64> {
    rows.iter().map(|row| *row.id.as_ref()).collect()
}

/// SeaORM alone.
pub struct Uncached {
    db: DatabaseConnection,
}

impl Uncached {
    pub fn new(seat: &Seat) -> Self {
        Self { db: seat.db.clone() }
    }
}

impl Rival for Uncached {
    async fn find(&self, id: i64) -> Option<book::Model> {
        select(&self.db, id).await
    }

    async fn find_many(&self, ids: &[i64]) -> Vec<Option<book::Model>> {
        select_many(&self.db, ids).await.into_iter().map(Some).collect()
    }

    async fn find_related(&self, authors: &[author::Model]) -> Vec<Vec<book::Model>> {
        select_related(&self.db, authors).await
    }

    async fn update(&self, row: book::ActiveModel) {
        update(&self.db, row).await;
    }

    async fn update_all(&self, rows: Vec<book::ActiveModel>) {
        update_all(&self.db, rows).await;
    }

    async fn insert(&self, row: book::ActiveModel) {
        insert(&self.db, row).await;
    }

    async fn delete(&self, id: i64) {
        remove(&self.db, id).await;
    }

    async fn forget(&self, _: &[i64]) {}
}
