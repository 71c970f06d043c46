//! The ways to a Redis server: protocols, database numbers, users, passwords, sockets.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, Redis, World, redis_client, with_client};
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::conformance::check;
use sea_orm_autocache::{StoreError, StoreErrorKind};
use std::time::Duration;

/// A busy machine may take longer than a command may take by default.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A password in which every character has a meaning in a URL.
const PASSWORD: &str = "p@ss:w/rd#?%&ü ";

/// What is true on whatever way to the server: a row is a hit, a write is seen, and nothing fails.
pub async fn it_is_a_cache(store: RedisStore) -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    // Rows of another test are under other keys.
    let builder = crate::support::builder(world.plain.clone()).app(&world.app).backend("default", store);
    let autocache = builder.build().expect("an Autocache");
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let book = titled("old").insert(&db).await?;
    assert!(cache.contains(book.id).await?, "the row is cached");
    let mut change = book.clone().into_active_model();
    change.title = Set("new".to_owned());
    change.update(&db).await?;
    let before = world.sql();
    assert_eq!(cache.get(book.id).await?.title, "new");
    assert_eq!(cache.get_many([book.id]).await?.len(), 1);
    assert_eq!(world.sql(), before, "a hit");
    let stats = autocache.stats();
    assert_eq!((stats.backends[0].failures, stats.total().errors), (0, 0), "{stats}");
    Ok(())
}

/// Sends a command over a client of the test's own.
async fn say(redis: &Redis, command: &'static str, arguments: &[&str]) -> fred::prelude::Value {
    let client = redis_client(&redis.url()).await;
    let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
    client.custom(command, arguments.to_vec()).await.expect("an answer")
}

/// As a part of a URL.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

async fn connect(url: &str) -> Result<RedisStore, StoreError> {
    RedisStore::builder(url).command_timeout(PATIENCE).connect().await
}

/// The error at connect, which names the mistake and no secret.
pub async fn mistake(builder: sea_orm_autocache::RedisStoreBuilder, secret: &str) -> String {
    let error = builder.connect().await.expect_err("a mistake");
    assert_eq!(error.kind(), StoreErrorKind::Config, "{error}");
    assert!(secret.is_empty() || !error.to_string().contains(secret), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_store_that_speaks_resp3_conforms() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let builder = RedisStore::builder(&redis.url()).command_timeout(PATIENCE).resp3();
    let store = builder.connect().await.expect("a store");
    let listed = say(&redis, "CLIENT", &["LIST"]).await.into_string().expect("a text");
    assert!(listed.lines().any(|line| line.contains("resp=3")), "{listed}");
    check(&store).await;
    it_is_a_cache(store).await
}

#[tokio::test]
async fn rows_live_in_the_database_of_the_url() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let store =
        connect(&with_client(format!("redis://127.0.0.1:{}/5", redis.port()))).await.expect("a store");
    check(&store).await;
    it_is_a_cache(store).await?;
    let keyspace = say(&redis, "INFO", &["keyspace"]).await.into_string().expect("a text");
    assert!(keyspace.contains("db5:") && !keyspace.contains("db0:"), "{keyspace}");
    Ok(())
}

#[tokio::test]
async fn a_database_that_the_server_does_not_have_is_named_when_connecting() {
    let redis = Redis::start(&["--databases", "2"]);
    let message =
        mistake(RedisStore::builder(&with_client(format!("redis://127.0.0.1:{}/7", redis.port()))), "").await;
    assert!(message.contains("no database of the number in the URL"), "{message}");
}

#[tokio::test]
async fn a_user_and_a_password_may_have_any_characters() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let user = "shop@öst:1/2";
    for (user, url_user) in [(user, encoded(user)), ("default", String::new())] {
        let password = format!(">{PASSWORD}");
        say(&redis, "ACL", &["SETUSER", user, "on", &password, "~*", "&*", "+@all"]).await;
        let url = format!("redis://{url_user}:{}@127.0.0.1:{}", encoded(PASSWORD), redis.port());
        let url = with_client(url);
        it_is_a_cache(connect(&url).await.expect("a store")).await?;
        let builder = RedisStore::builder(&url).command_timeout(PATIENCE).resp3();
        it_is_a_cache(builder.connect().await.expect("a store")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_or_user_is_named_when_connecting() {
    let redis = Redis::start(&[]);
    say(&redis, "ACL", &["SETUSER", "shop", "on", ">hunter1", "~*", "+@all"]).await;
    let at = |login: &str| with_client(format!("redis://{login}127.0.0.1:{}", redis.port()));
    for login in ["shop:hunter2@", "nobody:hunter2@"] {
        for resp3 in [false, true] {
            let builder = RedisStore::builder(&at(login));
            let message = mistake(if resp3 { builder.resp3() } else { builder }, "hunter2").await;
            assert!(message.contains("refuses the user or the password"), "{login}: {message}");
        }
    }
    say(&redis, "ACL", &["SETUSER", "default", "resetpass", ">hunter1"]).await;
    for builder in [RedisStore::builder(&at("")), RedisStore::builder(&at("")).resp3()] {
        let message = mistake(builder, "").await;
        assert!(message.contains("asks for a password"), "{message}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_way_to_a_server() -> Result<(), DbErr> {
    let redis = Redis::start_where(|folder, _| {
        let path = folder.join("my redis%.sock").to_string_lossy().into_owned();
        vec!["--unixsocket".to_owned(), path]
    });
    say(&redis, "ACL", &["SETUSER", "shop", "on", &format!(">{PASSWORD}"), "~*", "+@all"]).await;
    let path = format!("{}/my%20redis%25.sock", redis.folder().display());
    let store = connect(&with_client(format!("redis+unix://{path}"))).await.expect("a store");
    check(&store).await;
    let url = with_client(format!("redis+unix://shop:{}@localhost{path}?db=3", encoded(PASSWORD)));
    it_is_a_cache(connect(&url).await.expect("a store")).await?;
    let keyspace = say(&redis, "INFO", &["keyspace"]).await.into_string().expect("a text");
    assert!(keyspace.contains("db3:"), "{keyspace}");
    let clients = say(&redis, "CLIENT", &["LIST"]).await.into_string().expect("a text");
    assert!(clients.contains(".sock:0"), "{clients}");
    Ok(())
}

#[tokio::test]
async fn a_url_of_something_else_is_refused_without_its_secrets() {
    for url in [
        "http://shop:hunter2@localhost",
        "localhost:6379",
        "redis://shop:hunter2@localhost/x",
        "redis://shop:hunter2@localhost:x",
        "rediss+unix://shop:hunter2@localhost/run/redis.sock",
        "redis+unix://shop:hunter2@localhost",
        "redis+unix:///run/redis.sock?db=many",
    ] {
        mistake(RedisStore::builder(url), "hunter2").await;
    }
}
