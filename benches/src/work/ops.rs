//! The operations on rows.

use super::drive::Op;
use crate::data;
use crate::entities::author;
use crate::entities::book::with_version;
use crate::rival::Rival;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Versions that no run gives out twice.
static VERSION: AtomicI64 = AtomicI64::new(1);

pub fn next_version() -> i64 {
    VERSION.fetch_add(1, Ordering::Relaxed)
}

fn nth(ids: &[i64], n: usize) -> i64 {
    ids[n % ids.len()]
}

/// Ids that follow each other from the n-th group of so many on.
fn group(ids: &[i64], n: usize, count: usize) -> Vec<i64> {
    (0..count).map(|place| nth(ids, n * count + place)).collect()
}

pub struct Hit<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
}

impl<R: Rival> Op for Hit<R> {
    async fn run(&self, n: usize) {
        black_box(self.rival.find(black_box(nth(&self.ids, n))).await);
    }
}

pub struct Miss<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
}

impl<R: Rival> Op for Miss<R> {
    async fn prepare(&self, n: usize) {
        self.rival.forget(&[nth(&self.ids, n)]).await;
    }

    async fn run(&self, n: usize) {
        black_box(self.rival.find(nth(&self.ids, n)).await);
    }
}

pub struct Many<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
    pub count: usize,
    pub cold_every: usize,
}

impl<R: Rival> Op for Many<R> {
    async fn prepare(&self, n: usize) {
        if self.cold_every > 0 {
            let ids = group(&self.ids, n, self.count);
            let cold: Vec<i64> = ids.into_iter().step_by(self.cold_every).collect();
            self.rival.forget(&cold).await;
        }
    }

    async fn run(&self, n: usize) {
        let rows = self.rival.find_many(&group(&self.ids, n, self.count)).await;
        assert_eq!(black_box(rows).len(), self.count, "a row for each key");
    }
}

pub struct Page<R> {
    pub rival: Arc<R>,
    pub authors: Arc<[author::Model]>,
    pub count: usize,
}

impl<R: Rival> Op for Page<R> {
    async fn run(&self, n: usize) {
        let pages = self.authors.len() / self.count;
        let first = n % pages * self.count;
        let books = self.rival.find_related(&self.authors[first..first + self.count]).await;
        assert_eq!(black_box(books).len(), self.count, "a list for each author");
    }
}

pub struct Save<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
}

impl<R: Rival> Op for Save<R> {
    async fn run(&self, n: usize) {
        self.rival.update(with_version(nth(&self.ids, n), next_version())).await;
    }
}

pub struct Delete<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
}

impl<R: Rival> Op for Delete<R> {
    async fn prepare(&self, n: usize) {
        self.rival.insert(data::row(nth(&self.ids, n))).await;
    }

    async fn run(&self, n: usize) {
        self.rival.delete(nth(&self.ids, n)).await;
    }
}

pub struct Transaction<R> {
    pub rival: Arc<R>,
    pub ids: Arc<[i64]>,
    pub rows: usize,
}

impl<R: Rival> Op for Transaction<R> {
    async fn run(&self, n: usize) {
        let ids = group(&self.ids, n, self.rows);
        let rows = ids.into_iter().map(|id| with_version(id, next_version())).collect();
        self.rival.update_all(rows).await;
    }
}
