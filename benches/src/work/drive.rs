//! Runs an operation by so many tasks at once.

use super::Sample;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The whole only: for operations that are about as quick as a look at a clock.
    Whole,
    /// Each operation, without what prepares it.
    Each,
}

/// How much, by how many, and how it is timed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub tasks: usize,
    pub ops: usize,
    pub clock: Clock,
}

/// An operation that can be repeated.
pub trait Op: Send + Sync + 'static {
    /// What must be done before the n-th one, and is not timed.
    fn prepare(&self, _: usize) -> impl Future<Output = ()> + Send {
        async {}
    }

    fn run(&self, n: usize) -> impl Future<Output = ()> + Send;

    /// Whether the n-th one's latency is of interest.
    fn is_timed(&self, _: usize) -> bool {
        true
    }
}

pub async fn drive<O: Op>(op: O, pace: Pace) -> Sample {
    let op = Arc::new(op);
    let tasks = pace.tasks.clamp(1, pace.ops.max(1));
    let begun = Instant::now();
    let running: Vec<_> =
        (0..tasks).map(|first| tokio::spawn(task(op.clone(), first, tasks, pace))).collect();
    let mut latencies = Vec::with_capacity(pace.ops);
    for task in running {
        latencies.extend(task.await.expect("a task that ends well"));
    }
    Sample::new(begun.elapsed(), pace.ops, latencies)
}

/// Every `tasks`-th operation.
async fn task<O: Op>(op: Arc<O>, first: usize, tasks: usize, pace: Pace) -> Vec<u64> {
    let mut latencies = Vec::new();
    for n in (first..pace.ops).step_by(tasks) {
        op.prepare(n).await;
        if pace.clock == Clock::Whole {
            op.run(n).await;
            continue;
        }
        let begun = Instant::now();
        op.run(n).await;
        if op.is_timed(n) {
            latencies.push(nanos(begun.elapsed()));
        }
    }
    latencies
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
