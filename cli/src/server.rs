//! [`Server`]: the Redis server, and how its keys are walked and looked at.

use crate::args::Args;
use crate::failure::Failure;
use crate::held::Held;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use sea_orm_autocache::fred::clients::{Client, Pipeline};
use sea_orm_autocache::fred::interfaces::{ClientLike, KeysInterface};
use sea_orm_autocache::fred::prelude::{FredResult, Value};
use sea_orm_autocache::fred::types::config::Config;
use sea_orm_autocache::fred::types::{Builder, ClusterHash, CustomCommand};
use sea_orm_autocache::{RedisStore, StoreError};
use std::time::Duration;

/// Keys of one round trip, both of a walk and of a look. It bounds how long the server is busy with one command.
const PAGE: u32 = 500;
/// So much of a value tells what it is: the header of an entry, and the flag of an intent.
const HEAD_BYTES: usize = 30;

pub struct Server {
    client: Client,
    timeout: Duration,
    /// The store's own, before every key.
    pub prefix: String,
}

impl Server {
    /// # Errors
    /// There is no URL, or it is none; the server is not there, or lets this user not in.
    pub async fn connect(args: &Args) -> Result<Self, Failure> {
        let missing =
            || Failure::Usage("which server? Give its URL in the variable REDIS_URL, or with --redis".into());
        let url = args.redis.as_deref().filter(|url| !url.is_empty()).ok_or_else(missing)?;
        // The parser's own message may quote the URL, and so the password.
        let malformed = || Failure::Usage("this is no URL of a Redis server: redis://host:port/db".into());
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if !["redis", "rediss", "valkey", "valkeys"]
            .contains(&scheme.split(['-', '+']).next().unwrap_or_default())
        {
            return Err(malformed());
        }
        let config = Config::from_url(url).map_err(|_| malformed())?;
        let timeout = Duration::from_secs(args.timeout);
        let mut builder = Builder::from_config(config);
        builder.with_connection_config(|connection| {
            connection.connection_timeout = timeout;
            connection.internal_command_timeout = timeout;
            connection.max_command_attempts = 3;
        });
        builder.with_performance_config(|performance| performance.default_command_timeout = timeout);
        let client = builder.build()?;
        client.init().await?;
        Ok(Self { client, timeout, prefix: args.prefix.clone() })
    }

    /// The library's own store on this connection, for what must follow the protocol.
    pub async fn store(&self) -> Result<RedisStore, StoreError> {
        let builder = RedisStore::on_client(self.client.clone()).key_prefix(self.prefix.clone());
        builder.command_timeout(self.timeout).connect().await
    }

    /// All keys that begin with the store's prefix and this one, in pages. A key that comes or goes meanwhile may be
    /// among them or not; one may come twice while the server resizes its table.
    pub fn pages(&self, prefix: &str) -> BoxStream<'_, Result<Vec<String>, Failure>> {
        let pattern = format!("{}*", glob_escaped(&[&self.prefix, prefix].concat()));
        let keys = if self.client.is_clustered() {
            let keys = self.client.scan_cluster_buffered(pattern, Some(PAGE), None);
            keys.try_filter_map(|key| async move { Ok(key.into_string()) }).boxed()
        } else {
            self.scan(pattern).map_ok(|keys| stream::iter(keys.into_iter().map(Ok))).try_flatten().boxed()
        };
        keys.try_chunks(PAGE as usize).map_err(|error| Failure::from(error.1)).boxed()
    }

    /// fred's own stream of keys hides why the server refuses.
    fn scan(&self, pattern: String) -> BoxStream<'_, FredResult<Vec<String>>> {
        let next = move |cursor: Option<String>| {
            let pattern = pattern.clone();
            async move {
                let Some(cursor) = cursor else { return Ok(None) };
                let (next, keys): (String, Vec<String>) =
                    self.client.scan_page(cursor, pattern, Some(PAGE), None).await?;
                Ok(Some((keys, Some(next).filter(|next| next != "0"))))
            }
        };
        stream::try_unfold(Some("0".to_owned()), next).boxed()
    }

    /// What a key holds, with all its bytes. `None`: nothing.
    pub async fn read(&self, key: &str) -> Result<Option<(Held, Vec<u8>)>, Failure> {
        let key = [&self.prefix, key].concat();
        let pipeline: Pipeline<Client> = self.client.pipeline();
        let _: () = pipeline.get(&key).await?;
        let _: () = pipeline.pttl(&key).await?;
        let mut answers = pipeline.try_all::<Value>().await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        let (bytes, left) = (next(), next());
        if is_wrong_type(&bytes) {
            return Ok(Some((Held::of_other_type(key, left?.convert()?), Vec::new())));
        }
        let Some(bytes) = bytes?.convert::<Option<Vec<u8>>>()? else { return Ok(None) };
        let held = Held::of(key, &bytes, bytes.len() as u64, left?.convert()?);
        Ok(Some((held, bytes)))
    }

    /// The server's clock, by which the deadlines of writers are set.
    pub async fn now_ms(&self) -> Result<u64, Failure> {
        let time = CustomCommand::new_static("TIME", ClusterHash::Random, false);
        let (seconds, micros): (u64, u64) = self.client.custom(time, Vec::<String>::new()).await?;
        Ok(seconds * 1_000 + micros / 1_000)
    }

    /// What each of these keys holds, in one round trip: no more than the first bytes of a value are sent. Those that
    /// have gone are left out.
    pub async fn look(&self, keys: Vec<String>) -> Result<Vec<Held>, Failure> {
        let pipeline: Pipeline<Client> = self.client.pipeline();
        for key in &keys {
            let _: () = pipeline.getrange(key, 0, HEAD_BYTES - 1).await?;
            let _: () = pipeline.strlen(key).await?;
            let _: () = pipeline.pttl(key).await?;
        }
        let mut answers = pipeline.try_all::<Value>().await.into_iter();
        let mut held = Vec::with_capacity(keys.len());
        for key in keys {
            let mut next = || answers.next().unwrap_or(Ok(Value::Null));
            let (head, length, left): (FredResult<Value>, FredResult<Value>, FredResult<Value>) =
                (next(), next(), next());
            let left: i64 = left?.convert()?;
            if is_wrong_type(&head) {
                held.push(Held::of_other_type(key, left));
            } else if left != -2 {
                let head: Vec<u8> = head?.into_owned_bytes().unwrap_or_default();
                held.push(Held::of(key, &head, length?.convert()?, left));
            }
        }
        Ok(held)
    }
}

fn is_wrong_type(answer: &FredResult<Value>) -> bool {
    matches!(answer, Err(error) if error.details().starts_with("WRONGTYPE"))
}

fn glob_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
