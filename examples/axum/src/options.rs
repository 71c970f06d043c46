//! What the program is told at its start.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

const PORT: u16 = 3000;

/// Where to listen, and which database and cache to use.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// `None`: SQLite, in a file that is removed at the end.
    pub database_url: Option<String>,
    pub cache: Cache,
}

/// Where the rows are cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cache {
    Memory,
    Redis {
        url: String,
    },
    /// A Redis server that this program starts, on a free port. The page can stop it.
    OwnRedis,
}

impl Options {
    /// `--redis`, and the variables `LISTEN`, `DATABASE_URL` and `REDIS_URL`.
    ///
    /// # Errors
    /// An argument that is not known, or an address that is none.
    pub fn from_program() -> Result<Self, Box<dyn Error>> {
        let mut cache = match env::var("REDIS_URL") {
            Ok(url) => Cache::Redis { url },
            Err(_) => Cache::Memory,
        };
        for argument in env::args().skip(1) {
            match argument.as_str() {
                "--redis" => cache = Cache::OwnRedis,
                other => return Err(format!("unknown argument `{other}`; there is `--redis`").into()),
            }
        }
        let listen = match env::var("LISTEN") {
            Ok(address) => address.parse()?,
            Err(_) => (Ipv4Addr::LOCALHOST, PORT).into(),
        };
        Ok(Self { listen, database_url: env::var("DATABASE_URL").ok(), cache })
    }
}

impl Default for Options {
    /// SQLite and memory, on a free port.
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), database_url: None, cache: Cache::Memory }
    }
}
