//! Where a store's servers are, and how to log in: what a URL says.

use super::client::RedisClient;
use crate::store::{StoreError, StoreErrorKind};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use url::Url;

const PORT: u16 = 6_379;
const SENTINEL_PORT: u16 = 26_379;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// Who a connection logs in as, and to which database. Nothing of it is ever shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u8,
}

/// The servers of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    One(Address),
    /// The primary that these Sentinels name.
    Sentinel {
        sentinels: Vec<Address>,
        service: String,
        login: Login,
    },
    /// A Cluster that these nodes know.
    Cluster(Vec<Address>),
}

/// What a URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) servers: Servers,
    pub(super) login: Login,
    pub(super) is_tls: bool,
    /// The parameter `client`.
    pub(super) client: Option<RedisClient>,
}

impl Target {
    /// Reads `redis://`, `rediss://` (TLS), `redis-cluster://`, `redis-sentinel://`, `redis+unix://`, and the same of
    /// `valkey`.
    ///
    /// # Errors
    /// It is none. The message does not quote it: a URL may hold a password.
    pub(super) fn of(url: &str) -> Result<Self, StoreError> {
        let parsed = Url::parse(url).map_err(|_| bad_url("this is not a URL"))?;
        let (family, form) = match parsed.scheme().split_once(['-', '+']) {
            Some((family, form)) => (family, form),
            None => (parsed.scheme(), ""),
        };
        if !matches!(family, "redis" | "rediss" | "valkey" | "valkeys") {
            return Err(bad_url("its scheme is not one of Redis"));
        }
        let is_tls = family.ends_with('s') && family != "redis";
        let login = login(&parsed, form == "unix")?;
        let servers = match form {
            "" => Servers::One(host_and_port(&parsed, PORT)?),
            "unix" if is_tls => return Err(bad_url("a Unix socket has no TLS")),
            "unix" if parsed.path().is_empty() => return Err(bad_url("it has no path of a socket")),
            "unix" => Servers::One(Address::Unix(PathBuf::from(decoded(parsed.path())?))),
            "cluster" if login.database != 0 => return Err(bad_url("a Cluster has database 0 only")),
            "cluster" => Servers::Cluster(nodes(&parsed, PORT)?),
            "sentinel" => sentinels(&parsed)?,
            _ => return Err(bad_url("its scheme is not one of Redis")),
        };
        let client = parameter(&parsed, "client").map(|name| {
            let client = RedisClient::named(&name);
            client.ok_or_else(|| bad_url("its parameter `client` names no client that is built in"))
        });
        Ok(Self { servers, login, is_tls, client: client.transpose()? })
    }
}

fn bad_url(reason: &str) -> StoreError {
    let message = format!("this is not a Redis URL, redis://user:password@host:port/database: {reason}");
    StoreError::new(StoreErrorKind::Config, message)
}

fn decoded(text: &str) -> Result<String, StoreError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| bad_url("a percent-encoded part of it is no text"))
}

fn login(url: &Url, has_path: bool) -> Result<Login, StoreError> {
    let parameter = || url.query_pairs().find(|(name, _)| name == "db").map(|(_, value)| value);
    let number = if has_path { parameter() } else { None };
    let number =
        number.unwrap_or_else(|| if has_path { "" } else { url.path().trim_start_matches('/') }.into());
    let database = match &*number {
        "" => 0,
        number => number.parse().map_err(|_| bad_url("its database is not a number from 0 to 255"))?,
    };
    let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
    let password = url.password().map(decoded).transpose()?;
    Ok(Login { user, password, database })
}

fn host_and_port(url: &Url, default_port: u16) -> Result<Address, StoreError> {
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad_url("it has no host"))?;
    Ok(Address::tcp(host, url.port().unwrap_or(default_port)))
}

/// The host of the URL and those of its parameters `node`.
fn nodes(url: &Url, default_port: u16) -> Result<Vec<Address>, StoreError> {
    let mut nodes = vec![host_and_port(url, default_port)?];
    for (name, value) in url.query_pairs() {
        if name == "node" {
            nodes.push(Address::parse(&value).ok_or_else(|| bad_url("`node` is not host:port"))?);
        }
    }
    Ok(nodes)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

fn sentinels(url: &Url) -> Result<Servers, StoreError> {
    let service = parameter(url, "sentinelServiceName");
    let service = service.ok_or_else(|| bad_url("it lacks the parameter `sentinelServiceName`"))?;
    let (user, password) = (parameter(url, "sentinelUsername"), parameter(url, "sentinelPassword"));
    let login = Login { user, password, database: 0 };
    Ok(Servers::Sentinel { sentinels: nodes(url, SENTINEL_PORT)?, service, login })
}

impl Address {
    /// An IPv6 address may be in brackets.
    pub(super) fn tcp(host: &str, port: u16) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self::Tcp { host, port }
    }

    /// `host:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self::tcp(host, port.parse().ok()?))
    }

    /// The address of a port of the same host, as a node names it that does not know its own.
    pub(super) fn sibling(&self, port: u16) -> Option<Self> {
        match self {
            Self::Tcp { host, .. } => Some(Self::Tcp { host: host.clone(), port }),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("database", &self.database).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::tcp(host, port)
    }

    #[test]
    fn a_url_names_servers_and_login() {
        let target = Target::of("redis://us%40er:p%40ss%3Aw%2Frd%23%3F%25%26%C3%BC%20@[::1]:7000/3").unwrap();
        assert_eq!(target.servers, Servers::One(tcp("::1", 7_000)));
        let (user, password) = (Some("us@er".to_owned()), Some("p@ss:w/rd#?%&ü ".to_owned()));
        assert_eq!(target.login, Login { user, password, database: 3 });
        assert!(!target.is_tls && Target::of("rediss://cache").unwrap().is_tls);
        assert!(
            !Target::of("valkey://cache").unwrap().is_tls && Target::of("valkeys://cache").unwrap().is_tls
        );
        let unix = Target::of("redis+unix:///run/my%20redis.sock").unwrap();
        assert_eq!(unix.servers, Servers::One(Address::Unix("/run/my redis.sock".into())));
        let unix = Target::of("redis+unix://u:p@localhost/run/redis.sock?db=7").unwrap();
        assert_eq!((unix.login.database, unix.login.password.as_deref()), (7, Some("p")));
        assert_eq!(unix.servers, Servers::One(Address::Unix("/run/redis.sock".into())));
        let cluster = Target::of("rediss-cluster://:pw@a?node=b:1&node=[::2]:2").unwrap();
        assert_eq!(cluster.servers, Servers::Cluster(vec![tcp("a", 6_379), tcp("b", 1), tcp("::2", 2)]));
        assert!(cluster.is_tls && cluster.login.user.is_none());
        let url = "redis-sentinel://a/1?node=b:1&sentinelServiceName=shop&sentinelPassword=x";
        let Servers::Sentinel { sentinels, service, login } = Target::of(url).unwrap().servers else {
            panic!()
        };
        assert_eq!((sentinels, service.as_str()), (vec![tcp("a", 26_379), tcp("b", 1)], "shop"));
        assert_eq!(login.password.as_deref(), Some("x"));
    }

    #[test]
    fn an_error_says_what_is_wrong_and_no_password() {
        for (url, reason) in [
            ("http://u:hunter2@h", "scheme"),
            ("redis-else://u:hunter2@h", "scheme"),
            ("hunter2", "not a URL"),
            ("redis://u:hunter2@h/x", "database"),
            ("redis-cluster://u:hunter2@h/1", "database 0"),
            ("redis-cluster://u:hunter2@h?node=x", "node"),
            ("redis-sentinel://u:hunter2@h", "sentinelServiceName"),
            ("redis://u:hunter2@h?client=hunter2", "`client`"),
            ("rediss+unix://u:hunter2@h/redis.sock", "no TLS"),
            ("redis+unix://u:hunter2@h", "no path"),
            ("redis+unix://u:hunter2@h/redis.sock?db=x", "database"),
        ] {
            let error = Target::of(url).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Config);
            assert!(error.to_string().contains(reason), "{url}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let login = Target::of("redis://u:hunter2@h").unwrap();
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
