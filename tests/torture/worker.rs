//! One worker: a process with its own Autocache, several tasks at work on few rows, and a history.

use crate::entities::{Rows, born, slot};
use crate::families::child;
use crate::faults::FaultSet;
use crate::history::{Counts, Event, History, Kind, Outcome, now};
use crate::{faults, naive, operations, stage};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_autocache::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Holds the worker's orders; set in workers only.
pub const ORDERS: &str = "AUTOCACHE_TORTURE_ORDERS";
/// Rows with chosen keys.
pub const SLOTS: i64 = 12;
const TASKS: u64 = 10;
/// No operation takes this long unless something hangs.
const OPERATION_LIMIT: Duration = Duration::from_secs(8);
/// How long a worker may take to deliver what it owes.
const DELIVERY_LIMIT: Duration = Duration::from_secs(15);
const BORN_LINE: usize = 20;
/// Rows with keys of the database's making that are still asked for.
const RECENT: usize = 6;

/// What a worker is told.
pub struct Orders {
    /// Different for each worker that was ever started in the run.
    pub number: u64,
    pub folder: PathBuf,
    pub database_url: String,
    pub redis_url: String,
    pub set: FaultSet,
    pub seed: u64,
}

impl Orders {
    pub fn text(&self) -> String {
        let Self { number, folder, database_url, redis_url, set, seed } = self;
        format!("{number}|{}|{database_url}|{redis_url}|{}|{seed}", folder.display(), set.name)
    }

    pub fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split('|').collect();
        let [number, folder, database_url, redis_url, set, seed] = words[..] else {
            panic!("orders: {text}")
        };
        Self {
            number: number.parse().expect("a number"),
            folder: folder.into(),
            database_url: database_url.to_owned(),
            redis_url: redis_url.to_owned(),
            set: faults::named(set),
            seed: seed.parse().expect("a seed"),
        }
    }

    pub fn history(&self) -> PathBuf {
        self.folder.join(format!("history-{}", self.number))
    }
}

pub fn stop_file(folder: &Path) -> PathBuf {
    folder.join("stop")
}

pub struct Worker {
    pub autocache: Autocache,
    pub database: DatabaseConnection,
    pub set: FaultSet,
    pub orders: Orders,
    history: History,
    next: AtomicU64,
}

/// The whole life of a worker process.
pub async fn run(orders: Orders) {
    let history = History::create(&orders.history());
    let database = stage::connect(&orders.database_url).await;
    let store = RedisStore::builder(&orders.redis_url).command_timeout(orders.set.command_timeout);
    let store = store.connect().await.expect("a store");
    let builder = Autocache::builder(database.clone()).app("torture").backend("default", store);
    let builder = builder.consistency(orders.set.consistency).intent_ttl(orders.set.hold);
    let autocache = builder.build().expect("an Autocache");
    let next = AtomicU64::new((orders.number << 32) + 1);
    let worker = Arc::new(Worker { autocache, database, set: orders.set, orders, history, next });
    let tasks = (0..TASKS).map(|task| {
        let seed = worker.orders.seed ^ (worker.orders.number << 8) ^ task;
        tokio::spawn(work(worker.clone(), StdRng::seed_from_u64(seed)))
    });
    for task in tasks.collect::<Vec<_>>() {
        if let Err(error) = task.await {
            worker.note(&Event::Wrong(format!("a task has ended: {error}")));
        }
    }
    worker.deliver().await;
    worker.count();
    worker.note(&Event::Done);
}

async fn work(worker: Arc<Worker>, mut rng: StdRng) {
    let stop = stop_file(&worker.orders.folder);
    let mut counted = Instant::now();
    let by_hand = if worker.set.naive { Some(naive::connect(&worker.orders.redis_url).await) } else { None };
    while !stop.exists() {
        match &by_hand {
            Some(redis) => naive::operate(&worker, redis, &mut rng).await,
            None => Box::pin(operations::operate(&worker, &mut rng)).await,
        }
        if rng.random_ratio(1, 4) {
            tokio::time::sleep(Duration::from_micros(rng.random_range(0..2_000))).await;
        }
        if counted.elapsed() > Duration::from_millis(500) {
            worker.count();
            counted = Instant::now();
        }
    }
}

impl Worker {
    pub fn note(&self, event: &Event) {
        self.history.note(event);
    }

    /// A revision, or the number of an operation, that is used once.
    pub fn fresh(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed).try_into().expect("a number below 2^63")
    }

    /// Runs a read to its end or for a random while, and notes what it has found.
    pub async fn read(
        &self,
        rng: &mut StdRng,
        table: char,
        ids: &[i64],
        reading: impl Future<Output = Result<Vec<Option<Option<i64>>>, DbErr>>,
    ) -> Option<Vec<Option<i64>>> {
        let from = now();
        let found = tokio::time::timeout(self.limit(rng, 20), reading).await.ok()?.ok()?;
        let to = now();
        let mut revs = Vec::with_capacity(found.len());
        for (&id, found) in ids.iter().zip(found) {
            let rev = match found {
                Some(None) => {
                    self.note(&Event::Wrong(format!("a row of two halves: {table}{id}")));
                    return None;
                }
                Some(whole) => whole,
                None => None,
            };
            self.note(&Event::Read { table, id, from, to, rev });
            revs.push(rev);
        }
        Some(revs)
    }

    /// As [`read`](Self::read), for the lists of these parents.
    pub async fn read_lists(
        &self,
        rng: &mut StdRng,
        generated: bool,
        parents: &[i64],
        reading: impl Future<Output = Result<Vec<Vec<child::Model>>, DbErr>>,
    ) {
        let from = now();
        let Ok(Ok(found)) = tokio::time::timeout(self.limit(rng, 20), reading).await else { return };
        let to = now();
        if found.len() != parents.len() {
            self.note(&Event::Wrong(format!("{} lists for {} parents", found.len(), parents.len())));
        }
        for (&place, list) in parents.iter().zip(found) {
            if let Some(wrong) = what_is_wrong(place, &list) {
                self.note(&Event::Wrong(wrong));
            }
            let rows = list.iter().map(|child| (child.id, child.rev)).collect();
            self.note(&Event::List { table: child::Entity::TABLE, generated, place, from, to, rows });
        }
    }

    /// Runs a write to its end or for a random while, and notes what has become of it.
    pub async fn write(
        &self,
        rng: &mut StdRng,
        changes: &[(Kind, char, i64, i64)],
        writing: impl Future<Output = Outcome>,
    ) -> Outcome {
        let operation = self.begins(changes);
        let outcome = tokio::time::timeout(self.limit(rng, 6), writing).await.unwrap_or(Outcome::Unknown);
        self.ends(operation, outcome);
        outcome
    }

    /// Notes that these writes begin, as one operation, and answers its number.
    pub fn begins(&self, changes: &[(Kind, char, i64, i64)]) -> u64 {
        let operation = self.fresh().unsigned_abs();
        for &(kind, table, id, rev) in changes {
            self.note(&Event::Write { operation, kind, table, id, rev, from: now() });
        }
        operation
    }

    pub fn ends(&self, operation: u64, outcome: Outcome) {
        self.note(&Event::End { operation, to: now(), outcome });
    }

    /// One operation in so many is dropped midway, where the set says so.
    fn limit(&self, rng: &mut StdRng, one_in: u32) -> Duration {
        if self.set.cancels && rng.random_ratio(1, one_in) {
            Duration::from_micros(rng.random_range(0..12_000))
        } else {
            OPERATION_LIMIT
        }
    }

    /// A recent row with an auto-increment key that some worker knows of.
    pub fn some_born(&self, rng: &mut StdRng) -> Option<i64> {
        let id = *self.told_of("born").choose(rng)?;
        let ahead = self.set.asks_for_unborn && rng.random_ratio(1, 10);
        Some(if ahead { id + rng.random_range(1..20) } else { id })
    }

    /// Tells all workers of a row.
    pub fn is_born(&self, id: i64) {
        self.tell_of("born", id);
    }

    pub fn tell_of_child(&self, id: i64) {
        self.tell_of("children", id);
    }

    /// Recent children with keys of the database's making.
    pub fn told_of_children(&self) -> Vec<i64> {
        self.told_of("children")
    }

    fn tell_of(&self, file: &str, id: i64) {
        let file = OpenOptions::new().create(true).append(true).open(self.orders.folder.join(file));
        let line = format!("{id:>width$}\n", width = BORN_LINE - 1);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a line");
    }

    fn told_of(&self, file: &str) -> Vec<i64> {
        let text = std::fs::read(self.orders.folder.join(file)).unwrap_or_default();
        let recent = text.chunks_exact(BORN_LINE).rev().take(RECENT);
        recent.filter_map(|line| std::str::from_utf8(line).ok()?.trim().parse().ok()).collect()
    }

    /// Waits until Redis has been told of everything.
    async fn deliver(&self) {
        let begun = Instant::now();
        while self.autocache.stats().backends.iter().any(|backend| backend.open || backend.queued > 0) {
            if begun.elapsed() > DELIVERY_LIMIT {
                self.note(&Event::Wrong("the journal was not delivered".to_owned()));
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn count(&self) {
        let stats = self.autocache.stats();
        let mut counts =
            Counts { trips: stats.backends.iter().map(|backend| backend.trips).sum(), ..Counts::default() };
        for counted in ["slot", "born", "child"].map(|model| stats.entity(model)) {
            counts.add(&Counts {
                hits: counted.hits + counted.tombstone_hits,
                misses: counted.misses,
                list_hits: counted.list_hits,
                list_misses: counted.list_misses,
                list_fills: counted.list_fills,
                trips: 0,
                lost_intents: counted.lost_intents,
                errors: counted.errors,
            });
        }
        self.note(&Event::Counts(counts));
    }

    /// A table and a row of it. Mostly a slot.
    pub fn some_row(&self, rng: &mut StdRng) -> (char, i64) {
        let born = if rng.random_ratio(1, 8) { self.some_born(rng) } else { None };
        match born {
            Some(id) => (born::Entity::TABLE, id),
            None => (slot::Entity::TABLE, rng.random_range(1..=SLOTS)),
        }
    }
}

/// What no list may ever look like.
fn what_is_wrong(place: i64, list: &[child::Model]) -> Option<String> {
    let strangers = list.iter().filter(|child| child.parent_id != place).map(|child| child.id);
    let halves = list.iter().filter(|child| child::Entity::rev(child).is_none()).map(|child| child.id);
    let twice = list.windows(2).filter(|pair| pair[0].id >= pair[1].id).map(|pair| pair[1].id);
    let wrong: Vec<i64> = strangers.chain(halves).chain(twice).collect();
    (!wrong.is_empty()).then(|| format!("in list {place}: strangers, halves, or out of order: {wrong:?}"))
}
