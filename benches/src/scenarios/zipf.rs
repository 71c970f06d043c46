//! Reads by Zipf's law among writes: throughput, latencies, and reads of what is older than a write
//! that had returned.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::Kind;
use crate::work::{Clock, Ledger, Pace, Sample, Work};

pub const NAME: &str = "zipf";
pub const CASE: &str = "64 tasks, 5 % writes";

const TASKS: usize = 64;
const WRITES: f64 = 0.05;

pub async fn run(bench: &mut Bench) {
    let case = Case::new(NAME, CASE, TASKS);
    let steps = data::zipf(bench.plan.rows, bench.plan.mixed_ops, WRITES);
    let entrants = bench.enter(Kind::ALL).await;
    let ledgers: Vec<_> = entrants.iter().map(|_| Ledger::new(bench.plan.rows)).collect();
    let pace = Pace { tasks: TASKS, ops: bench.plan.mixed_ops, clock: Clock::Each };
    let mut samples = vec![Vec::new(); entrants.len()];
    // The first round warms the caches: it counts for staleness only.
    for round in 0..=bench.plan.rounds {
        for ((entrant, ledger), samples) in entrants.iter().zip(&ledgers).zip(&mut samples) {
            let work = Work::Mixed { steps: steps.clone(), ledger: ledger.clone() };
            let sample = entrant.contestant.clone().drive(work, pace).await;
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
    for (measure, share) in
        [(Measure::P50Micros, 0.5), (Measure::P99Micros, 0.99), (Measure::P999Micros, 0.999)]
    {
        bench.keep(&case, measure, &entrants, &samples, |sample| sample.quantile_us(share));
    }
    for (entrant, ledger) in entrants.iter().zip(&ledgers) {
        bench.keep_rounds(&case, Measure::StaleReads, &entrant.name, vec![ledger.stale() as f64]);
    }
}
