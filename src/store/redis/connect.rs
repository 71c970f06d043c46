//! Connecting: the settings under which fred neither hangs nor hides an outage.

use super::coalesce::Coalescer;
use super::connections::{CONNECT_TIMEOUT, Connections, optioned, start};
use super::scripts::Scripts;
use super::{Inner, RedisStore, permissions};
use crate::store::{StoreError, StoreErrorKind};
use arc_swap::ArcSwap;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::Builder;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, TcpConfig,
};
use futures_util::future::BoxFuture;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);
/// fred notices that a connection is down only after the first of these delays; so it is short.
const RECONNECT_FIRST_MS: u32 = 5;
const RECONNECT_MAX_MS: u32 = 300;
/// Beyond this many commands in flight on one connection, further ones fail at once.
const COMMANDS_IN_FLIGHT_MAX: usize = 20_000;
const EVENTS_BUFFERED: usize = 1_024;

enum Source {
    Url(String),
    Clients(Vec<Client>),
}

/// Settings of a [`RedisStore`].
#[must_use]
pub struct RedisStoreBuilder {
    source: Source,
    prefix: String,
    connections: usize,
    command_timeout: Duration,
}

impl RedisStore {
    /// Connects with sound settings: reconnects without end, answers within 250 ms or not at all, and
    /// does not queue while the server is away.
    ///
    /// # Errors
    /// The URL or the configuration is wrong, or the Redis user may not run a command that the store needs: the
    /// error names it. A server that cannot be reached is a warning only: the store picks it up when it comes.
    pub fn connect(url: &str) -> impl Future<Output = Result<Self, StoreError>> + Send + use<> {
        Self::builder(url).connect()
    }

    /// Settings to change before connecting.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Url(url.to_owned()))
    }

    /// Settings for a store on a client that you have made and started. When it leads nowhere, the store goes on
    /// with one of its own with the same settings.
    pub fn on_client(client: Client) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Clients(vec![client]))
    }

    /// As [`on_client`](Self::on_client), for a pool. Its clients are used in turn.
    pub fn on_pool(pool: &fred::clients::Pool) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Source::Clients(pool.clients().to_vec()))
    }
}

impl RedisStoreBuilder {
    fn new(source: Source) -> Self {
        Self { source, prefix: String::new(), connections: 1, command_timeout: COMMAND_TIMEOUT }
    }

    /// Prepends this to every key, for servers that are shared. Defaults to nothing.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections share the load, for a store made from a URL. One is right below about
    /// 100,000 commands a second. Defaults to 1.
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

    /// Makes the store. Its connections belong to the caller's runtime. When that ends, or they lead nowhere, the
    /// next caller's runtime gets new ones in less than a second; until then the database answers.
    ///
    /// # Errors
    /// The URL or the configuration is wrong, or the Redis user may not run a command that the store needs. A
    /// server that cannot be reached within a second is a warning only.
    pub fn connect(self) -> impl Future<Output = Result<RedisStore, StoreError>> + Send {
        // Boxed here, or else programs compile all that fred does to connect.
        let connected: BoxFuture<'static, _> = Box::pin(self.open());
        connected
    }

    async fn open(self) -> Result<RedisStore, StoreError> {
        let Self { source, prefix, connections, command_timeout } = self;
        let (clients, tasks) = match source {
            Source::Url(url) => {
                let clients = clients_of(&url, connections, command_timeout)?;
                let tasks = start(&clients).await;
                (clients, tasks)
            }
            Source::Clients(clients) => (clients, Vec::new()),
        };
        let Some(first) = clients.first().map(|client| optioned(client, command_timeout)) else {
            return Err(StoreError::new(StoreErrorKind::Config, "a pool without clients"));
        };
        let clustered = clients.iter().any(ClientLike::is_clustered);
        let scripts = Scripts::new();
        let loaded = scripts.load(&first).await;
        permissions::check(&first, &prefix, &loaded).await?;
        if let Err(error) = loaded {
            tracing::warn!(
                target: "sea_orm_autocache",
                error = %error.details(),
                "Redis cannot be reached yet; the database answers until it can"
            );
        }
        let connections = Connections::of(clients, tasks, command_timeout).await;
        let inner = Inner {
            connections: ArcSwap::from_pointee(connections),
            command_timeout,
            next: AtomicUsize::new(0),
            clustered,
            coalescer: Coalescer::default(),
            prefix,
            scripts,
        };
        Ok(RedisStore { inner: Arc::new(inner) })
    }
}

impl std::fmt::Debug for RedisStoreBuilder {
    /// Leaves the source out: a URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn clients_of(url: &str, count: usize, timeout: Duration) -> Result<Vec<Client>, StoreError> {
    // fred's own message may quote the URL, and the URL may hold a password.
    let bad_url =
        |()| StoreError::new(StoreErrorKind::Config, "this is not a Redis URL: redis://host:port/db");
    if !has_redis_scheme(url) {
        return Err(bad_url(()));
    }
    let mut config = Config::from_url(url).map_err(|_| bad_url(()))?;
    if asks_for_tls(url) && !config.uses_tls() {
        let message = "the URL asks for TLS, and fred was built without: add a dependency on `fred` with a \
                       feature such as `enable-rustls`";
        return Err(StoreError::new(StoreErrorKind::Config, message));
    }
    config.fail_fast = false;
    let clustered = config.server.is_clustered();
    let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, 2);
    policy.set_jitter(RECONNECT_FIRST_MS);
    let mut builder = Builder::from_config(config);
    builder.set_policy(policy);
    builder.with_connection_config(|connection| tune_connection(connection, clustered));
    builder.with_performance_config(|performance: &mut PerformanceConfig| {
        performance.default_command_timeout = timeout;
        performance.broadcast_channel_capacity = EVENTS_BUFFERED;
    });
    let config_error = |e: fred::error::Error| StoreError::new(StoreErrorKind::Config, e.details());
    (0..count).map(|_| builder.build().map_err(config_error)).collect()
}

/// fred takes a URL of any scheme for one of Redis.
fn has_redis_scheme(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let family = scheme.split(['-', '+']).next().unwrap_or_default();
    matches!(family, "redis" | "rediss" | "valkey" | "valkeys")
}

/// Without TLS built in, fred would connect in the clear.
fn asks_for_tls(url: &str) -> bool {
    url.starts_with("rediss") || url.starts_with("valkeys")
}

fn tune_connection(connection: &mut ConnectionConfig, clustered: bool) {
    connection.connection_timeout = CONNECT_TIMEOUT;
    connection.internal_command_timeout = CONNECT_TIMEOUT;
    connection.max_command_attempts = if clustered { 3 } else { 1 };
    connection.max_command_buffer_len = COMMANDS_IN_FLIGHT_MAX;
    connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
    connection.reconnect_on_auth_error = true;
    // A demoted primary answers READONLY; a starting one LOADING.
    connection.reconnect_errors =
        vec![ReconnectError::ClusterDown, ReconnectError::Loading, ReconnectError::ReadOnly];
}
