//! The same hits in a process that has used one entity, and in one that has used a thousand.

use crate::bench::{Bench, Case, Entrant};
use crate::data;
use crate::results::Measure;
use crate::rivals::{self, Kind};
use crate::work::{Sample, Work};

pub const NAME: &str = "entities";
pub const CASE: &str = "64 tasks";
pub const FEW: &str = "autocache, Redis, 1 entity";
pub const MANY: &str = "autocache, Redis, 1,000 entities";

pub async fn run(bench: &mut Bench) {
    let ids = data::shuffled(1, bench.plan.warm_rows);
    let kind = Kind::AutocacheRedis;
    let seat = bench.stage.seat(kind).await;
    let entrants = [
        Entrant { kind, name: FEW.to_owned(), contestant: rivals::connect(kind, &seat).await },
        Entrant { kind, name: MANY.to_owned(), contestant: rivals::with_many_entities(&seat).await },
    ];
    bench.warm(&entrants, &ids).await;
    let case = Case::new(NAME, CASE, 64).whole();
    let samples = bench.compete(&case, &entrants, |_| Work::Hit(ids.clone())).await;
    bench.keep(&case, Measure::MeanMicros, &entrants, &samples, Sample::mean_us);
}
