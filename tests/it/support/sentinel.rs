//! A primary, its replicas, and three Sentinels that watch them.

use super::process::{Keeper, Server, free_port, fresh_folder, program};
use super::resp::{Answer, Wire, field_of};
use super::servers::{Redis, with_client};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
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
    /// The port that the Sentinels name.
    named: u16,
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
    /// The ports of the Sentinels that clients use.
    named_ports: Vec<u16>,
    passwords: Passwords,
    /// The options of a certificate, where the group speaks TLS; its files are in the folder.
    certificate: Vec<String>,
    folder: Keeper,
}

impl Sentinels {
    /// One primary and so many replicas, under a name that no other test's group has.
    pub fn start(replicas: usize) -> Self {
        Self::with(replicas, Passwords::default())
    }

    /// As `start`, with passwords.
    pub fn with(replicas: usize, passwords: Passwords) -> Self {
        let folder = Keeper::of_folder("sentinels");
        Self::empty(passwords, Vec::new(), folder).begin(replicas)
    }

    /// As `start`, of servers and Sentinels that speak TLS among each other, and with clients on ports of their own.
    /// Their certificate is in these options, the files of which come into the folder.
    pub fn over_tls(replicas: usize, certificate: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = Keeper::of_folder("sentinels");
        let certificate = certificate(&folder.folder);
        Self::empty(Passwords::default(), certificate, folder).begin(replicas)
    }

    fn empty(passwords: Passwords, certificate: Vec<String>, folder: Keeper) -> Self {
        let name = format!("group{}", free_port());
        Self {
            name,
            members: vec![],
            sentinels: vec![],
            ports: vec![],
            named_ports: vec![],
            passwords,
            certificate,
            folder,
        }
    }

    fn begin(mut self, replicas: usize) -> Self {
        for _ in 0..=replicas {
            let port = free_port();
            let named = self.named(port);
            self.members.push(Member { server: None, port, named });
            let primary = self.members[0].named;
            let member = self.members.len() - 1;
            self.members[member].server = Some(self.server(member, primary));
        }
        let follows = |member: &Member| self.info(member.port, "master_link_status") == "up";
        self.wait("replicas", || self.members[1..].iter().all(follows));
        for _ in 0..SENTINELS {
            let (server, [port, named]) = self.sentinel(self.members[0].named);
            self.sentinels.push(Some(server));
            self.ports.push(port);
            self.named_ports.push(named);
        }
        self.wait("Sentinels that know all", || self.ports.iter().all(|port| self.knows_all(*port)));
        self
    }

    /// The port that clients are to use of a server that listens here: one for TLS where the group speaks it.
    fn named(&self, port: u16) -> u16 {
        if self.certificate.is_empty() { port } else { free_port() }
    }

    fn server(&self, member: usize, primary: u16) -> Redis {
        let Member { port, named, .. } = self.members[member];
        let mut options = vec!["--repl-diskless-sync-delay".to_owned(), "0".to_owned()];
        if named != primary {
            options.extend(["--replicaof".to_owned(), format!("127.0.0.1 {primary}")]);
        }
        if named != port {
            let tls = ["--tls-port", &named.to_string(), "--tls-replication", "yes"].map(str::to_owned);
            options.extend(self.certificate.iter().cloned().chain(tls));
        }
        let password = self.passwords.servers;
        if !password.is_empty() {
            let secrets = ["--requirepass", password, "--masterauth", password];
            options.extend(secrets.map(str::to_owned));
        }
        Redis::start_on(port, &options)
    }

    fn sentinel(&self, primary: u16) -> (Server, [u16; 2]) {
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
        for option in self.certificate.chunks(2) {
            lines.push(format!("{} {}", option[0].trim_start_matches('-'), option[1]));
        }
        let named = self.named(port);
        if named != port {
            lines.push(format!("tls-port {named}"));
            lines.push("tls-replication yes".to_owned());
        }
        let config = folder.join("sentinel.conf");
        fs::write(&config, lines.join("\n") + "\n").expect("a file");
        let redis = program(&["redis-server", "valkey-server"], "redis-server");
        let command = [redis, config.to_string_lossy().into_owned(), "--sentinel".to_owned()];
        (Server::start(&command, folder, port), [port, named])
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
        let [first, second, third] = self.named_ports[..] else { panic!("three Sentinels") };
        let family = if self.certificate.is_empty() { "redis" } else { "rediss" };
        with_client(format!(
            "{family}-sentinel://{user}127.0.0.1:{first}?node=127.0.0.1:{second}&node=127.0.0.1:{third}\
             &sentinelServiceName={rest}"
        ))
    }

    /// The port of a server.
    pub fn port(&self, member: usize) -> u16 {
        self.members[member].port
    }

    /// The port of a server that the Sentinels name.
    pub fn named_port(&self, member: usize) -> u16 {
        self.members[member].named
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
        let place = self.members.iter().position(|member| member.named == first)?;
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
        self.members[member].server = Some(self.server(member, self.members[member].named));
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
