//! Connections by fred: the settings under which it neither hangs nor hides an outage.

use super::{
    CONNECT_TIMEOUT, Connection, Dial, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, Request, RespValue, WireError,
    WireErrorKind,
};
use crate::store::redis::address::Address;
use crate::store::redis::faults::{fault, hint};
use crate::store::redis::identity::Identity;
use bytes::Bytes;
use fred::clients::{Client, Pipeline, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, KeysInterface};
use fred::prelude::{FredResult, Value};
#[cfg(feature = "tls-rustls-ring")]
use fred::types::config::TlsConnector;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, Server, ServerConfig, TcpConfig,
};
use fred::types::{Builder, ClientState, ClusterHash, ConnectHandle, CustomCommand, RespVersion};
use futures_util::TryFutureExt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// Beyond this many commands in flight on one connection, further ones fail at once.
const COMMANDS_IN_FLIGHT_MAX: usize = 20_000;
const EVENTS_BUFFERED: usize = 1_024;
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A client of one server.
#[derive(Clone, Debug)]
pub(crate) struct FredWire {
    client: WithOptions<Client>,
    /// The same without fred's own timeout, which costs a read twice as much as one around it.
    untimed: WithOptions<Client>,
    tasks: Arc<Tasks>,
}

/// What ends with the last clone.
#[derive(Debug)]
struct Tasks {
    /// That of a client which the store has made itself.
    client: Option<ConnectHandle>,
    follower: AbortHandle,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.client.iter().for_each(ConnectHandle::abort);
        self.follower.abort();
    }
}

impl FredWire {
    /// See [`Wire::open`](super::Wire::open).
    pub(super) async fn open(
        dial: &Dial,
        address: &Address,
        identity: &Arc<Identity>,
    ) -> Result<Self, WireError> {
        let client = client(dial, address)?;
        let mut errors = client.error_rx();
        let task = client.connect();
        let mut last = None;
        let refused = tokio::select! {
            biased;
            fault = first_fault(&mut errors, &mut last) => Some(fault),
            _ = tokio::time::timeout(CONNECT_TIMEOUT, connected(&client)) => None,
        };
        if let Some(text) = refused {
            task.abort();
            return Err(WireError::new(WireErrorKind::Config, text));
        }
        if client.state() != ClientState::Connected {
            let why = last.unwrap_or_else(WireError::timed_out);
            identity.note_trouble(Some(format!("{why}{}", hint(why.text(), dial.is_tls))));
        }
        Ok(Self::on(client, Some(task), dial.command_timeout, identity))
    }

    /// On a client of the user's.
    pub(crate) fn adopt(client: Client, command_timeout: Duration, identity: &Arc<Identity>) -> Self {
        Self::on(client, None, command_timeout, identity)
    }

    fn on(
        client: Client,
        task: Option<ConnectHandle>,
        command_timeout: Duration,
        identity: &Arc<Identity>,
    ) -> Self {
        let (errors, reconnects) = (client.error_rx(), client.reconnect_rx());
        let follower = tokio::spawn(follow(errors, reconnects, identity.clone())).abort_handle();
        Self {
            untimed: optioned(&client, Duration::ZERO),
            client: optioned(&client, command_timeout),
            tasks: Arc::new(Tasks { client: task, follower }),
        }
    }

    /// The client with this timeout.
    fn within(&self, limit: Duration) -> WithOptions<Client> {
        if self.client.options().timeout == Some(limit) {
            return self.client.clone();
        }
        let plain: &Client = &self.client;
        optioned(plain, limit)
    }
}

impl Connection for FredWire {
    // No async block: it would hold the key once more, in the future of every hit.
    fn get(&self, key: String) -> impl Future<Output = Result<Option<Bytes>, WireError>> + Send {
        self.untimed.get(key).map_err(|error| wire_error(&error))
    }

    async fn mget(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, WireError> {
        self.untimed.mget(keys).await.map_err(|error| wire_error(&error))
    }

    async fn send(&self, requests: &[&Request], limit: Duration) -> Vec<Result<RespValue, WireError>> {
        // By fred's own timeout: it drops a command that it has not sent by then.
        let client = self.within(limit);
        let answers = if let [request] = requests {
            vec![say(&client, request).await]
        } else {
            let pipeline = Pipeline::from(client);
            for &request in requests {
                // Queues only; the answer is the pipeline's.
                if let Err(error) = say(&pipeline, request).await {
                    return requests.iter().map(|_| Err(wire_error(&error))).collect();
                }
            }
            one_for_each(pipeline.try_all::<Value>().await, requests.len())
        };
        answers.into_iter().map(|answer| answer.map_err(|error| wire_error(&error)).and_then(resp)).collect()
    }

    fn has_ended(&self) -> bool {
        self.tasks.client.as_ref().is_some_and(ConnectHandle::is_finished)
    }
}

async fn say<C: ClientLike + Sync>(client: &C, request: &Request) -> FredResult<Value> {
    let command = CustomCommand::new_static(request.command, ClusterHash::FirstKey, false);
    client.custom(command, request.arguments.iter().cloned().map(Value::Bytes).collect::<Vec<_>>()).await
}

/// fred answers a pipeline that failed as a whole with one error.
fn one_for_each(mut results: Vec<FredResult<Value>>, count: usize) -> Vec<FredResult<Value>> {
    if results.len() == count {
        return results;
    }
    let short = || Error::new(ErrorKind::Protocol, "a pipeline answered with another number of replies");
    let error = results.drain(..).find_map(Result::err).unwrap_or_else(short);
    (0..count).map(|_| Err(error.clone())).collect()
}

fn client(dial: &Dial, address: &Address) -> Result<Client, WireError> {
    let mut config = match &dial.config {
        Some(config) => (**config).clone(),
        None => config_of(dial)?,
    };
    config.server = match address {
        Address::Tcp { host, port } => ServerConfig::Centralized { server: Server::new(host, *port) },
        #[cfg(unix)]
        Address::Unix(path) => ServerConfig::Unix { path: path.clone() },
        #[cfg(not(unix))]
        Address::Unix(_) => {
            let text = "this system has no Unix sockets";
            return Err(WireError::new(WireErrorKind::Config, text));
        }
    };
    config.fail_fast = false;
    let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, 2);
    policy.set_jitter(RECONNECT_FIRST_MS);
    let mut builder = Builder::from_config(config);
    builder.set_policy(policy);
    builder.with_connection_config(tune);
    builder.with_performance_config(|performance: &mut PerformanceConfig| {
        performance.default_command_timeout = dial.command_timeout;
        performance.broadcast_channel_capacity = EVENTS_BUFFERED;
    });
    builder.build().map_err(|error| WireError::new(WireErrorKind::Config, error.details()))
}

fn config_of(dial: &Dial) -> Result<Config, WireError> {
    let mut config = with_tls(dial)?;
    config.username = dial.login.user.clone();
    config.password = dial.login.password.clone();
    config.database = (dial.login.database != 0).then_some(dial.login.database);
    if dial.resp3 {
        config.version = RespVersion::RESP3;
        config.username = config.username.as_deref().map(quoted);
        config.password = config.password.as_deref().map(quoted);
    }
    Ok(config)
}

/// fred would leave the choice of the cryptography to the program, and panic where that has not made it.
#[cfg(feature = "tls-rustls-ring")]
#[allow(clippy::unnecessary_wraps)]
fn with_tls(dial: &Dial) -> Result<Config, WireError> {
    let connector = dial.tls.as_ref().map(|tls| TlsConnector::from((*tls.0).clone()));
    Ok(Config { tls: connector.map(Into::into), ..Config::default() })
}

#[cfg(not(feature = "tls-rustls-ring"))]
fn with_tls(dial: &Dial) -> Result<Config, WireError> {
    // fred makes the settings of its own TLS, if it has one, of a URL's scheme.
    let url = if dial.is_tls { "rediss://host" } else { "redis://host" };
    let config =
        Config::from_url(url).map_err(|error| WireError::new(WireErrorKind::Config, error.details()))?;
    if dial.is_tls && !config.uses_tls() {
        let text = "the URL asks for TLS, which is not built in: enable the feature `tls-rustls-ring`, or depend on \
                    `fred` with a feature such as `enable-rustls`";
        return Err(WireError::new(WireErrorKind::Config, text));
    }
    Ok(config)
}

/// For fred, which logs in to RESP3 by a line of text: without quotes, a blank would end the password, and a line break
/// begin another command.
fn quoted(text: &str) -> String {
    let escaped: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{escaped}\"")
}

fn tune(connection: &mut ConnectionConfig) {
    connection.connection_timeout = CONNECT_TIMEOUT;
    connection.internal_command_timeout = CONNECT_TIMEOUT;
    connection.max_command_attempts = 1;
    connection.max_command_buffer_len = COMMANDS_IN_FLIGHT_MAX;
    connection.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
    connection.reconnect_on_auth_error = true;
}

/// `fail_fast` looks at the connection's state when a command is sent; the timeout covers a silent server; one attempt,
/// so that a command is never replayed late.
fn optioned(client: &Client, timeout: Duration) -> WithOptions<Client> {
    client.with_options(&Options {
        fail_fast: true,
        timeout: Some(timeout),
        max_attempts: Some(1),
        ..Options::default()
    })
}

/// fred's own future of this may miss what happens between its look at the state and its subscription.
async fn connected(client: &Client) {
    while client.state() != ClientState::Connected {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

type Errors = Receiver<(Error, Option<Server>)>;

/// Why the server, which is there, will refuse the next attempt, too.
async fn first_fault(errors: &mut Errors, last: &mut Option<WireError>) -> String {
    loop {
        match errors.recv().await {
            Ok((error, _)) => match fault(error.details()) {
                Some(fault) => return fault,
                None => *last = Some(wire_error(&error)),
            },
            Err(RecvError::Closed) => std::future::pending().await,
            Err(RecvError::Lagged(_)) => {}
        }
    }
}

/// Any error on a connection makes the server unknown, a lagging channel too.
async fn follow(mut errors: Errors, mut reconnects: Receiver<Server>, identity: Arc<Identity>) {
    let mut warned = false;
    loop {
        tokio::select! {
            biased;
            error = errors.recv() => {
                match error {
                    Ok((error, _)) => {
                        if let Some(fault) = fault(error.details())
                            && !std::mem::replace(&mut warned, true)
                        {
                            tracing::warn!(
                                target: "sea_orm_autocache", error = fault,
                                "Redis refuses every connection; the database answers until it takes one"
                            );
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
                identity.forget();
            }
            reconnected = reconnects.recv() => match reconnected {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    warned = false;
                    identity.note_trouble(None);
                    identity.changed.notify_one();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn resp(value: Value) -> Result<RespValue, WireError> {
    Ok(match value {
        Value::Null => RespValue::Nil,
        Value::Integer(number) => RespValue::Integer(number),
        Value::Boolean(flag) => RespValue::Integer(flag.into()),
        Value::Bytes(bytes) => RespValue::Bytes(bytes),
        Value::String(text) => RespValue::Bytes(text.into_inner()),
        Value::Array(values) => RespValue::Array(values.into_iter().map(resp).collect::<Result<_, _>>()?),
        other => {
            let text = format!("an answer that no command of the store has: {:?}", other.kind());
            return Err(WireError::new(WireErrorKind::Client, text));
        }
    })
}

fn wire_error(error: &Error) -> WireError {
    let kind = match error.kind() {
        ErrorKind::Timeout => WireErrorKind::Timeout,
        ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Routing => WireErrorKind::Broken,
        ErrorKind::Unknown if has_no_task(error) => WireErrorKind::Broken,
        // fred has no kind for answers: it sorts those that it knows into its own.
        _ if is_answer(error.details()) => WireErrorKind::Answer,
        ErrorKind::Config | ErrorKind::Url => WireErrorKind::Config,
        _ => WireErrorKind::Client,
    };
    WireError::new(kind, error.details())
}

/// A server's errors begin with a word in capitals.
fn is_answer(text: &str) -> bool {
    let code = text.split(' ').next().unwrap_or_default();
    code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether the client's task has ended: fred has no kind for it.
fn has_no_task(error: &Error) -> bool {
    ["Failed to send command to router", "Client is not initialized"]
        .iter()
        .any(|text| error.details().starts_with(text))
}
