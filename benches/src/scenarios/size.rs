//! Hits of rows of several sizes.

use crate::bench::{Bench, Case};
use crate::data::{self, SIZED_ROWS, SIZES};
use crate::results::Measure;
use crate::rivals::{Class, Kind};
use crate::work::{Sample, Work};

pub const NAME: &str = "size";

pub async fn run(bench: &mut Bench) {
    let entrants = bench.enter(Kind::on_servers().into_iter().chain(Kind::of(Class::Memory))).await;
    for (size, first, _) in SIZES {
        let rows = data::shuffled(first, SIZED_ROWS);
        bench.warm(&entrants, &rows).await;
        let case = Case::new(NAME, format!("{size}, 64 tasks"), 64).whole();
        let samples = bench.compete(&case, &entrants, |_| Work::Hit(rows.clone())).await;
        bench.keep(&case, Measure::PerSecond, &entrants, &samples, Sample::per_second);
    }
}
