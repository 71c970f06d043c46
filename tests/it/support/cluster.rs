//! A Redis Cluster: started, resharded and broken by commands to its nodes.

use super::process::{Keeper, free_port};
use super::resp::{Answer, Wire, ask, field_of, info, must};
use super::servers::{Redis, node_ports, with_client};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub const SLOTS: u16 = 16_384;
/// How long a cluster may take to agree on something, on a busy machine.
const AGREEMENT_MAX: Duration = Duration::from_secs(60);
const FOLDER: &str = "cluster";
/// A node that takes longer to say what it knows is not asked.
const PATIENCE: Duration = Duration::from_secs(1);
/// Failovers are quick, and slots without an owner are an error for their keys alone.
const QUICK: [&str; 4] = ["--cluster-node-timeout", "1500", "--cluster-require-full-coverage", "no"];
/// A busy machine must not look like a dead node to those who do not want one.
const CALM: [&str; 2] = ["--cluster-node-timeout", "30000"];

/// One node. Its port and its id stay when it is killed and started again.
pub struct Node {
    /// `None` while it is killed.
    server: Option<Redis>,
    pub port: u16,
    /// Its port for TLS, where the cluster speaks it.
    pub tls: u16,
    bus: u16,
    pub id: String,
    paused: AtomicBool,
}

impl Node {
    pub fn is_up(&self) -> bool {
        self.server.is_some() && !self.paused.load(Ordering::SeqCst)
    }

    fn signal(&self, signal: Signal) {
        let pid = self.server.as_ref().and_then(Redis::pid).and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), signal).expect("a signal");
    }
}

/// Nodes are named by their place in `nodes`, primaries first.
pub struct Cluster {
    pub nodes: Vec<Node>,
    options: Vec<String>,
    is_tls: bool,
    /// Where the nodes' own notes are, which outlive their processes.
    folder: Keeper,
}

impl Cluster {
    /// Three primaries with a replica each, which takes over soon.
    pub fn start() -> Self {
        Self::with(3, 3, &[])
    }

    /// As `start`, of so many, with more options.
    pub fn with(primaries: usize, replicas: usize, options: &[&str]) -> Self {
        let options = QUICK.iter().chain(options).map(|option| (*option).to_owned()).collect();
        Self { nodes: Vec::new(), options, is_tls: false, folder: Keeper::of_folder(FOLDER) }
            .begin(primaries, replicas)
    }

    /// As `start`, of nodes that speak TLS among each other, and with clients on a port of their own. Their certificate
    /// is in these options, the files of which come into the folder.
    pub fn over_tls(certificate: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = Keeper::of_folder(FOLDER);
        let mut options = certificate(&folder.folder);
        let all = QUICK.iter().chain(&["--tls-cluster", "yes", "--tls-replication", "yes"]);
        options.extend(all.map(|option| (*option).to_owned()));
        Self { nodes: Vec::new(), options, is_tls: true, folder }.begin(3, 3)
    }

    fn begin(mut self, primaries: usize, replicas: usize) -> Self {
        (0..primaries + replicas).for_each(|_| self.start_node());
        let share = |index: usize| usize::from(SLOTS) * index / primaries;
        for index in 0..primaries {
            let (first, last) = (share(index), share(index + 1) - 1);
            let slots: Vec<String> = (first..=last).map(|slot| slot.to_string()).collect();
            must(self.nodes[index].port, &format!("CLUSTER ADDSLOTS {}", slots.join(" ")));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            must(node.port, &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1));
        }
        let count = self.nodes.len();
        (0..count).for_each(|index| self.meet(index, 0..index));
        self.wait("acquaintance", || self.know_one_another(count));
        for index in primaries..count {
            let primary = &self.nodes[(index - primaries) % primaries].id;
            must(self.nodes[index].port, &format!("CLUSTER REPLICATE {primary}"));
        }
        self.settle();
        self
    }

    fn command(&self, port: u16, tls: u16, bus: u16) -> Vec<String> {
        let notes = self.folder.folder.join(format!("nodes-{port}.conf"));
        let (bus, tls, notes) = (bus.to_string(), tls.to_string(), notes.to_string_lossy().into_owned());
        let fixed = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-config-file", &notes];
        let copies = ["--cluster-allow-replica-migration", "no", "--cluster-replica-validity-factor", "0"];
        let quick = ["--repl-diskless-sync-delay", "0"];
        let tls = ["--tls-port", tls.as_str()];
        let tls = tls.iter().filter(|_| self.is_tls);
        let fixed = fixed.iter().chain(&copies).chain(&quick).chain(tls).map(|option| (*option).to_owned());
        fixed.chain(self.options.iter().cloned()).collect()
    }

    fn start_node(&mut self) {
        let ((port, bus), tls) = (node_ports(), free_port());
        let server = Some(Redis::start_on(port, &self.command(port, tls, bus)));
        let id = must(port, "CLUSTER MYID").text().to_owned();
        self.nodes.push(Node { server, port, tls, bus, id, paused: AtomicBool::new(false) });
    }

    fn meet(&self, node: usize, others: impl Iterator<Item = usize>) {
        for other in others.map(|other| &self.nodes[other]).filter(|other| other.is_up()) {
            let (port, bus) = (other.port, other.bus);
            must(self.nodes[node].port, &format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
    }

    /// The nodes that run.
    pub fn up(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_up())
    }

    /// Their places.
    pub fn up_places(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up())
    }

    fn know_one_another(&self, count: usize) -> bool {
        self.up().all(|node| {
            let nodes = say(node.port, "CLUSTER NODES");
            let known = |line: &str| !line.contains("handshake") && line.contains(" connected");
            nodes.lines().filter(|line| known(line)).count() >= count
        })
    }

    /// Waits until every node that runs has all slots served and, where it is a replica, its primary's data.
    pub fn settle(&self) {
        self.wait("a whole cluster", || self.up().all(is_well) && self.agrees());
    }

    /// Whether all nodes that run name the same owners.
    fn agrees(&self) -> bool {
        let owners: Vec<_> = self.up().map(|node| owners(node.port)).collect();
        owners.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Waits until the condition holds.
    pub fn wait(&self, what: &str, condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < AGREEMENT_MAX, "{what} did not come about:\n{}", self.story());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn story(&self) -> String {
        self.up().map(|node| format!("{}:\n{}\n", node.port, say(node.port, "CLUSTER NODES"))).collect()
    }

    /// The first two primaries are its seeds.
    pub fn url(&self) -> String {
        Self::url_of(&[self.nodes[0].port, self.nodes[1].port])
    }

    /// The same, over TLS.
    pub fn tls_url(&self) -> String {
        let [first, second] = [self.nodes[0].tls, self.nodes[1].tls];
        with_client(format!("rediss-cluster://localhost:{first}?node=localhost:{second}"))
    }

    pub fn url_of(seeds: &[u16]) -> String {
        let more: Vec<String> = seeds[1..].iter().map(|port| format!("node=127.0.0.1:{port}")).collect();
        with_client(format!("redis-cluster://127.0.0.1:{}?{}", seeds[0], more.join("&")))
    }

    /// Which node owns the key's slot.
    pub fn owner(&self, key: &str) -> usize {
        self.owner_of(slot_of(key)).unwrap_or_else(|| panic!("the slot of `{key}` has no owner"))
    }

    pub fn owner_of(&self, slot: u16) -> Option<usize> {
        self.up_places().find(|node| self.slots_of(*node).binary_search(&slot).is_ok())
    }

    /// The slots of a node, as itself says. What the others say may be older.
    pub fn slots_of(&self, node: usize) -> Vec<u16> {
        let owned = owners(self.nodes[node].port).into_iter().filter(|(.., id)| *id == self.nodes[node].id);
        owned.flat_map(|(first, last, _)| first..=last).collect()
    }

    /// A replica of this primary that runs.
    pub fn replica_of(&self, primary: usize) -> usize {
        let id = &self.nodes[primary].id;
        let is_of = |node: &Node| {
            let nodes = say(node.port, "CLUSTER NODES");
            nodes.lines().any(|line| line.contains("myself,slave") && line.contains(id.as_str()))
        };
        self.nodes.iter().position(|node| node.is_up() && is_of(node)).expect("a replica")
    }

    pub fn is_primary(&self, node: usize) -> bool {
        info(self.nodes[node].port, "replication", "role") == "master"
    }

    pub fn kill(&mut self, node: usize) {
        self.nodes[node].server = None;
    }

    /// Starts a killed node again. It comes empty, with the id it had.
    pub fn revive(&mut self, node: usize) {
        let Node { port, tls, bus, .. } = self.nodes[node];
        self.nodes[node].server = Some(Redis::start_on(port, &self.command(port, tls, bus)));
    }

    /// Stops the process, with its connections as they are.
    pub fn pause(&self, node: usize) {
        self.nodes[node].paused.store(true, Ordering::SeqCst);
        self.nodes[node].signal(Signal::STOP);
    }

    pub fn resume(&self, node: usize) {
        self.nodes[node].signal(Signal::CONT);
        self.nodes[node].paused.store(false, Ordering::SeqCst);
    }

    /// Waits until this replica has taken over from its primary by itself.
    pub fn wait_until_promoted(&self, replica: usize) {
        self.wait("a promotion", || self.is_primary(replica));
    }

    /// Makes a replica the primary, with what it has.
    pub fn promote(&self, replica: usize) {
        must(self.nodes[replica].port, "CLUSTER FAILOVER TAKEOVER");
        self.wait_until_promoted(replica);
    }

    /// Makes clients go to this port for the node.
    pub fn announce(&self, node: usize, port: u16) {
        must(self.nodes[node].port, &format!("CONFIG SET cluster-announce-port {port}"));
        let id = self.nodes[node].id.as_str();
        let named = format!("{id} 127.0.0.1:{port}@");
        let says = |other: &Node| say(other.port, "CLUSTER NODES").contains(&named);
        self.wait("a known port", || self.up().all(says));
    }

    /// A new primary without slots. Says which node it is.
    pub fn add_node(&mut self) -> usize {
        self.start_node();
        let node = self.nodes.len() - 1;
        self.meet(node, 0..node);
        self.wait("acquaintance", || self.know_one_another(self.up().count()));
        self.settle();
        node
    }

    /// Moves a primary's slots to another one, and has all forget it. It must have no replica.
    pub fn remove_node(&mut self, node: usize, heir: usize) {
        self.move_slots(&self.slots_of(node), heir);
        for other in self.up().filter(|other| other.id != self.nodes[node].id) {
            must(other.port, &format!("CLUSTER FORGET {}", self.nodes[node].id));
        }
        self.kill(node);
    }
}

/// The cluster that tests of this process share, each under an app label of its own. It stays as it is.
pub fn shared_cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::with(3, 3, &CALM))
}

/// The slot of a key, or of what stands between its first braces.
pub fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    // CRC-16 of XMODEM, as the cluster's specification says.
    let crc = hashed.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % SLOTS
}

/// The answer, or "" where there is none soon.
fn say(port: u16, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let answer = Wire::with_patience(port, PATIENCE).and_then(|mut wire| wire.ask(&words));
    answer.map(|answer| answer.text().to_owned()).unwrap_or_default()
}

/// The ranges of slots that the node knows of, and the ids of their owners, in order.
fn owners(port: u16) -> Vec<(u16, u16, String)> {
    let Ok(answer) = ask(port, &["CLUSTER", "SLOTS"]) else { return Vec::new() };
    let slot = |answer: &Answer| u16::try_from(answer.number()).expect("a slot");
    let range = |answer: &Answer| {
        let parts = answer.list();
        (slot(&parts[0]), slot(&parts[1]), parts[2].list()[2].text().to_owned())
    };
    let mut owners: Vec<_> = answer.list().iter().map(range).collect();
    owners.sort();
    owners
}

fn is_well(node: &Node) -> bool {
    let cluster = say(node.port, "CLUSTER INFO");
    let is_whole = field_of(&cluster, "cluster_slots_ok") == SLOTS.to_string();
    let is_fed = || matches!(info(node.port, "replication", "master_link_status").as_str(), "" | "up");
    field_of(&cluster, "cluster_state") == "ok" && is_whole && is_fed()
}
