//! Saves and deletes of one row.

use crate::bench::{Bench, Case, Entrant};
use crate::data::{self, PASSING_FROM};
use crate::results::Measure;
use crate::rivals::Kind;
use crate::work::Work;

pub const NAME: &str = "write";
pub const SAVE: &str = "save";
/// One round trip to Redis is what the hit of the limit takes, measured in the same rounds.
pub const ROUND_TRIP: &str = "round trip to Redis";

pub async fn run(bench: &mut Bench) {
    let rows = data::shuffled(1, bench.plan.warm_rows);
    let entrants = bench.enter(Kind::ALL).await;
    bench.warm(&entrants, &rows).await;

    let mut with_trip = entrants.clone();
    let limit = bench.enter([Kind::FredByHand]).await;
    let unwritten = data::shuffled(bench.plan.warm_rows + 1, bench.plan.warm_rows);
    bench.warm(&limit, &unwritten).await;
    with_trip.extend(limit.into_iter().map(|limit| Entrant { name: ROUND_TRIP.into(), ..limit }));
    let case = Case::new(NAME, SAVE, 1);
    let work = |entrant: &Entrant| match entrant.name.as_str() {
        ROUND_TRIP => Work::Hit(unwritten.clone()),
        _ => Work::Save(rows.clone()),
    };
    let samples = bench.compete(&case, &with_trip, work).await;
    bench.keep(&case, Measure::P50Micros, &with_trip, &samples, |sample| sample.quantile_us(0.5));

    let passing = data::shuffled(PASSING_FROM, bench.plan.warm_rows);
    let case = Case::new(NAME, "delete", 1);
    let samples = bench.compete(&case, &entrants, |_| Work::Delete(passing.clone())).await;
    bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
}
