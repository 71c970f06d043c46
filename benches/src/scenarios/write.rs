//! Saves and deletes of one row.

use crate::bench::{Bench, Case};
use crate::data::{self, PASSING_FROM};
use crate::results::Measure;
use crate::rivals::{self, Kind};
use crate::work::Work;

pub const NAME: &str = "write";
pub const SAVE: &str = "save";

pub async fn run(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    let entrants = bench.enter(Kind::ALL).await;
    bench.warm(&entrants, &rows).await;

    let case = Case::new(NAME, SAVE, 1);
    let samples = bench.compete(&case, &entrants, |_| Work::Save(rows.clone())).await;
    bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));

    let kind = Kind::AutocacheRedis;
    let trips = rivals::round_trips_of_a_save(&bench.stage.seat(kind).await, rows[0]).await;
    bench.keep_rounds(&case, Measure::RoundTrips, kind.name(), vec![trips]);

    let passing = data::shuffled(PASSING_FROM, bench.plan.warm_rows);
    let case = Case::new(NAME, "delete", 1);
    let samples = bench.compete(&case, &entrants, |_| Work::Delete(passing.clone())).await;
    bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
}
