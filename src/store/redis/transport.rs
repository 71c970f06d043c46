//! What a URL and the builder say about the way to a server.

#[cfg(feature = "tls-rustls-ring")]
use super::RedisTls;
use crate::store::{StoreError, StoreErrorKind};
use fred::types::RespVersion;
use fred::types::config::Config;

/// The way to a server, beside its URL.
#[derive(Default)]
pub(super) struct Transport {
    pub(super) resp3: bool,
    #[cfg(feature = "tls-rustls-ring")]
    pub(super) tls: Option<RedisTls>,
}

impl Transport {
    /// fred's settings for this URL.
    ///
    /// # Errors
    /// The URL is none of Redis, or does not fit the settings.
    pub(super) fn config(&self, url: &str) -> Result<Config, StoreError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(bad_url)?;
        let (family, kind) = scheme.split_at(scheme.find(['-', '+']).unwrap_or(scheme.len()));
        let tls = match family {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(bad_url()),
        };
        let mut config = if kind == "+unix" {
            if tls {
                return Err(wrong("a Unix socket has no TLS: its URL begins with `redis+unix://`"));
            }
            unix_config(rest)?
        } else {
            self.tcp_config(url, &format!("redis{kind}://{rest}"), tls)?
        };
        if self.resp3 {
            config.version = RespVersion::RESP3;
            config.username = config.username.as_deref().map(quoted);
            config.password = config.password.as_deref().map(quoted);
        }
        #[cfg(feature = "tls-rustls-ring")]
        if !tls && self.tls.is_some() {
            return Err(wrong("`RedisTls` is given, and the URL is one without TLS: begin it with `rediss`"));
        }
        Ok(config)
    }

    /// `in_the_clear` is the URL without TLS. TLS is set up here: fred leaves the choice of the cryptography to the
    /// program, and panics where that has not made it.
    #[cfg(feature = "tls-rustls-ring")]
    fn tcp_config(&self, _url: &str, in_the_clear: &str, tls: bool) -> Result<Config, StoreError> {
        let mut config = Config::from_url(in_the_clear).map_err(|_| bad_url())?;
        if tls {
            let settings = match &self.tls {
                Some(settings) => settings.client_config()?,
                None => RedisTls::new().client_config()?,
            };
            config.tls = Some(fred::types::config::TlsConnector::from(settings).into());
        }
        Ok(config)
    }

    #[cfg(not(feature = "tls-rustls-ring"))]
    #[allow(clippy::unused_self)]
    fn tcp_config(&self, url: &str, _in_the_clear: &str, tls: bool) -> Result<Config, StoreError> {
        let config = Config::from_url(url).map_err(|_| bad_url())?;
        // Without TLS built in, fred would connect in the clear.
        if tls && !config.uses_tls() {
            return Err(wrong(
                "the URL asks for TLS, which is not built in: enable the feature `tls-rustls-ring`, or depend on \
                 `fred` with a feature such as `enable-rustls`",
            ));
        }
        Ok(config)
    }

    /// # Errors
    /// The settings are those of a URL, and the store is to be on a client that has been made with its own.
    pub(super) fn of_a_client(&self) -> Result<(), StoreError> {
        #[cfg(feature = "tls-rustls-ring")]
        if self.tls.is_some() {
            return Err(wrong("`RedisTls` is for a URL: a client of your own brings its own settings of TLS"));
        }
        if self.resp3 {
            return Err(wrong("`resp3` is for a URL: a client of your own has a protocol already"));
        }
        Ok(())
    }
}

/// For fred, which logs in to RESP3 by a line of text: without quotes, a blank would end the password, and a line break
/// begin another command.
fn quoted(text: &str) -> String {
    let escaped: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{escaped}\"")
}

/// The socket's path, percent-encoded, and the database's number: `/run/redis/redis.sock?db=2`.
#[cfg(unix)]
fn unix_config(rest: &str) -> Result<Config, StoreError> {
    use fred::types::config::ServerConfig;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, path) = rest.split_at(rest.find('/').ok_or_else(bad_url)?);
    // A URL with a user has a host; which one does not matter here.
    let user = match user.rsplit_once('@') {
        Some((user, _)) => format!("{user}@"),
        None => String::new(),
    };
    let mut config = Config::from_url(&format!("redis://{user}localhost")).map_err(|_| bad_url())?;
    config.server = ServerConfig::Unix { path: percent_decoded(path).ok_or_else(bad_url)?.into() };
    if !query.is_empty() {
        let number = query.strip_prefix("db=").and_then(|number| number.parse().ok());
        config.database = Some(number.ok_or_else(bad_url)?);
    }
    Ok(config)
}

#[cfg(not(unix))]
fn unix_config(_: &str) -> Result<Config, StoreError> {
    Err(wrong("this system has no Unix sockets"))
}

#[cfg(unix)]
fn percent_decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut decoded = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        decoded.push(u8::from_str_radix(code, 16).ok()?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}

/// fred's own message may quote the URL, and the URL may hold a password.
fn bad_url() -> StoreError {
    wrong("this is not a Redis URL: redis://user:password@host:port/db, its parts percent-encoded")
}

fn wrong(message: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Config, message)
}
