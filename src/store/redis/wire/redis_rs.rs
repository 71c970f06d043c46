//! Connections by redis-rs. The client multiplexes commands on a stream that is made here; a task of the store's own
//! keeps a stream open.

use super::{
    CONNECT_TIMEOUT, Connection, Dial, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, Request, RespValue, WireError,
    WireErrorKind,
};
use crate::store::redis::address::Address;
use crate::store::redis::faults::{fault, hint};
use crate::store::redis::identity::Identity;
use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError, ServerError, Value,
};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// An attempt to connect ends before those who wait for it give up, so that they know why.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(900);
/// Commands that wait to be written; further ones wait for room, until they time out.
const UNSENT_MAX: usize = 1_024;

/// A connection that is made anew whenever it breaks.
#[derive(Clone, Debug)]
pub(crate) struct RedisRsWire {
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Kept {
    current: Arc<ArcSwapOption<MultiplexedConnection>>,
    keeper: JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// What the first attempts to connect have come to.
#[derive(Clone, Debug)]
enum Start {
    Trying,
    Connected,
    /// The server is there, and will refuse the next attempt, too.
    Refused(String),
}

impl RedisRsWire {
    /// See [`Wire::open`](super::Wire::open).
    pub(super) async fn open(
        dial: &Dial,
        address: &Address,
        identity: &Arc<Identity>,
    ) -> Result<Self, WireError> {
        let (begun, mut start) = watch::channel(Start::Trying);
        let current: Arc<ArcSwapOption<MultiplexedConnection>> = Arc::default();
        let keeper = Keeper {
            dial: dial.clone(),
            address: address.clone(),
            identity: identity.clone(),
            current: current.clone(),
            begun,
        };
        let wire = Self { kept: Arc::new(Kept { current, keeper: tokio::spawn(keeper.keep()) }) };
        let is_over = |start: &Start| !matches!(start, Start::Trying);
        let start = tokio::time::timeout(CONNECT_TIMEOUT, start.wait_for(is_over)).await;
        match start {
            Ok(Ok(start)) => match &*start {
                Start::Refused(text) => Err(WireError::new(WireErrorKind::Config, text)),
                _ => Ok(wire.clone()),
            },
            _ => Ok(wire.clone()),
        }
    }

    fn connection(&self) -> Result<MultiplexedConnection, WireError> {
        let current = self.kept.current.load();
        let connection = current.as_ref().map(|connection| (**connection).clone());
        connection.ok_or_else(|| WireError::new(WireErrorKind::Broken, "there is no connection"))
    }

    async fn ask(&self, command: &::redis::Cmd) -> Result<Value, WireError> {
        self.connection()?.send_packed_command(command).await.map_err(|error| wire_error(&error))
    }
}

impl Connection for RedisRsWire {
    async fn get(&self, key: String) -> Result<Option<Bytes>, WireError> {
        match resp(self.ask(::redis::cmd("GET").arg(key)).await?)? {
            RespValue::Bytes(bytes) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    async fn mget(&self, keys: Vec<String>) -> Result<Vec<Option<Bytes>>, WireError> {
        let found = resp(self.ask(::redis::cmd("MGET").arg(keys)).await?)?;
        let bytes = |value| match value {
            RespValue::Bytes(bytes) => Some(bytes),
            _ => None,
        };
        let strange = || WireError::new(WireErrorKind::Client, "`MGET` has a strange answer");
        Ok(found.into_array().ok_or_else(strange)?.into_iter().map(bytes).collect())
    }

    /// A command of which the future was dropped is not sent, if it has not been.
    async fn send(&self, requests: &[&Request], limit: Duration) -> Vec<Result<RespValue, WireError>> {
        let failed = |error: WireError| requests.iter().map(|_| Err(error.clone())).collect();
        let mut connection = match self.connection() {
            Ok(connection) => connection,
            Err(error) => return failed(error),
        };
        let mut pipeline = ::redis::Pipeline::with_capacity(requests.len());
        for request in requests {
            let command = pipeline.cmd(request.command);
            for argument in &request.arguments {
                command.arg(argument.as_ref());
            }
        }
        let answers = connection.send_packed_commands(&pipeline, 0, requests.len());
        match tokio::time::timeout(limit, answers).await {
            Err(_) => failed(WireError::timed_out()),
            Ok(Err(error)) => failed(wire_error(&error)),
            Ok(Ok(answers)) if answers.len() == requests.len() => answers.into_iter().map(resp).collect(),
            Ok(Ok(_)) => {
                let text = "a pipeline answered with another number of replies";
                failed(WireError::new(WireErrorKind::Client, text))
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.kept.keeper.is_finished()
    }
}

/// Keeps a connection open for as long as its task lives.
struct Keeper {
    dial: Dial,
    address: Address,
    identity: Arc<Identity>,
    current: Arc<ArcSwapOption<MultiplexedConnection>>,
    begun: watch::Sender<Start>,
}

impl Keeper {
    async fn keep(self) {
        let (mut pause, mut warned) = (RECONNECT_FIRST_MS, false);
        loop {
            let made = tokio::time::timeout(ATTEMPT_TIMEOUT, connect(&self.dial, &self.address)).await;
            match made.unwrap_or_else(|_| Err(WireError::timed_out())) {
                Ok((connection, driver)) => {
                    (pause, warned) = (RECONNECT_FIRST_MS, false);
                    self.identity.note_trouble(None);
                    self.current.store(Some(Arc::new(connection)));
                    self.identity.changed.notify_one();
                    self.begun.send_replace(Start::Connected);
                    driver.await;
                    self.current.store(None);
                    // Before there is another one: what it leads to may be another server.
                    self.identity.forget();
                }
                Err(error) => self.note_failure(&error, &mut warned),
            }
            let jitter = rand::random_range(0..=RECONNECT_FIRST_MS);
            tokio::time::sleep(Duration::from_millis((pause + jitter).into())).await;
            pause = RECONNECT_MAX_MS.min(pause * 2);
        }
    }

    fn note_failure(&self, error: &WireError, warned: &mut bool) {
        let Some(fault) = fault(error.text()) else {
            let trouble = format!("{error}{}", hint(error.text(), self.dial.is_tls));
            return self.identity.note_trouble(Some(trouble));
        };
        let is_first = matches!(*self.begun.borrow(), Start::Trying);
        if is_first {
            self.begun.send_replace(Start::Refused(fault));
        } else if !std::mem::replace(warned, true) {
            tracing::warn!(
                target: "sea_orm_autocache", error = fault,
                "Redis refuses every connection; the database answers until it takes one"
            );
        }
    }
}

/// A connection, and what carries its commands until it breaks.
type Made = (MultiplexedConnection, BoxFuture<'static, ()>);

async fn connect(dial: &Dial, address: &Address) -> Result<Made, WireError> {
    let io = |error: std::io::Error| WireError::new(WireErrorKind::Broken, error.to_string());
    let (host, port) = match address {
        Address::Tcp { host, port } => (host, *port),
        #[cfg(unix)]
        Address::Unix(path) => {
            return over(dial, tokio::net::UnixStream::connect(path).await.map_err(io)?).await;
        }
        #[cfg(not(unix))]
        Address::Unix(_) => {
            return Err(WireError::new(WireErrorKind::Config, "this system has no Unix sockets"));
        }
    };
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(io)?;
    stream.set_nodelay(true).map_err(io)?;
    if !dial.is_tls {
        return over(dial, stream).await;
    }
    encrypted(dial, host, stream).await
}

#[cfg(feature = "tls-rustls-ring")]
async fn encrypted(dial: &Dial, host: &str, stream: TcpStream) -> Result<Made, WireError> {
    use rustls::pki_types::ServerName;
    let config = |text: &str| WireError::new(WireErrorKind::Config, text);
    let settings = dial.tls.as_ref().ok_or_else(|| config("there are no settings of TLS"))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| config("TLS cannot verify such a host"))?;
    let stream = tokio_rustls::TlsConnector::from(settings.0.clone()).connect(name, stream).await;
    over(dial, stream.map_err(|error| WireError::new(WireErrorKind::Broken, format!("{error:?}")))?).await
}

#[cfg(not(feature = "tls-rustls-ring"))]
async fn encrypted(_: &Dial, _: &str, _: TcpStream) -> Result<Made, WireError> {
    let text = "the URL asks for TLS, which is not built in: enable the feature `tls-rustls-ring`";
    std::future::ready(Err(WireError::new(WireErrorKind::Config, text))).await
}

async fn over<S>(dial: &Dial, stream: S) -> Result<Made, WireError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let protocol = if dial.resp3 { ProtocolVersion::RESP3 } else { ProtocolVersion::RESP2 };
    let login = &dial.login;
    // `CLIENT SETINFO` is left out: the user need not be allowed to.
    let mut info = RedisConnectionInfo::default().set_skip_set_lib_name().set_protocol(protocol);
    info = info.set_db(login.database.into());
    if let Some(user) = &login.user {
        info = info.set_username(user);
    }
    if let Some(password) = &login.password {
        info = info.set_password(password);
    }
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(UNSENT_MAX);
    let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
    let (connection, driver) = made.map_err(|error| wire_error(&error))?;
    lets_in(connection.clone(), Box::pin(driver)).await.map(|driver| (connection, driver))
}

/// Asks for something. A server that refuses the client's certificate says so only when it is asked.
async fn lets_in(
    mut connection: MultiplexedConnection,
    mut driver: BoxFuture<'static, ()>,
) -> Result<BoxFuture<'static, ()>, WireError> {
    let mut info = ::redis::cmd("INFO");
    info.arg("server");
    let mut answer = pin!(connection.send_packed_command(&info));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        () = &mut driver => answer.await,
    };
    match answer.map_err(|error| wire_error(&error)) {
        Err(error) if error.kind() != WireErrorKind::Answer => Err(error),
        Ok(Value::ServerError(error)) if error.code() == "NOAUTH" => Err(answer_of(&error)),
        _ => Ok(driver),
    }
}

fn resp(value: Value) -> Result<RespValue, WireError> {
    Ok(match value {
        Value::Nil => RespValue::Nil,
        Value::Int(number) => RespValue::Integer(number),
        Value::Boolean(flag) => RespValue::Integer(flag.into()),
        Value::BulkString(bytes) => RespValue::Bytes(bytes.into()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => RespValue::Bytes(text.into()),
        Value::Okay => RespValue::Bytes(Bytes::from_static(b"OK")),
        Value::Array(values) => RespValue::Array(values.into_iter().map(resp).collect::<Result<_, _>>()?),
        Value::ServerError(error) => return Err(answer_of(&error)),
        _ => {
            return Err(WireError::new(WireErrorKind::Client, "an answer that no command of the store has"));
        }
    })
}

fn answer_of(error: &ServerError) -> WireError {
    answer(error.code(), error.details())
}

/// In the server's own words, which the client has taken apart.
fn answer(code: &str, details: Option<&str>) -> WireError {
    let text = details.map_or_else(|| code.to_owned(), |details| format!("{code} {details}"));
    WireError::new(WireErrorKind::Answer, text)
}

fn wire_error(error: &RedisError) -> WireError {
    if let Some(code) = error.code() {
        return answer(code, error.detail());
    }
    let kind = match error.kind() {
        // The client does not keep the server's words.
        ErrorKind::AuthenticationFailed => return answer("WRONGPASS", error.detail()),
        _ if error.is_timeout() => WireErrorKind::Timeout,
        ErrorKind::Io => WireErrorKind::Broken,
        ErrorKind::InvalidClientConfig => WireErrorKind::Config,
        _ => WireErrorKind::Client,
    };
    WireError::new(kind, error.to_string())
}
