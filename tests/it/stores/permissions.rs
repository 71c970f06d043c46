//! A Redis user who may not do everything.

use crate::entities::book;
use crate::entities::keyed::word;
use crate::laws::titled;
use crate::support::{Database, Log, Place, Redis, World, redis_client, with_client};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::{EntryState, StoreError, StoreErrorKind};
use tracing::Level;

const DOCUMENTED: &str = include_str!("../../../docs/guide/connecting.md");

async fn make_user(redis: &Redis, rules: &str) {
    let client = redis_client(&redis.url()).await;
    let acl = CustomCommand::new_static("ACL", ClusterHash::FirstKey, false);
    let arguments: Vec<&str> =
        ["SETUSER", "shop", "reset", "on", ">secret"].into_iter().chain(rules.split_whitespace()).collect();
    let _: () = client.custom(acl, arguments).await.expect("a user");
}

fn url(redis: &Redis) -> String {
    with_client(format!("redis://shop:secret@127.0.0.1:{}", redis.port()))
}

async fn connect_as(redis: &Redis, rules: &str) -> Result<RedisStore, StoreError> {
    make_user(redis, rules).await;
    RedisStore::connect(&url(redis)).await
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
        ("~* +@all -del -set", "DEL, SET"),
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

/// The rule that the page gives.
fn documented() -> &'static str {
    let rule = DOCUMENTED.lines().find_map(|line| line.strip_prefix("ACL SETUSER shop on >password "));
    rule.expect("a rule on the page")
}

/// As the rule has its commands, and as the error names them.
#[tokio::test]
async fn each_command_of_the_documented_rule_is_named_when_it_is_missing() {
    let redis = Redis::start(&[]);
    let commands: Vec<&str> = documented().split(' ').filter(|word| word.starts_with('+')).collect();
    assert_eq!(commands.len(), 11, "{commands:?}");
    for prefix in ["", "web:"] {
        for missing in &commands {
            let kept: Vec<&str> = documented().split(' ').filter(|word| word != missing).collect();
            make_user(&redis, &kept.join(" ")).await;
            let store = RedisStore::builder(&url(&redis)).key_prefix(prefix).connect().await;
            let error = store.expect_err(missing).to_string();
            let name = missing[1..].replace('|', " ").to_uppercase();
            assert!(error.contains(&format!("may not run {name}. ")), "{missing}: {error}");
        }
    }
}

#[tokio::test]
async fn keys_that_the_user_may_not_touch_are_a_warning_that_says_what_to_allow() {
    let redis = Redis::start(&[]);
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let rule = documented().replace("~shop:*", "~other:*");
    make_user(&redis, &rule).await;
    let store = RedisStore::builder(&url(&redis)).key_prefix("web:").connect().await.expect("a store");
    let builder = crate::support::builder(world.plain.clone()).app("shop").backend("default", store);
    let autocache = builder.build().unwrap();
    let (log, cache) = (Log::default(), autocache.cache::<book::Entity>());
    let _guard = log.listen(Level::WARN);
    let book = titled("Emma").insert(&world.plain).await.unwrap();
    for _ in 0..10 {
        assert_eq!(cache.get(book.id).await.unwrap().title, "Emma");
    }
    let text = log.text();
    assert_eq!(text.matches("the cache refuses what it is asked").count(), 1, "{text}");
    assert!(text.contains("~<key_prefix><app label>:*") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn the_documented_rule_is_all_that_a_store_needs() {
    let redis = Redis::start(&[]);
    let rule = documented();
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
