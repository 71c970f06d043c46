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

use crate::stage::Seat;
use crate::work::Contestant;
use sea_orm_autocache::RedisClient;
use std::sync::Arc;

/// Connects a rival to its servers.
pub async fn connect(kind: Kind, seat: &Seat) -> Arc<dyn Contestant> {
    match kind {
        Kind::Postgres | Kind::Sqlite => Arc::new(database::Uncached::new(seat)),
        Kind::AutocacheRedis => Arc::new(autocache::Auto::on_redis(seat, RedisClient::Fred).await),
        Kind::AutocacheRedisRs => Arc::new(autocache::Auto::on_redis(seat, RedisClient::RedisRs).await),
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
