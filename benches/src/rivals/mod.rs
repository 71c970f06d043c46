//! The rivals: this crate, what a user would pick instead, and the limits.

mod aside;
mod autocache;
mod cached;
pub mod database;
mod fred;
mod hitbox;
mod hydracache;
pub mod kind;
mod moka;
mod redis;

pub use autocache::{round_trips_of_a_save, with_many_entities};
pub use kind::{Class, Kind};

use crate::entities::{author, book};
use crate::stage::Seat;
use crate::work::Contestant;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// How long rivals keep rows. Longer than any run.
const TIMEOUT: Duration = Duration::from_secs(3600);
/// How many rows rivals in memory may hold: more than there are.
const MEMORY_ENTRIES: u64 = 200_000;

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

/// Connects a rival to its servers.
pub async fn connect(kind: Kind, seat: &Seat) -> Arc<dyn Contestant> {
    match kind {
        Kind::Postgres | Kind::Sqlite => Arc::new(database::Uncached::new(seat)),
        Kind::AutocacheRedis => Arc::new(autocache::Auto::on_redis(seat).await),
        Kind::AutocacheMemory => Arc::new(autocache::Auto::in_memory(seat)),
        Kind::FredByHand => Arc::new(aside::Aside::new(seat, fred::Fred::connect(seat).await)),
        Kind::RedisByHand => Arc::new(aside::Aside::new(seat, redis::Redis::connect(seat).await)),
        Kind::CachedRedis => Arc::new(aside::Aside::new(seat, cached::OnRedis::connect(seat).await)),
        Kind::CachedMemory => Arc::new(aside::Aside::new(seat, cached::InMemory::new())),
        Kind::HitboxRedis => Arc::new(aside::Aside::new(seat, hitbox::Hitbox::on_redis(seat))),
        Kind::HitboxMoka => Arc::new(aside::Aside::new(seat, hitbox::Hitbox::in_memory())),
        Kind::BareMoka => Arc::new(aside::Aside::new(seat, moka::Bare::new())),
        Kind::MokaByHand => Arc::new(aside::Aside::new(seat, moka::ByHand::new())),
        Kind::Hydracache => Arc::new(aside::Aside::new(seat, hydracache::Hydra::new())),
    }
}
