//! Transactions that write some rows.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::Kind;
use crate::work::Work;

pub const NAME: &str = "transaction";

pub fn case_name(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

pub async fn run(bench: &mut Bench) {
    let ids = data::shuffled(1, bench.plan.warm_rows);
    let entrants = bench.enter(Kind::on_servers()).await;
    bench.warm(&entrants, &ids).await;
    for rows in [1, 10, 100] {
        let case = Case::new(NAME, case_name(rows), 1);
        let work = |_: &_| Work::Transaction { ids: ids.clone(), rows };
        let samples = bench.compete(&case, &entrants, work).await;
        bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
    }
}
