//! A client that has given up, or leads nowhere, is replaced; a server that is slow to say who it is gets asked again.

use crate::entities::book;
use crate::laws::titled;
use crate::outage::{behind_a_path, until};
use crate::support::process::free_port;
use crate::support::{Database, Log, Place, Proxy, Redis, World, redis_client};
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{Fault, Operation};
use std::time::Duration;

async fn cluster(client: &Client, arguments: &[&str]) -> String {
    let command = CustomCommand::new_static("CLUSTER", ClusterHash::FirstKey, false);
    client.custom(command, arguments.to_vec()).await.unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn slot_of(key: &str) -> String {
    // CRC-16 of XMODEM, as the cluster's specification says.
    let crc = key.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    (crc % 16_384).to_string()
}

/// A cluster of a node with all slots and one without any, which has just been added.
async fn resharded_cluster() -> ([Redis; 2], [Client; 2], [String; 2]) {
    let node = || {
        let bus = free_port().to_string();
        Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &bus])
    };
    let nodes = [node(), node()];
    let clients = [redis_client(&nodes[0].url()).await, redis_client(&nodes[1].url()).await];
    // One by one: servers before 7.0 know no ranges.
    let slots: Vec<String> = (0..16_384).map(|slot: u16| slot.to_string()).collect();
    let adding: Vec<&str> = ["ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
    cluster(&clients[0], &adding).await;
    let bus = cluster(&clients[1], &["NODES"]).await;
    let bus = bus.split_once('@').unwrap().1.split([',', ' ']).next().unwrap().to_owned();
    cluster(&clients[0], &["MEET", "127.0.0.1", &nodes[1].port().to_string(), &bus]).await;
    for client in &clients {
        let met = || async {
            cluster(client, &["INFO"]).await.contains("cluster_state:ok")
                && cluster(client, &["NODES"]).await.lines().filter(|line| line.contains("connected")).count()
                    == 2
        };
        until(Duration::from_secs(20), "a cluster", met).await;
    }
    let ids = [cluster(&clients[0], &["MYID"]).await, cluster(&clients[1], &["MYID"]).await];
    (nodes, clients, ids)
}

/// fred ends its task at such an answer.
#[tokio::test]
async fn a_client_that_an_ask_answer_has_ended_is_replaced_within_a_second() -> Result<(), DbErr> {
    let (nodes, clients, ids) = resharded_cluster().await;
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = RedisStore::connect(&format!("redis-cluster://127.0.0.1:{}", nodes[0].port())).await.unwrap();
    let autocache =
        crate::support::builder(world.plain.clone()).app("c").backend("default", store).build().unwrap();
    let cache = autocache.cache::<book::Entity>();
    let book = titled("Emma").insert(&autocache.connection()).await?;
    assert!(cache.contains(book.id).await?);
    let moving = book.id + 1;
    let slot = slot_of(&cache.make_key(moving).unwrap());
    cluster(&clients[1], &["SETSLOT", &slot, "IMPORTING", &ids[0]]).await;
    cluster(&clients[0], &["SETSLOT", &slot, "MIGRATING", &ids[1]]).await;
    let log = Log::default();
    let guard = log.listen(tracing::Level::WARN);
    assert_eq!(cache.find(moving).await?, None);
    assert!(autocache.stats().backends[0].open, "an ASK answer does not end fred's task any more");
    until(Duration::from_secs(1), "a hit", || async {
        assert_eq!(cache.get(book.id).await.unwrap(), book);
        cache.contains(book.id).await.unwrap()
    })
    .await;
    drop(guard);
    assert!(autocache.stats().backends[0].reconnects >= 1);
    assert_eq!(log.text().matches("were replaced").count(), 1, "{}", log.text());
    Ok(())
}

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
        let connecting =
            async { RedisStore::connect(&format!("redis://127.0.0.1:{}", proxy.port)).await.unwrap() };
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
    let url = format!("redis://shop:secret@127.0.0.1:{}", proxy.port);
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
