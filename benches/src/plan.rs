//! How much is measured: everything, or as little as shows that everything runs.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Plan {
    pub quick: bool,
    /// Only scenarios whose name contains this.
    only: String,
    /// Interleaved rounds.
    pub rounds: usize,
    /// Turns of each contestant in a round.
    pub turns: usize,
    /// How long one turn takes, roughly.
    pub turn: Duration,
    /// Rows of the usual size.
    pub rows: i64,
    /// Rows that are warm in the scenarios that read hits.
    pub warm_rows: i64,
    /// Operations of one round of the mixed load.
    pub mixed_ops: usize,
    pub stampede_tasks: usize,
    /// Keys in Redis beside those that are read.
    pub levels: [u64; 3],
    /// Hits of one run under callgrind; another run makes twice as many.
    pub counted_hits: usize,
}

impl Plan {
    /// From `BENCH_QUICK` and `BENCH_ONLY`.
    pub fn from_env() -> Self {
        let only = std::env::var("BENCH_ONLY").unwrap_or_default();
        let quick = std::env::var("BENCH_QUICK").is_ok_and(|value| !value.is_empty() && value != "0");
        if quick { Self::quick(only) } else { Self::full(only) }
    }

    fn full(only: String) -> Self {
        Self {
            quick: false,
            only,
            rounds: 5,
            turns: 20,
            turn: Duration::from_millis(20),
            rows: 100_000,
            warm_rows: 10_000,
            mixed_ops: 30_000,
            stampede_tasks: 1_000,
            levels: [1_000, 100_000, 10_000_000],
            counted_hits: 2_000,
        }
    }

    fn quick(only: String) -> Self {
        Self {
            quick: true,
            only,
            rounds: 2,
            turns: 2,
            turn: Duration::from_millis(5),
            rows: 5_000,
            warm_rows: 500,
            mixed_ops: 1_000,
            stampede_tasks: 100,
            levels: [1_000, 10_000, 100_000],
            counted_hits: 100,
        }
    }

    pub fn wants(&self, scenario: &str) -> bool {
        scenario.contains(&self.only)
    }

    /// Whether this is the run that results are kept of.
    pub fn is_whole(&self) -> bool {
        !self.quick && self.only.is_empty()
    }
}
