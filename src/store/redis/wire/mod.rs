//! A connection to one server, by whichever client: the few operations that the store is made of.

#[cfg(feature = "fred")]
mod fred;
#[cfg(feature = "redis-rs")]
mod redis_rs;
mod resp;

#[cfg(feature = "fred")]
pub(super) use self::fred::FredWire;
#[cfg(feature = "redis-rs")]
pub(super) use self::redis_rs::RedisRsWire;
pub(super) use resp::{Request, RespValue, WireError, WireErrorKind};

use super::address::{Address, Login};
use super::client::RedisClient;
use super::identity::Identity;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to come up before the caller goes on without; it goes on trying.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The pauses between attempts. The first is short: fred notices that a connection is down only after it.
const RECONNECT_FIRST_MS: u32 = 5;
const RECONNECT_MAX_MS: u32 = 300;

/// How connections are made.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) client: RedisClient,
    pub(super) login: Login,
    pub(super) is_tls: bool,
    #[cfg(feature = "tls-rustls-ring")]
    pub(super) tls: Option<super::tls::TlsSettings>,
    /// Whether to speak RESP3.
    pub(super) resp3: bool,
    /// How long a command may take.
    pub(super) command_timeout: Duration,
    /// The settings of a client of the user's, where there is one.
    #[cfg(feature = "fred")]
    pub(super) config: Option<Box<::fred::types::config::Config>>,
}

impl Dial {
    /// The same, for who logs in otherwise.
    pub(super) fn as_user(&self, login: Login) -> Self {
        let mut dial = self.clone();
        #[cfg(feature = "fred")]
        if let Some(config) = &mut dial.config {
            config.username.clone_from(&login.user);
            config.password.clone_from(&login.password);
            config.database = None;
        }
        dial.login = login;
        dial
    }
}

/// A connection to one server. It comes back by itself when it breaks, on the runtime on which it was made; as long as
/// it is down, commands fail at once. When it breaks, it makes its [`Identity`] forget the server.
///
/// Dropped when its last clone is.
pub(super) trait Connection: Clone + Send + Sync + 'static {
    /// Reads a key. The caller limits the time.
    fn get(&self, key: String) -> impl Future<Output = Result<Option<Bytes>, WireError>> + Send;

    /// Reads keys by one command. The caller limits the time.
    fn mget(&self, keys: Vec<String>) -> impl Future<Output = Result<Vec<Option<Bytes>>, WireError>> + Send;

    /// Sends commands together, with no command of others in between, and waits for their answers. Not sent after
    /// `limit` has passed: one that is sent long after its writer has given up might put an old row where a newer one
    /// has been. Never sent twice.
    fn send(
        &self,
        requests: &[&Request],
        limit: Duration,
    ) -> impl Future<Output = Vec<Result<RespValue, WireError>>> + Send;

    /// Whether it never comes back by itself.
    fn has_ended(&self) -> bool;
}

/// The client of a connection. An enum and not a trait object: the future of a `GET` is not boxed.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // There are few of them, and each is borrowed from its node.
pub(super) enum Wire {
    #[cfg(feature = "fred")]
    Fred(FredWire),
    #[cfg(feature = "redis-rs")]
    RedisRs(RedisRsWire),
}

impl Wire {
    /// Connects, and waits until that is done or has failed, but not for long.
    ///
    /// # Errors
    /// The settings are wrong.
    pub(super) async fn open(
        dial: &Dial,
        address: &Address,
        identity: &Arc<Identity>,
    ) -> Result<Self, WireError> {
        Ok(match dial.client {
            #[cfg(feature = "fred")]
            RedisClient::Fred => Self::Fred(FredWire::open(dial, address, identity).await?),
            #[cfg(feature = "redis-rs")]
            RedisClient::RedisRs => Self::RedisRs(RedisRsWire::open(dial, address, identity).await?),
        })
    }

    /// See [`Connection::mget`].
    pub(super) async fn mget(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, WireError> {
        match self {
            #[cfg(feature = "fred")]
            Self::Fred(wire) => wire.mget(keys).await,
            #[cfg(feature = "redis-rs")]
            Self::RedisRs(wire) => wire.mget(keys).await,
        }
    }

    /// See [`Connection::send`].
    pub(super) async fn send(
        &self,
        requests: &[&Request],
        limit: Duration,
    ) -> Vec<Result<RespValue, WireError>> {
        match self {
            #[cfg(feature = "fred")]
            Self::Fred(wire) => wire.send(requests, limit).await,
            #[cfg(feature = "redis-rs")]
            Self::RedisRs(wire) => wire.send(requests, limit).await,
        }
    }

    /// See [`Connection::has_ended`].
    pub(super) fn has_ended(&self) -> bool {
        match self {
            #[cfg(feature = "fred")]
            Self::Fred(wire) => wire.has_ended(),
            #[cfg(feature = "redis-rs")]
            Self::RedisRs(wire) => wire.has_ended(),
        }
    }
}
