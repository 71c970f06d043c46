//! A Redis Cluster: redirections, slots and nodes that come and go, failovers.

mod clears;
mod commits;
mod conformance;
mod failover;
mod nodes;
mod outages;
mod promoted;
mod redirects;
mod reshard;
pub mod shop;

use crate::entities::book;
use crate::laws::cold_books;
use crate::outage::until;
use crate::support::cluster::slot_of;
use crate::support::{Cluster, Database, Place, World};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// What an operator of Redis bears.
pub const SOON: Duration = Duration::from_secs(15);
/// Longer than a busy machine takes to answer, and shorter than a failover.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A cluster for tests that move slots, one at a time: moves that overlap may leave a slot without an owner.
pub async fn moving_cluster() -> MutexGuard<'static, Cluster> {
    static SHARED: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let start = || Mutex::new(Cluster::with(3, 0, &["--cluster-node-timeout", "30000"]));
    SHARED.get_or_init(start).lock().await
}

/// A database, over which processes are.
pub async fn database() -> World {
    World::new(Database::Sqlite, Place::Memory).await
}

/// A process of a program on that database and these servers.
pub async fn process(world: &World, url: &str, level: Consistency) -> Autocache {
    let store = RedisStore::builder(url).command_timeout(PATIENCE).connect().await.expect("a store");
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    builder.consistency(level).build().expect("an Autocache")
}

/// Books in a fresh table, and in the cache.
pub async fn warm_books(
    world: &World,
    autocache: &Autocache,
    ids: RangeInclusive<i64>,
) -> Result<Vec<book::Model>, DbErr> {
    let books = cold_books(world, ids).await?;
    warm(autocache, &books).await?;
    Ok(books)
}

/// Has the books cached. A write that is not long over may keep one from it for a while.
pub async fn warm(autocache: &Autocache, books: &[book::Model]) -> Result<(), DbErr> {
    let cache = autocache.cache::<book::Entity>();
    cache.get_many(books.iter().map(|book| book.id)).await?;
    for book in books {
        until(SOON, "a hit", || async {
            cache.get(book.id).await.expect("a row");
            cache.contains(book.id).await.expect("an answer")
        })
        .await;
    }
    Ok(())
}

/// The books whose keys this node owns.
pub fn books_of(
    cluster: &Cluster,
    node: usize,
    autocache: &Autocache,
    books: &[book::Model],
) -> Vec<book::Model> {
    let slots = cluster.slots_of(node);
    let is_there = |book: &&book::Model| slots.binary_search(&slot(autocache, book)).is_ok();
    books.iter().filter(is_there).cloned().collect()
}

pub fn slot(autocache: &Autocache, book: &book::Model) -> u16 {
    slot_of(&autocache.cache::<book::Entity>().make_key(book.id).expect("a key"))
}

/// Nothing that has happened was an outage of the store.
pub fn assert_undisturbed(autocache: &Autocache) {
    let stats = &autocache.stats().backends[0];
    assert!(!stats.open && stats.trips == 0 && stats.reconnects == 0 && stats.queued == 0, "{stats:?}");
}
