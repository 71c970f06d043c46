//! Reads and writes, with a ledger of what a read may no longer answer.

use super::drive::Op;
use super::ops::next_version;
use crate::data::Step;
use crate::entities::book::with_version;
use crate::rival::Rival;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::sync::Mutex;

/// For each row the version of the last write that has returned, and how many reads fell behind it.
///
/// A read is stale when it answers with a version older than the one noted here before it began.
pub struct Ledger {
    returned: Vec<AtomicI64>,
    /// Writers of one row take turns, so that versions grow in the order of commits.
    turns: Vec<Mutex<()>>,
    stale: AtomicU64,
}

impl Ledger {
    pub fn new(rows: i64) -> Arc<Self> {
        let places = usize::try_from(rows).unwrap_or_default() + 1;
        Arc::new(Self {
            returned: (0..places).map(|_| AtomicI64::new(0)).collect(),
            turns: (0..places).map(|_| Mutex::new(())).collect(),
            stale: AtomicU64::new(0),
        })
    }

    pub fn stale(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
    }
}

fn place(id: i64) -> usize {
    usize::try_from(id).expect("ids are not negative")
}

pub struct Mixed<R> {
    pub rival: Arc<R>,
    pub steps: Arc<[Step]>,
    pub ledger: Arc<Ledger>,
}

impl<R> Mixed<R> {
    fn step(&self, n: usize) -> Step {
        self.steps[n % self.steps.len()]
    }
}

impl<R: Rival> Op for Mixed<R> {
    async fn run(&self, n: usize) {
        match self.step(n) {
            Step::Read(id) => {
                let oldest = self.ledger.returned[place(id)].load(Ordering::SeqCst);
                let row = self.rival.find(id).await.expect("a row");
                if row.version < oldest {
                    self.ledger.stale.fetch_add(1, Ordering::Relaxed);
                }
            }
            Step::Write(id) => {
                let _turn = self.ledger.turns[place(id)].lock().await;
                let version = next_version();
                self.rival.update(with_version(id, version)).await;
                self.ledger.returned[place(id)].store(version, Ordering::SeqCst);
            }
        }
    }

    fn is_timed(&self, n: usize) -> bool {
        matches!(self.step(n), Step::Read(_))
    }
}
