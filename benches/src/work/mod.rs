//! What a contestant can be asked to do, over and over, by so many tasks at once.

mod drive;
mod mixed;
mod ops;
mod sample;

pub use drive::{Clock, Pace};
pub use mixed::Ledger;
pub use sample::Sample;

use crate::data::Step;
use crate::entities::author;
use crate::rival::Rival;
use async_trait::async_trait;
use drive::drive;
use std::sync::Arc;

/// One kind of work. Each names what is timed; what has to happen before is not.
#[derive(Clone)]
pub enum Work {
    /// Reads of these rows, which are warm if the scenario has warmed them.
    Hit(Arc<[i64]>),
    /// Reads of rows that were made cold.
    Miss(Arc<[i64]>),
    /// Reads of this many rows at once; every so many-th was made cold, unless it is 0.
    Many { ids: Arc<[i64]>, count: usize, cold_every: usize },
    /// The books of so many authors, as for one page.
    Page { authors: Arc<[author::Model]>, count: usize },
    /// Writes of one column.
    Save(Arc<[i64]>),
    /// Deletes of rows, which are inserted just before.
    Delete(Arc<[i64]>),
    /// Writes of this many rows in one transaction.
    Transaction { ids: Arc<[i64]>, rows: usize },
    /// Reads and writes, checked for reads of what is older than a write that had returned.
    Mixed { steps: Arc<[Step]>, ledger: Arc<Ledger> },
}

/// A rival whose type is forgotten: one call for a whole round of work, so that it costs nothing.
#[async_trait]
pub trait Contestant: Send + Sync + 'static {
    async fn drive(self: Arc<Self>, work: Work, pace: Pace) -> Sample;

    async fn forget(&self, ids: &[i64]);
}

#[async_trait]
impl<R: Rival> Contestant for R {
    async fn drive(self: Arc<Self>, work: Work, pace: Pace) -> Sample {
        let rival = self;
        match work {
            Work::Hit(ids) => drive(ops::Hit { rival, ids }, pace).await,
            Work::Miss(ids) => drive(ops::Miss { rival, ids }, pace).await,
            Work::Many { ids, count, cold_every } => {
                drive(ops::Many { rival, ids, count, cold_every }, pace).await
            }
            Work::Page { authors, count } => drive(ops::Page { rival, authors, count }, pace).await,
            Work::Save(ids) => drive(ops::Save { rival, ids }, pace).await,
            Work::Delete(ids) => drive(ops::Delete { rival, ids }, pace).await,
            Work::Transaction { ids, rows } => drive(ops::Transaction { rival, ids, rows }, pace).await,
            Work::Mixed { steps, ledger } => drive(mixed::Mixed { rival, steps, ledger }, pace).await,
        }
    }

    async fn forget(&self, ids: &[i64]) {
        Rival::forget(self, ids).await;
    }
}
