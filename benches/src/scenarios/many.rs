//! Many rows at once, all of them hits and half of them.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::{Class, Kind};
use crate::work::Work;

pub const NAME: &str = "get_many";
pub const COUNTS: [usize; 3] = [10, 100, 1_000];

pub fn case_name(count: usize, cold_every: usize) -> String {
    let share = if cold_every == 0 { "all" } else { "half" };
    format!("{count} rows, {share} hit")
}

pub async fn run(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows.max(1_000));
    let entrants = bench.enter(Kind::on_servers().into_iter().chain(Kind::of(Class::Memory))).await;
    bench.warm(&entrants, &rows).await;
    for cold_every in [0, 2] {
        for count in COUNTS {
            let case = Case::new(NAME, case_name(count, cold_every), 1);
            let work = |_: &_| Work::Many { ids: rows.clone(), count, cold_every };
            let samples = bench.compete(&case, &entrants, work).await;
            bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
        }
    }
}
