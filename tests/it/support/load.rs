//! Readers and writers of books that go on while a test does something to the servers below them.

use crate::entities::book;
use sea_orm::{ActiveModelTrait, DbErr, Set};
use sea_orm_autocache::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const READERS: i64 = 2;
/// Between two reads of a task, and between two writes.
const READ_PAUSE: Duration = Duration::from_millis(1);
const WRITE_PAUSE: Duration = Duration::from_millis(5);

/// What the tasks have seen. A book's rank is its version.
#[derive(Default)]
pub struct Tally {
    /// The newest version of each book that a write has acknowledged or a read has answered.
    newest: BTreeMap<i64, AtomicI32>,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    /// Reads that began after a newer version had been seen, by book.
    stale: Mutex<Vec<(i64, String)>>,
    failed_reads: Mutex<Vec<String>>,
    /// Writes that were not begun, by book, and why the last one was not.
    refused: Mutex<BTreeMap<i64, (u64, String)>>,
    /// Writes that were committed on a server that has been replaced before it was told so.
    unconfirmed: AtomicU64,
    failed_writes: Mutex<Vec<String>>,
    slowest_read_ms: AtomicU64,
    slowest_write_ms: AtomicU64,
}

/// Stops when it is dropped.
pub struct Load {
    tally: Arc<Tally>,
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Two readers and a writer for each Autocache. Each book is written by one of the writers.
    pub fn begin(autocaches: &[Autocache], books: &[book::Model]) -> Self {
        let newest = books.iter().map(|book| (book.id, AtomicI32::new(book.rank))).collect();
        let tally = Arc::new(Tally { newest, ..Tally::default() });
        let stopped = Arc::new(AtomicBool::new(false));
        let mut load = Self { tally, stopped, tasks: JoinSet::new() };
        for (number, autocache) in autocaches.iter().enumerate() {
            for reader in 0..READERS {
                let (tally, stopped) = (load.tally.clone(), load.stopped.clone());
                load.tasks.spawn(read(autocache.clone(), tally, stopped, reader));
            }
            let own: Vec<_> = books.iter().skip(number).step_by(autocaches.len()).cloned().collect();
            let (tally, stopped) = (load.tally.clone(), load.stopped.clone());
            load.tasks.spawn(write(autocache.clone(), own, tally, stopped));
        }
        load
    }

    /// Stops, and says what was seen.
    pub async fn end(mut self) -> Arc<Tally> {
        self.stopped.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a task without a panic");
        }
        println!("under load: {}", self.tally.summary());
        self.tally.clone()
    }
}

impl Tally {
    pub fn stale(&self) -> Vec<(i64, String)> {
        self.stale.lock().unwrap().clone()
    }

    pub fn refused(&self) -> BTreeMap<i64, (u64, String)> {
        self.refused.lock().unwrap().clone()
    }

    /// No read has failed or has answered with an older version, and no write has failed otherwise than as `Strict`
    /// says.
    pub fn assert_right(&self) {
        assert!(self.stale().is_empty(), "older rows: {:?}; {}", self.stale(), self.summary());
        self.assert_served();
    }

    /// As `assert_right`, but for older versions.
    pub fn assert_served(&self) {
        let (reads, writes) = (self.failed_reads.lock().unwrap(), self.failed_writes.lock().unwrap());
        assert!(reads.is_empty(), "failed reads: {reads:?}");
        assert!(writes.is_empty(), "failed writes: {writes:?}");
        assert!(self.reads.load(Ordering::SeqCst) > 100 && self.writes.load(Ordering::SeqCst) > 10);
    }

    pub fn summary(&self) -> String {
        let count = |number: &AtomicU64| number.load(Ordering::SeqCst);
        format!(
            "{} reads ({} failed, {} older, the slowest {} ms), {} writes ({} refused, {} unconfirmed, {} failed, the slowest {} ms)",
            count(&self.reads),
            self.failed_reads.lock().unwrap().len(),
            self.stale().len(),
            count(&self.slowest_read_ms),
            count(&self.writes),
            self.refused().values().map(|(count, _)| count).sum::<u64>(),
            count(&self.unconfirmed),
            self.failed_writes.lock().unwrap().len(),
            count(&self.slowest_write_ms),
        )
    }

    fn note_failure(&self, id: i64, error: &DbErr) {
        match CacheErrorKind::of(error) {
            Some(CacheErrorKind::NotWritten) => {
                let mut all = self.refused.lock().unwrap();
                let refused = all.entry(id).or_default();
                *refused = (refused.0 + 1, error.to_string());
            }
            Some(CacheErrorKind::Unconfirmed) => {
                self.unconfirmed.fetch_add(1, Ordering::SeqCst);
            }
            _ => self.failed_writes.lock().unwrap().push(error.to_string()),
        }
    }

    fn version(&self, id: i64) -> i32 {
        self.newest[&id].load(Ordering::SeqCst)
    }

    fn saw(&self, id: i64, version: i32) {
        self.newest[&id].fetch_max(version, Ordering::SeqCst);
    }
}

fn note_time(slowest: &AtomicU64, begun: Instant) {
    slowest.fetch_max(begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX), Ordering::SeqCst);
}

async fn read(autocache: Autocache, tally: Arc<Tally>, stopped: Arc<AtomicBool>, number: i64) {
    let cache = autocache.cache::<book::Entity>();
    let ids: Vec<i64> = tally.newest.keys().copied().collect();
    let first = ids.len() / usize::try_from(READERS).expect("a small number") * usize::from(number != 0);
    for id in ids.iter().cycle().skip(first) {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let (known, begun) = (tally.version(*id), Instant::now());
        match cache.get(*id).await {
            Ok(book) if book.rank < known => {
                let story = format!("{known} was known, and {} read", book.rank);
                tally.stale.lock().unwrap().push((*id, story));
            }
            Ok(book) => tally.saw(*id, book.rank),
            Err(error) => tally.failed_reads.lock().unwrap().push(error.to_string()),
        }
        note_time(&tally.slowest_read_ms, begun);
        tally.reads.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(READ_PAUSE).await;
    }
}

async fn write(autocache: Autocache, books: Vec<book::Model>, tally: Arc<Tally>, stopped: Arc<AtomicBool>) {
    let db = autocache.connection();
    let mut versions: BTreeMap<i64, i32> = books.iter().map(|book| (book.id, book.rank)).collect();
    for book in books.iter().cycle() {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let version = versions.get_mut(&book.id).expect("a book of this writer");
        // Also after a failure: the write may have been committed.
        *version += 1;
        let mut change: book::ActiveModel = book.clone().into();
        change.rank = Set(*version);
        let begun = Instant::now();
        match change.update(&db).await {
            Ok(_) => tally.saw(book.id, *version),
            Err(error) => tally.note_failure(book.id, &error),
        }
        note_time(&tally.slowest_write_ms, begun);
        tally.writes.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(WRITE_PAUSE).await;
    }
}
