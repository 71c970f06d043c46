//! A client that has given up, or leads nowhere, is replaced; a server that is slow to say who it is gets asked again.

use crate::entities::book;
use crate::laws::titled;
use crate::outage::{behind_a_path, until};
use crate::support::{Database, Log, Place, Proxy, Redis, World, redis_client, with_client};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{Fault, Operation};
use std::time::Duration;

/// A path on which connections stay and nothing comes back, while new ones are answered.
#[tokio::test]
async fn a_connection_that_leads_nowhere_is_replaced_within_a_second() -> Result<(), DbErr> {
    let (_world, autocache, proxy, _redis) = behind_a_path().await;
    let cache = autocache.cache::<book::Entity>();
    let book = titled("Emma").insert(&autocache.connection()).await?;
    for round in 1..3 {
        proxy.strand();
        until(Duration::from_millis(1_250), "a hit", || async {
            assert_eq!(cache.get(book.id).await.unwrap(), book);
            cache.contains(book.id).await.unwrap()
        })
        .await;
        assert_eq!(autocache.stats().backends[0].reconnects, round);
        // The patience with a server that has been silent grows; that with one which answered well does not matter.
        tokio::time::sleep(Duration::from_millis(2_000)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_slow_to_say_who_it_is_is_asked_again() -> Result<(), DbErr> {
    for level in [Consistency::Available, Consistency::Strict] {
        let redis = Redis::start(&[]);
        let proxy = Proxy::to(redis.port()).await;
        let world = World::new(Database::Sqlite, Place::Memory).await;
        world.create_table(book::Entity).await;
        let connecting = async { RedisStore::connect(&proxy.url()).await.unwrap() };
        proxy.delay(Duration::from_millis(200));
        let store = connecting.await;
        proxy.delay(Duration::ZERO);
        let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
        let autocache = builder.consistency(level).build().unwrap();
        let cache = autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.plain).await?;
        until(Duration::from_secs(1), "a hit", || async {
            assert_eq!(cache.get(book.id).await.unwrap(), book);
            cache.contains(book.id).await.unwrap()
        })
        .await;
    }
    Ok(())
}

/// A store that answers is not away, whatever it may not do.
#[tokio::test]
async fn an_outage_ends_also_for_a_user_who_may_not_read_the_probe() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let client = redis_client(&redis.url()).await;
    let acl = CustomCommand::new_static("ACL", ClusterHash::FirstKey, false);
    let _: () =
        client.custom(acl, vec!["SETUSER", "shop", "on", ">secret", "~shop:*", "+@all"]).await.unwrap();
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let url = with_client(format!("redis://shop:secret@127.0.0.1:{}", proxy.port));
    let store = RedisStore::connect(&url).await.unwrap();
    let autocache =
        crate::support::builder(world.plain.clone()).app("shop").backend("default", store).build().unwrap();
    let cache = autocache.cache::<book::Entity>();
    let book = titled("Emma").insert(&autocache.connection()).await?;
    proxy.close();
    until(Duration::from_secs(2), "an outage", || async {
        cache.get(book.id).await.unwrap();
        autocache.stats().backends[0].open
    })
    .await;
    proxy.open();
    until(Duration::from_secs(1), "a hit", || async {
        cache.get(book.id).await.unwrap();
        cache.contains(book.id).await.unwrap()
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn an_outage_is_logged_when_it_begins_and_when_it_ends() -> Result<(), DbErr> {
    let (_world, autocache, proxy, _redis) = behind_a_path().await;
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let mut book = titled("Emma").insert(&db).await?;
    let log = Log::default();
    let guard = log.listen(tracing::Level::WARN);
    proxy.close();
    for number in 0..6 {
        let mut change = book.into_active_model();
        change.title = Set(format!("Emma {number}"));
        book = change.update(&db).await?;
        cache.get(book.id).await?;
    }
    proxy.open();
    until(Duration::from_secs(2), "a hit", || async {
        cache.get(book.id).await.unwrap();
        cache.contains(book.id).await.unwrap()
    })
    .await;
    drop(guard);
    let text = log.text();
    assert_eq!(text.lines().filter(|line| line.contains("autocache")).count(), 2, "{text}");
    assert!(
        text.contains("does not answer") && text.contains("answers again") && text.contains("failed_calls=")
    );
    Ok(())
}

#[tokio::test]
async fn an_intent_without_an_end_is_no_panic_when_the_store_is_away() -> Result<(), DbErr> {
    for place in [Place::Memory, Place::Redis] {
        let longest = |b: sea_orm_autocache::AutocacheBuilder| {
            b.intent_ttl(Duration::MAX).transaction_intent_ttl(Duration::MAX)
        };
        let (world, store) = World::faulty(Database::Sqlite, place, longest).await;
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        store.inject(Fault::Unreachable.on_any(Operation::STEPS).times(3));
        let mut change = book.into_active_model();
        change.title = Set("Emma again".to_owned());
        let book = change.update(&world.db).await?;
        assert_eq!(cache.get(book.id).await?, book, "{place:?}");
        store.heal();
        let mut change = book.clone().into_active_model();
        change.title = Set("Persuasion".to_owned());
        let changed = world.autocache.scope(change.update(&world.plain)).await?;
        assert_eq!(cache.get(book.id).await?, changed, "{place:?}");
    }
    Ok(())
}
