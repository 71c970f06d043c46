//! Settings of a store, and how it connects.

use super::address::{Login, Target};
use super::client::RedisClient;
use super::coalesce::Coalescer;
use super::permissions;
use super::scripts::Scripts;
use super::topology::Topology;
use super::wire::{Dial, WireError, WireErrorKind};
use super::{Inner, RedisStore};
use crate::store::StoreError;
#[cfg(any(feature = "fred", feature = "tls-rustls-ring"))]
use crate::store::StoreErrorKind;
use futures_util::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);

enum Source {
    Url(String),
    #[cfg(feature = "fred")]
    Clients(Vec<fred::clients::Client>),
}

/// Settings of a [`RedisStore`].
#[must_use]
pub struct RedisStoreBuilder {
    source: Source,
    prefix: String,
    connections: usize,
    command_timeout: Duration,
    resp3: bool,
    client: RedisClient,
    #[cfg(feature = "tls-rustls-ring")]
    tls: Option<super::RedisTls>,
}

impl RedisStore {
    /// Connects with sound settings: reconnects without end, answers within 250 ms or not at all, and
    /// does not queue while the server is away.
    ///
    /// | URL | what |
    /// | --- | --- |
    /// | `redis://user:password@host:6379/0` | one server; parts of user and password are percent-encoded |
    /// | `redis-sentinel://…@host:26379/0?node=host:port&sentinelServiceName=name` | the primary of this name, with `sentinelUsername` and `sentinelPassword` where the Sentinels ask for them |
    /// | `redis-cluster://…@host:6379?node=host:port` | a Cluster that these nodes know |
    /// | `redis+unix:///path/to/redis.sock?db=0` | a Unix socket, on Unix; with a password `redis+unix://user:password@localhost/path` |
    ///
    /// `rediss` is Redis over TLS; `valkey` and `valkeys` are the same.
    ///
    /// # Errors
    /// The URL or the configuration is wrong: the server refuses the password or the database number, its certificate
    /// is not to be trusted, or the Redis user may not run a command that the store needs. The error names it. A
    /// server that cannot be reached is a warning only: the store picks it up when it comes.
    pub fn connect(url: &str) -> impl Future<Output = Result<Self, StoreError>> + Send + use<> {
        Self::builder(url).connect()
    }

    /// Settings to change before connecting.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Url(url.to_owned()))
    }

    /// Settings for a store on a client that you have made and started. When it leads nowhere, the store goes on
    /// with one of its own with the same settings. Of a client of a Cluster or of Sentinels the store takes the
    /// settings only, and connects by itself.
    #[cfg(feature = "fred")]
    #[cfg_attr(docsrs, doc(cfg(feature = "fred")))]
    pub fn on_client(client: fred::clients::Client) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Clients(vec![client]))
    }

    /// As [`on_client`](Self::on_client), for a pool. Its clients are used in turn.
    #[cfg(feature = "fred")]
    #[cfg_attr(docsrs, doc(cfg(feature = "fred")))]
    pub fn on_pool(pool: &fred::clients::Pool) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Clients(pool.clients().to_vec()))
    }
}

impl RedisStoreBuilder {
    fn new(source: Source) -> Self {
        Self {
            source,
            prefix: String::new(),
            connections: 1,
            command_timeout: COMMAND_TIMEOUT,
            resp3: false,
            client: RedisClient::default(),
            #[cfg(feature = "tls-rustls-ring")]
            tls: None,
        }
    }

    /// The client to speak to Redis with, where two are built in, for a store made from a URL. The URL's parameter
    /// `client`, which is `fred` or `redis-rs`, has the last word. Defaults to fred.
    pub fn client(mut self, client: RedisClient) -> Self {
        self.client = client;
        self
    }

    /// Prepends this to every key, for servers that are shared. Defaults to nothing.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections share the load, for a store made from a URL; in a Cluster for each node. One is right below
    /// about 100,000 commands a second. Defaults to 1.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// How long a command may take before the database is asked instead; a batch as long again for each
    /// 250 keys. Defaults to 250 ms.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// Speaks RESP3, the newer protocol, for a store made from a URL. It answers what RESP2 does; leave it off unless a
    /// proxy or a policy asks for it. Defaults to RESP2.
    pub fn resp3(mut self) -> Self {
        self.resp3 = true;
        self
    }

    /// Whom to trust on a `rediss://` URL, and which certificate to show. Without it, the certificate authorities of
    /// the system are trusted. With any other URL, or a client of your own, [`connect`](Self::connect) is an error: no
    /// connection is ever in the clear where TLS is asked for.
    #[cfg(feature = "tls-rustls-ring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-rustls-ring")))]
    pub fn tls(mut self, tls: super::RedisTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Makes the store. Its connections belong to the caller's runtime. When that ends, or they lead nowhere, the
    /// next caller's runtime gets new ones in less than a second; until then the database answers.
    ///
    /// # Errors
    /// The URL or the configuration is wrong, the server does not accept it, or the Redis user may not run a command
    /// that the store needs. A server that cannot be reached within a second is a warning only.
    pub fn connect(self) -> impl Future<Output = Result<RedisStore, StoreError>> + Send {
        // Boxed here, or else programs compile all that a client does to connect.
        let connected: BoxFuture<'static, _> = Box::pin(self.open());
        connected
    }

    async fn open(self) -> Result<RedisStore, StoreError> {
        let limit = self.command_timeout;
        let (prefix, topology) = (self.prefix.clone(), self.topology().await?);
        topology.check(&prefix, limit).await?;
        let scripts = Scripts::new();
        let loaded = match topology.node_of(&[prefix.as_str(), permissions::KEY].concat()) {
            Some(node) => {
                let loaded = scripts.load(&node, limit).await;
                permissions::check(&node, topology.is_cluster(), &prefix, &loaded, limit).await?;
                loaded
            }
            None => Err(WireError::new(WireErrorKind::Broken, "no server is known")),
        };
        if let Err(error) = loaded {
            let node = topology.node_of(&prefix);
            let error = node.and_then(|node| node.trouble()).unwrap_or_else(|| error.to_string());
            tracing::warn!(
                target: "sea_orm_autocache", %error,
                "Redis cannot be reached yet; the database answers until it can"
            );
        }
        let coalescer = Coalescer::default();
        let inner = Inner { topology, command_timeout: limit, coalescer, prefix, scripts };
        Ok(RedisStore { inner: Arc::new(inner) })
    }

    async fn topology(self) -> Result<Topology, StoreError> {
        let mut dial = Dial {
            client: self.client,
            login: Login::default(),
            is_tls: false,
            #[cfg(feature = "tls-rustls-ring")]
            tls: None,
            resp3: self.resp3,
            command_timeout: self.command_timeout,
            #[cfg(feature = "fred")]
            config: None,
        };
        match self.source {
            Source::Url(url) => {
                let Target { servers, login, is_tls, client } = Target::of(&url)?;
                (dial.login, dial.is_tls) = (login, is_tls);
                dial.client = client.unwrap_or(dial.client);
                #[cfg(feature = "tls-rustls-ring")]
                match self.tls {
                    Some(_) if !is_tls => {
                        let text =
                            "`RedisTls` is given, and the URL is one without TLS: begin it with `rediss`";
                        return Err(StoreError::new(StoreErrorKind::Config, text));
                    }
                    given if is_tls => dial.tls = Some(given.unwrap_or_default().read()?),
                    _ => {}
                }
                Ok(Topology::open(&Arc::new(dial), self.connections, servers).await?)
            }
            #[cfg(feature = "fred")]
            Source::Clients(clients) => {
                #[cfg(feature = "tls-rustls-ring")]
                if self.tls.is_some() {
                    let text = "`RedisTls` is for a URL: a client of your own brings its own settings of TLS";
                    return Err(StoreError::new(StoreErrorKind::Config, text));
                }
                if self.resp3 {
                    let text = "`resp3` is for a URL: a client of your own has a protocol already";
                    return Err(StoreError::new(StoreErrorKind::Config, text));
                }
                Ok(super::adopted::topology(dial, clients).await?)
            }
        }
    }
}

impl std::fmt::Debug for RedisStoreBuilder {
    /// Leaves the source out: a URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
