//! Readiness.

use crate::outage::{behind_a_path, until};
use crate::support::{Database, Place, Redis, World, builder};
use async_trait::async_trait;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::store::{Command, Found, Reply, Sweep};
use sea_orm_autocache::{Health, StoreError};
use std::future::pending;
use std::time::{Duration, Instant};

/// What the probe says, and how long it took.
async fn probed(autocache: &Autocache) -> (Health, Duration) {
    let begun = Instant::now();
    (autocache.health().await, begun.elapsed())
}

#[tokio::test]
async fn a_store_that_is_away_is_not_reachable_until_it_is_back() {
    let (_world, autocache, proxy, _redis) = behind_a_path().await;
    let trips = autocache.stats().round_trips();
    let (health, _) = probed(&autocache).await;
    let backend = &health.backends[0];
    assert_eq!((backend.backend.as_str(), backend.reachable, backend.open), ("default", true, false));
    assert!(backend.latency.is_some_and(|latency| latency > Duration::ZERO) && health.is_reachable());
    assert_eq!(autocache.stats().round_trips(), trips, "a probe is no round trip");

    proxy.mute();
    let (health, took) = probed(&autocache).await;
    assert!(!health.is_reachable() && took < Duration::from_millis(1_500), "{health:?} after {took:?}");
    assert!(autocache.stats().backends[0].open, "a probe that fails opens the breaker");
    let (health, took) = probed(&autocache).await;
    assert!(health.backends[0].open && took < Duration::from_millis(50), "{health:?} after {took:?}");
    assert_eq!(health.backends[0].latency, None);

    proxy.open();
    until(Duration::from_secs(2), "an answer", || async { autocache.health().await.is_reachable() }).await;
}

#[tokio::test]
async fn without_its_store_a_service_is_ready_unless_it_is_strict() {
    for (consistency, ready) in [(Consistency::Available, true), (Consistency::Strict, false)] {
        let redis = Redis::start(&[]);
        let plain = World::new(Database::Sqlite, Place::Memory).await.plain;
        let store = RedisStore::connect(&redis.url()).await.unwrap();
        let builder =
            builder(plain).app("app").backend("default", store).backend("near", MemoryStore::new(10));
        let autocache = builder.consistency(consistency).build().unwrap();
        assert!(autocache.health().await.is_ready());
        redis.stop();
        let (health, took) = probed(&autocache).await;
        assert_eq!(health.is_ready(), ready, "{health:?}");
        assert!(took < Duration::from_millis(1_500), "{took:?}");
        let reachable: Vec<_> =
            health.backends.iter().map(|backend| (&*backend.backend, backend.reachable)).collect();
        assert_eq!(reachable, [("default", false), ("near", true)]);
    }
}

/// A store that takes calls and answers none.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Store for Silent {
    async fn get(&self, _: &str) -> Result<Found, StoreError> {
        pending().await
    }
    async fn get_many(&self, _: &[String]) -> Result<Vec<Found>, StoreError> {
        pending().await
    }
    async fn run(&self, _: Vec<Command>) -> Vec<Reply> {
        pending().await
    }
    async fn clear(&self, _: &Sweep) -> Result<u64, StoreError> {
        pending().await
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_waited_for_one_second() {
    let plain = World::new(Database::Sqlite, Place::Memory).await.plain;
    let autocache = builder(plain).app("app").backend("default", Silent).build().unwrap();
    let (health, took) = probed(&autocache).await;
    assert!(!health.is_reachable(), "{health:?}");
    assert!((Duration::from_millis(900)..Duration::from_secs(2)).contains(&took), "{took:?}");
}
