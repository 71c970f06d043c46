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

pub async fn run(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    for in_memory in [false, true] {
        let kinds: Vec<Kind> = if in_memory {
            Kind::of(Class::Memory).chain([Kind::Sqlite]).collect()
        } else {
            Kind::on_servers()
        };
        let entrants = bench.enter(kinds).await;
        bench.warm(&entrants, &rows).await;
        for tasks in [1, 64, 512] {
            let mut case = Case::new(NAME, case_name(tasks), tasks);
            // A read of memory is about as quick as a look at the clock.
            if in_memory || tasks > 1 {
                case = case.whole();
            }
            let samples = bench.compete(&case, &entrants, |_| Work::Hit(rows.clone())).await;
            bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
            if tasks == 1 && !in_memory {
                bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
                bench.keep(&case, Measure::P99Micros, &entrants, &samples, |sample| sample.quantile_us(0.99));
            }
        }
        let absent = data::absent(bench.plan.warm_rows);
        bench.warm(&entrants, &absent).await;
        let case = Case::new(NAME, TOMBSTONE, 64).whole();
        let samples = bench.compete(&case, &entrants, |_| Work::Hit(absent.clone())).await;
        bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
    }
}
