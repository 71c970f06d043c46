//! Starts the workers and does to them, their servers and the paths between what a fault set says.

use crate::cluster::ClusterFaults;
use crate::faults::{Fault, FaultSet};
use crate::stage::Stage;
use crate::support::process::{Keeper, fresh_folder};
use crate::support::proxy::Proxy;
use crate::support::servers::Redis;
use crate::vanishing::Vanishing;
use crate::worker::{ORDERS, Orders};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::{ClusterHash, CustomCommand};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const WORKERS: usize = 3;
const START_LIMIT: Duration = Duration::from_secs(30);

/// A worker and the paths it goes by. The paths outlive it.
struct Seat {
    keeper: Keeper,
    redis: Proxy,
    database: Option<Proxy>,
    orders: Orders,
}

pub struct Nemesis {
    pub set: FaultSet,
    /// How often each fault was done.
    pub done: BTreeMap<Fault, u64>,
    rng: StdRng,
    folder: PathBuf,
    /// `None` only while there is none.
    redis: Option<Redis>,
    replica: Option<Redis>,
    /// In place of both.
    cluster: Option<ClusterFaults>,
    seats: Vec<Seat>,
    vanishing: Option<Vanishing>,
    histories: Vec<PathBuf>,
    started: u64,
    faults: Vec<Fault>,
}

impl Nemesis {
    pub async fn new(set: FaultSet, stage: &Stage, folder: PathBuf, seed: u64) -> Self {
        let possible = |fault: &Fault| !fault.needs_database_path() || stage.port().is_some();
        let mut nemesis = Self {
            set,
            done: BTreeMap::new(),
            rng: StdRng::seed_from_u64(seed),
            folder,
            redis: (!set.cluster).then(|| Redis::start(&[])),
            replica: None,
            cluster: set.cluster.then(ClusterFaults::start),
            seats: Vec::new(),
            vanishing: None,
            histories: Vec::new(),
            started: 0,
            faults: set.faults.iter().copied().filter(possible).collect(),
        };
        if set.faults.contains(&Fault::Promote) {
            nemesis.replicate().await;
        }
        for _ in 0..WORKERS {
            let redis = Proxy::to(nemesis.redis.as_ref().map_or(0, Redis::port)).await;
            let database = match stage.port() {
                Some(port) => Some(Proxy::to(port).await),
                None => None,
            };
            let orders = Orders {
                number: 0,
                folder: nemesis.folder.clone(),
                database_url: stage.url_through(database.as_ref().map(|proxy| proxy.port)),
                redis_url: match &nemesis.cluster {
                    Some(cluster) => cluster.url(),
                    None => redis.url(),
                },
                set,
                seed,
            };
            let (keeper, orders) = nemesis.start(orders);
            nemesis.seats.push(Seat { keeper, redis, database, orders });
        }
        nemesis.vanishing = Some(match &nemesis.cluster {
            Some(cluster) => Vanishing::of_cluster(cluster.ports(), seed),
            None => Vanishing::start(nemesis.redis().port(), seed).await,
        });
        nemesis.await_start().await;
        nemesis
    }

    pub fn redis_url(&self) -> String {
        self.cluster.as_ref().map_or_else(|| self.redis().url(), ClusterFaults::url)
    }

    /// The histories of all workers there ever were.
    pub fn histories(&self) -> Vec<PathBuf> {
        self.histories.clone()
    }

    /// The histories of those that live.
    pub fn living(&self) -> Vec<PathBuf> {
        self.seats.iter().map(|seat| seat.orders.history()).collect()
    }

    fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("a Redis server")
    }

    fn start(&mut self, orders: Orders) -> (Keeper, Orders) {
        self.started += 1;
        let orders = Orders { number: self.started, ..orders };
        let program = std::env::current_exe().expect("this program's path");
        let command =
            ["env".to_owned(), format!("{ORDERS}={}", orders.text()), program.display().to_string()];
        let keeper = Keeper::start(&command, fresh_folder("worker"));
        self.histories.push(orders.history());
        (keeper, orders)
    }

    /// Until every worker has something to tell.
    async fn await_start(&self) {
        let begun = Instant::now();
        for seat in &self.seats {
            while !seat.orders.history().exists() {
                assert!(begun.elapsed() < START_LIMIT, "a worker did not start: {}", seat.keeper.log());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Does one thing after the other until the time is over.
    pub async fn rage(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let pause = Duration::from_millis(self.rng.random_range(100..900));
            tokio::time::sleep(pause.min(end - Instant::now())).await;
            let Some(&fault) = self.faults.choose(&mut self.rng) else { continue };
            self.inflict(fault).await;
            *self.done.entry(fault).or_default() += 1;
        }
    }

    /// Leaves everybody a sound path, and lets entries stand.
    pub async fn relent(&mut self) {
        self.vanishing = None;
        if let Some(cluster) = &self.cluster {
            cluster.settle();
        }
        for seat in &self.seats {
            for path in [Some(&seat.redis), seat.database.as_ref()].into_iter().flatten() {
                path.delay(Duration::ZERO);
                path.open();
            }
        }
        self.await_start().await;
    }

    async fn inflict(&mut self, fault: Fault) {
        if let Some(cluster) = &mut self.cluster
            && cluster.inflict(fault, &mut self.rng)
        {
            return;
        }
        let seat = self.rng.random_range(0..self.seats.len());
        let short = self.set.hold.mul_f64(self.rng.random_range(0.02..0.35));
        match fault {
            Fault::Kill => self.kill(seat),
            Fault::Pause => self.pause(self.seats[seat].keeper.pid(), short).await,
            Fault::LongPause => {
                let long = self.set.hold.mul_f64(self.rng.random_range(1.05..1.5));
                self.pause(self.seats[seat].keeper.pid(), long).await;
            }
            Fault::PauseRedis => self.pause(self.redis().pid(), short).await,
            Fault::CutDatabase => self.database(seat).cut(),
            Fault::MuteDatabase => {
                self.database(seat).mute();
                self.lift(short, |seat| seat.database.clone()).await;
            }
            Fault::MuteCommit => {
                self.database(seat).mute_at_commit();
                self.lift(short, |seat| seat.database.clone()).await;
            }
            Fault::SlowDatabase => self.slow(self.database(seat).clone(), short, 60).await,
            Fault::CutRedis => self.seats[seat].redis.cut(),
            Fault::CloseRedis => {
                self.seats[seat].redis.close();
                self.lift(short, |seat| Some(seat.redis.clone())).await;
            }
            Fault::MuteRedis => {
                self.seats[seat].redis.mute();
                self.lift(short, |seat| Some(seat.redis.clone())).await;
            }
            Fault::SlowRedis => self.slow(self.seats[seat].redis.clone(), short, 300).await,
            Fault::Evict => self.evict().await,
            Fault::Flush => {
                let client = self.client().await;
                client.flushall::<()>(false).await.expect("a flush");
            }
            Fault::Restart | Fault::RestartOlder => self.restart(fault == Fault::RestartOlder).await,
            Fault::Promote => self.promote().await,
            Fault::Reshard | Fault::HalfMove | Fault::KillPrimary | Fault::PausePrimary => {
                panic!("{fault:?} is for a Cluster")
            }
        }
    }

    fn database(&self, seat: usize) -> &Proxy {
        self.seats[seat].database.as_ref().expect("a path to a server")
    }

    fn kill(&mut self, seat: usize) {
        signal(self.seats[seat].keeper.pid(), Signal::KILL);
        let old = &self.seats[seat].orders;
        let orders = Orders::parse(&old.text());
        let (keeper, orders) = self.start(orders);
        (self.seats[seat].keeper, self.seats[seat].orders) = (keeper, orders);
    }

    async fn pause(&self, pid: Option<i32>, time: Duration) {
        signal(pid, Signal::STOP);
        tokio::time::sleep(time).await;
        signal(pid, Signal::CONT);
    }

    /// Lets connections that have lost something go before new ones are taken.
    async fn lift(&self, after: Duration, path: impl Fn(&Seat) -> Option<Proxy>) {
        tokio::time::sleep(after).await;
        for path in self.seats.iter().filter_map(path) {
            path.close();
            path.open();
        }
    }

    async fn slow(&mut self, path: Proxy, time: Duration, most_ms: u64) {
        path.delay(Duration::from_millis(self.rng.random_range(1..most_ms)));
        tokio::time::sleep(time).await;
        path.delay(Duration::ZERO);
    }

    async fn client(&self) -> Client {
        crate::naive::connect(&self.redis_url()).await
    }

    /// Deletes some keys at random, again and again for a moment.
    async fn evict(&mut self) {
        let client = self.client().await;
        for _ in 0..self.rng.random_range(5..60) {
            let random = CustomCommand::new_static("RANDOMKEY", ClusterHash::Random, false);
            let key: Option<String> = client.custom(random, Vec::<String>::new()).await.expect("a key");
            if let Some(key) = key {
                client.del::<(), _>(key).await.expect("a delete");
            }
            tokio::time::sleep(Duration::from_micros(self.rng.random_range(100..4_000))).await;
        }
        client.quit().await.expect("a closed connection");
    }

    async fn restart(&mut self, older: bool) {
        let redis = self.redis.take().expect("a Redis server");
        let mut snapshot = None;
        if older {
            let client = crate::naive::connect(&redis.url()).await;
            let save = CustomCommand::new_static("SAVE", ClusterHash::Random, false);
            client.custom::<(), _>(save, Vec::<String>::new()).await.expect("a snapshot");
            snapshot = Some(std::fs::read(redis.folder().join("dump.rdb")).expect("a snapshot"));
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(50..1_200))).await;
        }
        let (folder, port) = redis.stop();
        if let Some(snapshot) = snapshot {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("dump.rdb"), snapshot).expect("a snapshot");
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..300))).await;
        self.redis = Some(Redis::restart(folder, port));
    }

    /// Starts a replica of the server and waits until it follows.
    async fn replicate(&mut self) {
        let replica = Redis::start(&["--repl-diskless-sync-delay", "0"]);
        let client = crate::naive::connect(&replica.url()).await;
        replica_of(&client, "127.0.0.1", &self.redis().port().to_string()).await;
        let begun = Instant::now();
        loop {
            let info: String =
                client.info(Some(fred::types::InfoKind::Replication)).await.expect("an answer");
            if info.contains("master_link_status:up") {
                break;
            }
            assert!(begun.elapsed() < START_LIMIT, "the replica does not follow: {info}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        client.quit().await.expect("a closed connection");
        self.replica = Some(replica);
    }

    /// The server dies; after a while its replica takes its place, and gets a replica of its own.
    async fn promote(&mut self) {
        let replica = self.replica.take().expect("a replica");
        if self.rng.random() {
            // It has missed what was said last.
            signal(replica.pid(), Signal::STOP);
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(5..300))).await;
        }
        drop(self.redis.take());
        signal(replica.pid(), Signal::CONT);
        let client = crate::naive::connect(&replica.url()).await;
        replica_of(&client, "NO", "ONE").await;
        client.quit().await.expect("a closed connection");
        for seat in &self.seats {
            seat.redis.lead_to(replica.port());
            seat.redis.cut();
        }
        self.vanishing.iter().for_each(|vanishing| vanishing.lead_to(replica.port()));
        self.redis = Some(replica);
        self.replicate().await;
    }
}

async fn replica_of(client: &Client, host: &str, port: &str) {
    let command = CustomCommand::new_static("REPLICAOF", ClusterHash::Random, false);
    client.custom::<(), _>(command, vec![host, port]).await.expect("an answer");
}

fn signal(pid: Option<i32>, signal: Signal) {
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(pid, signal);
    }
}
