//! Misses: a `SELECT`, and what puts its row into the cache.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::Kind;
use crate::work::Work;

pub const NAME: &str = "miss";

pub async fn run(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    let entrants = bench.enter(Kind::ALL).await;
    let case = Case::new(NAME, "1 task", 1);
    let samples = bench.compete(&case, &entrants, |_| Work::Miss(rows.clone())).await;
    bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
    bench.keep(&case, Measure::P99Micros, &entrants, &samples, |sample| sample.quantile_us(0.99));
}
