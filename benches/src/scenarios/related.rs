//! The books of 50 authors, as a page shows them.
//!
//! What each rival does is in its `find_related`.

use crate::bench::{Bench, Case};
use crate::entities::author;
use crate::results::Measure;
use crate::rivals::Kind;
use crate::work::Work;
use std::sync::Arc;

pub const NAME: &str = "related";
pub const PARENTS: usize = 50;
const PAGES: i64 = 20;

/// Those that keep related rows. Others would only repeat what the database does.
const KINDS: [Kind; 3] = [Kind::AutocacheRedis, Kind::FredByHand, Kind::Postgres];

pub async fn run(bench: &mut Bench) {
    let author = |id| author::Model { id, name: format!("author {id}") };
    let authors: Arc<[author::Model]> = (1..=PAGES * PARENTS as i64).map(author).collect();
    let entrants = bench.enter(KINDS).await;
    let case = Case::new(NAME, format!("{PARENTS} parents"), 1);
    let work = |_: &_| Work::Page { authors: authors.clone(), count: PARENTS };
    let samples = bench.compete(&case, &entrants, work).await;
    bench.keep(&case, Measure::P50Micros, &entrants, &samples, |sample| sample.quantile_us(0.5));
}
