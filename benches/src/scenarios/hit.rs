//! Hits: the row is there, or is known to be absent.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::{Class, Kind};
use crate::work::{Sample, Work};

pub const NAME: &str = "hit";
pub const TOMBSTONE: &str = "tombstone, 64 tasks";

pub fn case_name(tasks: usize) -> String {
    if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") }
}

/// Who competes: those on servers, and those in memory.
fn classes() -> [(bool, Vec<Kind>); 2] {
    let in_memory = Kind::of(Class::Memory).chain([Kind::Sqlite]).collect();
    [(false, Kind::on_servers()), (true, in_memory)]
}

pub async fn alone(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    for (in_memory, kinds) in classes() {
        let entrants = bench.enter(kinds).await;
        bench.warm(&entrants, &rows).await;
        let mut case = Case::new(NAME, case_name(1), 1);
        // A read of memory is about as quick as a look at the clock.
        if in_memory {
            case = case.whole();
        }
        let samples = bench.compete(&case, &entrants, |_| Work::Hit(rows.clone())).await;
        bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
        if !in_memory {
            bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
            bench.keep(&case, Measure::P99Micros, &entrants, &samples, |sample| sample.quantile_us(0.99));
        }
    }
}

pub async fn crowd(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    for (_, kinds) in classes() {
        let entrants = bench.enter(kinds).await;
        bench.warm(&entrants, &rows).await;
        for tasks in [64, 512] {
            let case = Case::new(NAME, case_name(tasks), tasks).whole();
            let samples = bench.compete(&case, &entrants, |_| Work::Hit(rows.clone())).await;
            bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
        }
        let absent = data::absent(bench.plan.warm_rows);
        bench.warm(&entrants, &absent).await;
        let case = Case::new(NAME, TOMBSTONE, 64).whole();
        let samples = bench.compete(&case, &entrants, |_| Work::Hit(absent.clone())).await;
        bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
    }
}
