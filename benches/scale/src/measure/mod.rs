//! Measures with the real store, a real server and SQLite.

mod books;
mod cluster;
mod memory;
mod reality;
mod servers;
mod wire;

use crate::measured::Measured;
use servers::Redis;
use std::collections::HashMap;
use std::io;
use std::process::Command;

/// Measures all, or the parts that are named, and keeps it in `measured.txt`.
///
/// # Errors
/// The file cannot be read or written.
pub fn run(only: &[&str]) -> io::Result<()> {
    let wants = |part: &str| only.is_empty() || only.contains(&part);
    let mut measured = Measured::load()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut server = Server::start();
    let name = server.name();
    drop(server);
    println!("{name}");
    if wants("wire") {
        runtime.block_on(wire::measure(&mut measured));
        measured.set("wire.server", &name);
    }
    if wants("memory") {
        runtime.block_on(memory::measure(&mut measured, &name, 1_000_000));
    } else if wants("memory-1e5") {
        runtime.block_on(memory::measure(&mut measured, &name, 100_000));
    }
    if wants("reality") {
        runtime.block_on(reality::measure(&mut measured));
        measured.set("reality.server", &name);
    }
    measured.set("date", said_by("date", &["-u", "+%Y-%m-%d"]));
    let cores = std::thread::available_parallelism()?;
    let processor = said_by("sh", &["-c", "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1"]);
    measured.set("machine", format!("{processor}, {cores} cores for all"));
    measured.save()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A server of one measurement, and a plain connection to it.
struct Server {
    redis: Redis,
    connection: redis::Connection,
}

impl Server {
    fn start() -> Self {
        let redis = Redis::start(&[]);
        let client = redis::Client::open(redis.url()).expect("a URL");
        let connection = client.get_connection().expect("a connection");
        Self { redis, connection }
    }

    fn ask<T: redis::FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        command.query(&mut self.connection).expect("an answer")
    }

    fn info(&mut self) -> HashMap<String, String> {
        let text: String = self.ask(&["INFO", "everything"]);
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    }

    fn number(&mut self, name: &str) -> f64 {
        self.info()
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("INFO has no {name}"))
    }

    /// As `Redis 7.0.15`.
    fn name(&mut self) -> String {
        let info = self.info();
        let named = [("valkey_version", "Valkey"), ("redict_version", "Redict"), ("redis_version", "Redis")];
        let found = named.iter().find_map(|(key, name)| Some(format!("{name} {}", info.get(*key)?)));
        found.expect("a version")
    }
}
