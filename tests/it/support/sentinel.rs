//! A primary, its replicas, and three Sentinels that watch them.

use super::process::{Server, free_port, fresh_folder, program};
use super::resp::{Answer, Wire, field_of};
use super::servers::{Redis, with_client};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const SENTINELS: usize = 3;
/// How long Sentinels may take to agree on something, on a busy machine.
const AGREEMENT_MAX: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(1);

/// A server of the group, which stays on its port.
struct Member {
    /// `None` while it is killed.
    server: Option<Redis>,
    port: u16,
}

/// What clients must say to the servers and to the Sentinels; "" is nothing.
#[derive(Clone, Copy, Default)]
pub struct Passwords {
    pub servers: &'static str,
    pub sentinels: &'static str,
}

/// Servers are named by their place; the first one begins as the primary.
pub struct Sentinels {
    pub name: String,
    members: Vec<Member>,
    /// `None` while it is killed.
    sentinels: Vec<Option<Server>>,
    pub ports: Vec<u16>,
    passwords: Passwords,
}

impl Sentinels {
    /// One primary and so many replicas, under a name that no other test's group has.
    pub fn start(replicas: usize) -> Self {
        Self::with(replicas, Passwords::default())
    }

    /// As `start`, with passwords.
    pub fn with(replicas: usize, passwords: Passwords) -> Self {
        let ports: Vec<u16> = (0..=replicas).map(|_| free_port()).collect();
        let mut group = Self {
            name: format!("group{}", ports[0]),
            members: Vec::new(),
            sentinels: Vec::new(),
            ports: Vec::new(),
            passwords,
        };
        for port in &ports {
            let server = Some(group.server(*port, ports[0]));
            group.members.push(Member { server, port: *port });
        }
        group.wait("replicas", || {
            ports[1..].iter().all(|port| group.info(*port, "master_link_status") == "up")
        });
        for _ in 0..SENTINELS {
            let (server, port) = group.sentinel(ports[0]);
            group.sentinels.push(Some(server));
            group.ports.push(port);
        }
        group.wait("Sentinels that know all", || group.ports.iter().all(|port| group.knows_all(*port)));
        group
    }

    fn server(&self, port: u16, primary: u16) -> Redis {
        let mut options = vec!["--repl-diskless-sync-delay".to_owned(), "0".to_owned()];
        if port != primary {
            options.extend(["--replicaof".to_owned(), format!("127.0.0.1 {primary}")]);
        }
        let password = self.passwords.servers;
        if !password.is_empty() {
            let secrets = ["--requirepass", password, "--masterauth", password];
            options.extend(secrets.map(str::to_owned));
        }
        Redis::start_on(port, &options)
    }

    fn sentinel(&self, primary: u16) -> (Server, u16) {
        let (folder, port, name) = (fresh_folder("sentinel"), free_port(), &self.name);
        let mut lines = vec![
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", folder.display()),
            format!("sentinel monitor {name} 127.0.0.1 {primary} 2"),
            format!("sentinel down-after-milliseconds {name} 1500"),
            format!("sentinel failover-timeout {name} 3000"),
        ];
        if !self.passwords.servers.is_empty() {
            lines.push(format!("sentinel auth-pass {name} {}", self.passwords.servers));
        }
        if !self.passwords.sentinels.is_empty() {
            lines.push(format!("requirepass {}", self.passwords.sentinels));
            lines.push(format!("sentinel sentinel-pass {}", self.passwords.sentinels));
        }
        let config = folder.join("sentinel.conf");
        fs::write(&config, lines.join("\n") + "\n").expect("a file");
        let redis = program(&["redis-server", "valkey-server"], "redis-server");
        let command = [redis, config.to_string_lossy().into_owned(), "--sentinel".to_owned()];
        (Server::start(&command, folder, port), port)
    }

    fn knows_all(&self, port: u16) -> bool {
        let answer = self.ask(port, &["SENTINEL", "MASTER", &self.name]);
        let fields = answer.list();
        let field = |name: &str| {
            let mut pairs = fields.chunks(2);
            let pair = pairs.find(|pair| pair[0].text() == name);
            pair.map_or("", |pair| pair[1].text()).to_owned()
        };
        let (replicas, sentinels) = (self.members.len() - 1, SENTINELS - 1);
        field("num-slaves") == replicas.to_string() && field("num-other-sentinels") == sentinels.to_string()
    }

    /// What a Sentinel answers; nothing where it does not.
    fn ask(&self, port: u16, command: &[&str]) -> Answer {
        say(port, self.passwords.sentinels, command).unwrap_or(Answer::Nothing)
    }

    fn info(&self, port: u16, field: &str) -> String {
        let text = say(port, self.passwords.servers, &["INFO", "replication"]);
        text.map(|text| field_of(text.text(), field).to_owned()).unwrap_or_default()
    }

    fn wait(&self, what: &str, condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            let logs: Vec<_> = self.sentinels.iter().flatten().map(|server| server.keeper.log()).collect();
            assert!(begun.elapsed() < AGREEMENT_MAX, "{what} did not come about: {}", logs.join("\n"));
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The URL with all Sentinels, without passwords.
    pub fn url(&self) -> String {
        self.url_with("", &self.name)
    }

    /// The URL with all Sentinels, this before the first address, and this at the end.
    pub fn url_with(&self, user: &str, rest: &str) -> String {
        let [first, second, third] = self.ports[..] else { panic!("three Sentinels") };
        with_client(format!(
            "redis-sentinel://{user}127.0.0.1:{first}?node=127.0.0.1:{second}&node=127.0.0.1:{third}\
             &sentinelServiceName={rest}"
        ))
    }

    /// The port of a server.
    pub fn port(&self, member: usize) -> u16 {
        self.members[member].port
    }

    /// Which server is the primary, as the Sentinels that run say; `None` while they do not agree.
    pub fn primary(&self) -> Option<usize> {
        let named = |port: &u16| {
            let answer = self.ask(*port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.name]);
            answer.list().get(1).and_then(|port| port.text().parse::<u16>().ok())
        };
        let up = self.ports.iter().zip(&self.sentinels).filter(|(_, server)| server.is_some());
        let all: Vec<Option<u16>> = up.map(|(port, _)| named(port)).collect();
        let first = all.first().copied().flatten()?;
        let place = self.members.iter().position(|member| member.port == first)?;
        all.iter().all(|port| *port == Some(first)).then_some(place)
    }

    /// Waits until the Sentinels have made another one the primary, and all who run follow it. Says which one it is.
    pub fn wait_until_replaced(&self, old: usize) -> usize {
        self.wait("another primary", || self.primary().is_some_and(|primary| primary != old));
        let new = self.primary().expect("a primary");
        let port = self.members[new].port;
        self.wait("a promotion", || self.info(port, "role") == "master");
        new
    }

    /// Has the Sentinels make another one the primary, while it runs. Says which one it is.
    pub fn fail_over(&self) -> usize {
        let old = self.primary().expect("a primary");
        let asked =
            || matches!(self.ask(self.ports[0], &["SENTINEL", "FAILOVER", &self.name]), Answer::Text(_));
        self.wait("a failover", asked);
        let new = self.wait_until_replaced(old);
        let up =
            self.members.iter().filter(|member| member.server.is_some() && member.port != self.port(new));
        for member in up {
            self.wait("a replica", || self.info(member.port, "master_link_status") == "up");
        }
        new
    }

    pub fn kill(&mut self, member: usize) {
        self.members[member].server = None;
    }

    /// Starts a killed server again, as the primary that it was.
    pub fn revive(&mut self, member: usize) {
        let port = self.members[member].port;
        self.members[member].server = Some(self.server(port, port));
    }

    pub fn kill_sentinel(&mut self, sentinel: usize) {
        self.sentinels[sentinel] = None;
    }

    /// Stops a server's process, with its connections as they are.
    pub fn pause(&self, member: usize) {
        self.signal(member, Signal::STOP);
    }

    pub fn resume(&self, member: usize) {
        self.signal(member, Signal::CONT);
    }

    fn signal(&self, member: usize, signal: Signal) {
        let pid = self.members[member].server.as_ref().and_then(Redis::pid).and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), signal).expect("a signal");
    }
}

/// As a client that knows the password, where there is one.
fn say(port: u16, password: &str, command: &[&str]) -> std::io::Result<Answer> {
    let mut wire = Wire::with_patience(port, PATIENCE)?;
    if !password.is_empty() {
        wire.ask(&["AUTH", password])?;
    }
    wire.ask(command)
}
