//! A Redis server of a test's own with entries of the library, and the program.
#![allow(dead_code, reason = "each test binary uses a part")]

#[path = "../../../tests/it/support/process.rs"]
pub mod process;
#[path = "../../../tests/it/support/servers.rs"]
pub mod servers;

use sea_orm::{DbBackend, MockDatabase};
use sea_orm_autocache::fred::clients::Client;
use sea_orm_autocache::fred::interfaces::ClientLike;
use sea_orm_autocache::fred::types::{Builder, ClusterHash, CustomCommand, config::Config};
use sea_orm_autocache::prelude::*;

use sea_orm_autocache::store::{Answer as Reply, Command, Found, Lifetime, Step, Token};
use servers::Redis;
use std::process::Stdio;
use std::time::Duration;

/// Part of no other text.
pub const SECRET: &str = "s3cr3t-p4ssw0rd";
const LONG: Duration = Duration::from_secs(600);

pub mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
        pub note: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {
        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::Title])]
        }
    }
    connect_signals!(ActiveModel);
}

/// What the program has answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn says(&self, text: &str) -> bool {
        self.out.contains(text) || self.err.contains(text)
    }
}

/// Runs the program without a terminal. An empty URL is none.
pub fn run(url: &str, arguments: &[&str]) -> Answer {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_autocache"));
    command.args(arguments).env_remove("REDIS_URL").stdin(Stdio::null());
    if !url.is_empty() {
        command.env("REDIS_URL", url);
    }
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Answer { code: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
}

pub fn token(number: u128) -> Token {
    Token::from_u128(number)
}

pub async fn step(store: &RedisStore, key: &str, step: Step<bytes::Bytes>) -> Reply<bytes::Bytes> {
    store.run(vec![Command::new(key.to_owned(), step)]).await.remove(0).expect("a reply")
}

/// One book in the cache, `shop:book:1`.
pub struct Scene {
    pub redis: Redis,
    pub store: RedisStore,
    pub autocache: Autocache,
    admin: Client,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with_options(&[]).await
    }

    /// With these options of the server.
    pub async fn with_options(options: &[&str]) -> Self {
        let redis = Redis::start(options);
        let password = if options.is_empty() { String::new() } else { format!(":{SECRET}@") };
        let url = format!("redis://{password}127.0.0.1:{}", redis.port());
        let store = RedisStore::connect(&url).await.expect("a store");
        let row = book::Model { id: 1, title: "Emma".to_owned(), note: None };
        let database = MockDatabase::new(DbBackend::Sqlite)
            .append_query_results([vec![row.clone()], vec![], vec![row]])
            .into_connection();
        let builder = Autocache::builder(database).app("shop").backend("default", store.clone());
        let autocache = builder.build().expect("an Autocache");
        autocache.cache::<book::Entity>().get(1).await.expect("a book");
        let admin = Builder::from_config(Config::from_url(&url).expect("a URL")).build().expect("a client");
        admin.init().await.expect("a connection");
        Self { redis, store, autocache, admin }
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        run(&self.redis.url(), arguments)
    }

    /// One key in each state, and a key of another entity.
    pub async fn plant_every_state(&self) {
        let cache = self.autocache.cache::<book::Entity>();
        assert!(cache.find(2).await.expect("an answer").is_none());
        assert_eq!(cache.list_by(book::Column::Title, "Emma").await.expect("a list").len(), 1);
        let lease = Step::Lease { token: token(1), ttl: LONG, unusable: None };
        step(&self.store, "shop:book:lease", lease).await;
        for (pk, number) in [("one", 2), ("two", 3), ("two", 4)] {
            let intent = Step::Intent { token: token(number), ttl: LONG, reissued: false };
            step(&self.store, &format!("shop:book:{pk}"), intent).await;
        }
        let Found::Bytes(entry) = self.store.get("shop:book:1").await.expect("an answer") else {
            panic!("no entry")
        };
        let older = [&entry[..1], &[1], &entry[2..]].concat();
        for (pk, bytes) in [("older", older), ("else", b"hello".to_vec())] {
            let insert = Step::Insert { entry: bytes.into(), lifetime: Lifetime::Forever };
            step(&self.store, &format!("shop:book:{pk}"), insert).await;
        }
        let page = Step::Insert { entry: entry.clone(), lifetime: Lifetime::For(LONG) };
        step(&self.store, "shop:page:1", page).await;
        self.command("HSET", &["shop:book:hash", "field", "value"]).await;
    }

    /// Makes the user `shop` with these rules.
    pub async fn user(&self, rules: &[&str]) {
        self.command("ACL", &[&["SETUSER", "shop", "reset"], rules].concat()).await;
    }

    pub fn url_of_user(&self) -> String {
        format!("redis://shop:{SECRET}@127.0.0.1:{}", self.redis.port())
    }

    async fn command(&self, name: &'static str, arguments: &[&str]) {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let _: sea_orm_autocache::fred::prelude::Value =
            self.admin.custom(command, arguments.to_vec()).await.expect("an answer");
    }
}
