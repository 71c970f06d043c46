//! A Redis user who may not do everything.

use crate::entities::book;
use crate::entities::keyed::word;
use crate::laws::titled;
use crate::support::{Database, Place, Redis, World, redis_client};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::{EntryState, StoreError, StoreErrorKind};

/// As in `docs/guide/deployment.md`.
const DOCUMENTED: &str = include_str!("../../../docs/guide/deployment.md");

async fn connect_as(redis: &Redis, rules: &str) -> Result<RedisStore, StoreError> {
    let client = redis_client(&redis.url()).await;
    let acl = CustomCommand::new_static("ACL", ClusterHash::FirstKey, false);
    let arguments: Vec<&str> =
        ["SETUSER", "shop", "reset", "on", ">secret"].into_iter().chain(rules.split_whitespace()).collect();
    let _: () = client.custom(acl, arguments).await.expect("a user");
    RedisStore::connect(&format!("redis://shop:secret@127.0.0.1:{}", redis.port())).await
}

#[tokio::test]
async fn a_command_that_the_user_may_not_run_is_named_when_connecting() {
    let redis = Redis::start(&[]);
    for (rules, lack) in [
        ("~* +@all -@dangerous", "INFO"),
        ("~* +@all -scan", "SCAN"),
        ("~* +@all -evalsha", "EVALSHA"),
        ("~* +@all -script", "SCRIPT LOAD"),
        ("~* +@all -getrange", "GETRANGE"),
        ("~* +@all -del -set", "SET, DEL"),
    ] {
        let error = connect_as(&redis, rules).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Config, "{error}");
        assert!(error.to_string().contains(&format!("may not run {lack}.")), "{rules}: {error}");
        assert!(
            error.to_string().contains("ACL SETUSER") && !error.to_string().contains("secret"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_documented_rule_is_all_that_a_store_needs() {
    let redis = Redis::start(&[]);
    let rule = DOCUMENTED.lines().find_map(|line| line.strip_prefix("ACL SETUSER shop on >password "));
    let rule = rule.expect("a rule in docs/guide/deployment.md");
    assert!(rule.starts_with("~shop:* "), "{rule}");
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    world.create_table(word::Entity).await;
    let store = connect_as(&redis, rule).await.expect("a store");
    let builder = crate::support::builder(world.plain.clone()).app("shop").backend("default", store);
    let autocache = builder.build().unwrap();
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("Emma").insert(&db).await.unwrap();
    cache.get(book.id).await.unwrap();
    assert!(cache.contains(book.id).await.unwrap());
    word::ActiveModel { id: Set("a".into()), note: Set("b".into()) }.insert(&db).await.unwrap();
    let words = autocache.cache::<word::Entity>();
    assert!(words.contains("a").await.unwrap());
    word::Entity::delete_many().exec(&db).await.unwrap();
    assert!(!words.contains("a").await.unwrap());
    cache.get_many([book.id, book.id + 1]).await.unwrap();
    cache.clear().await.unwrap();
    assert!(!cache.contains(book.id).await.unwrap());
    let stats = autocache.stats();
    assert_eq!((stats.backends[0].failures, stats.total().errors), (0, 0), "{stats}");
}

#[tokio::test]
async fn an_inspection_by_a_user_without_pttl_lacks_only_the_ttl() {
    let redis = Redis::start(&[]);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    for (rules, knows) in [("~shop:* ~: +@all -pttl", false), ("~shop:* ~: +@all", true)] {
        let store = connect_as(&redis, rules).await.expect("a store");
        let builder = crate::support::builder(world.plain.clone()).app("shop").backend("default", store);
        let autocache = builder.build().unwrap();
        let book = titled("Emma").insert(&autocache.connection()).await.unwrap();
        let inspection = autocache.cache::<book::Entity>().inspect(book.id).await.unwrap();
        assert_eq!((inspection.state, inspection.ttl.is_some()), (EntryState::Row, knows), "{rules}");
    }
}
