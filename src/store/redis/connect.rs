//! Connecting: the settings under which fred neither hangs nor hides an outage.

use super::coalesce::Coalescer;
use super::connections::{CONNECT_TIMEOUT, Connections, optioned, start};
use super::faults::{fault, hint};
use super::scripts::Scripts;
use super::transport::Transport;
use super::{Inner, RedisStore, permissions};
use crate::store::{StoreError, StoreErrorKind};
use arc_swap::ArcSwap;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::{Builder, ConnectHandle};
use fred::types::config::{
    ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, TcpConfig,
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
    transport: Transport,
}

impl RedisStore {
    /// Connects with sound settings: reconnects without end, answers within 250 ms or not at all, and
    /// does not queue while the server is away.
    ///
    /// # Errors
    /// The URL or the configuration is wrong: the server refuses the password or the database number, its
    /// certificate is not to be trusted, or the Redis user may not run a command that the store needs. The error names
    /// it. A server that cannot be reached is a warning only: the store picks it up when it comes.
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
        Self { source, prefix: String::new(), connections: 1, command_timeout: COMMAND_TIMEOUT, transport: Transport::default() }
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

    /// Speaks RESP3, the newer protocol, for a store made from a URL. It answers what RESP2 does; leave it off unless a
    /// proxy or a policy asks for it. Defaults to RESP2.
    pub fn resp3(mut self) -> Self {
        self.transport.resp3 = true;
        self
    }

    /// Whom to trust on a `rediss://` URL, and which certificate to show. Without it, the certificate authorities of
    /// the system are trusted. With any other URL, or a client of your own, [`connect`](Self::connect) is an error: no
    /// connection is ever in the clear where TLS is asked for.
    #[cfg(feature = "tls-rustls-ring")]
    pub fn tls(mut self, tls: super::RedisTls) -> Self {
        self.transport.tls = Some(tls);
        self
    }

    /// Makes the store. Its connections belong to the caller's runtime. When that ends, or they lead nowhere, the
    /// next caller's runtime gets new ones in less than a second; until then the database answers.
    ///
    /// # Errors
    /// The URL or the configuration is wrong, the server does not accept it, or the Redis user may not run a command
    /// that the store needs. A server that cannot be reached within a second is a warning only.
    pub fn connect(self) -> impl Future<Output = Result<RedisStore, StoreError>> + Send {
        // Boxed here, or else programs compile all that fred does to connect.
        let connected: BoxFuture<'static, _> = Box::pin(self.open());
        connected
    }

    async fn open(self) -> Result<RedisStore, StoreError> {
        let Self { source, prefix, connections, command_timeout, transport } = self;
        let (clients, tasks, refused) = match source {
            Source::Url(url) => {
                let clients = clients_of(&url, &transport, connections, command_timeout)?;
                let (tasks, refused) = start(&clients).await;
                (clients, tasks, refused)
            }
            Source::Clients(clients) => {
                transport.of_a_client()?;
                (clients, Vec::new(), None)
            }
        };
        if let Some(fault) = refused.as_ref().and_then(|error| fault(error.details())) {
            tasks.iter().for_each(ConnectHandle::abort);
            return Err(StoreError::new(StoreErrorKind::Config, fault));
        }
        let Some(first) = clients.first().map(|client| optioned(client, command_timeout)) else {
            return Err(StoreError::new(StoreErrorKind::Config, "a pool without clients"));
        };
        let clustered = clients.iter().any(ClientLike::is_clustered);
        let is_tls = clients.iter().any(|client| client.client_config().uses_tls());
        let scripts = Scripts::new();
        let loaded = scripts.load(&first).await;
        permissions::check(&first, &prefix, &loaded).await?;
        if let Err(error) = loaded {
            let why = refused.as_ref().unwrap_or(&error).details();
            tracing::warn!(
                target: "sea_orm_autocache",
                error = %format_args!("{why}{}", hint(why, is_tls)),
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

fn clients_of(
    url: &str,
    transport: &Transport,
    count: usize,
    timeout: Duration,
) -> Result<Vec<Client>, StoreError> {
    let mut config = transport.config(url)?;
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
