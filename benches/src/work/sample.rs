//! What one round of one contestant came to.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub elapsed: Duration,
    pub ops: usize,
    /// Sorted. Empty where only the whole was timed.
    latencies_ns: Vec<u64>,
}

impl Sample {
    pub fn new(elapsed: Duration, ops: usize, mut latencies_ns: Vec<u64>) -> Self {
        latencies_ns.sort_unstable();
        Self { elapsed, ops, latencies_ns }
    }

    /// Adds another turn of the same round.
    pub fn add(&mut self, turn: Self) {
        self.elapsed += turn.elapsed;
        self.ops += turn.ops;
        self.latencies_ns.extend(turn.latencies_ns);
        self.latencies_ns.sort_unstable();
    }

    pub fn per_second(&self) -> f64 {
        self.ops as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of the whole for each operation.
    pub fn mean_us(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e6 / self.ops as f64
    }

    /// The latency in microseconds that this share of operations did not exceed.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let last = self.latencies_ns.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.latencies_ns.get(place).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
    }
}
