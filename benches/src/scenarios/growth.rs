//! The same hits with more and more keys in Redis.
//!
//! Each level has a server of its own, so that rounds of all levels can take turns.

use crate::bench::{Bench, Case, Entrant};
use crate::data;
use crate::results::Measure;
use crate::rivals::{self, Kind};
use crate::servers::Redis;
use crate::stage::admin;
use crate::work::{Sample, Work};

pub const NAME: &str = "growth";
pub const CASE: &str = "64 tasks";
const ROWS: i64 = 500;
const VALUE_BYTES: u32 = 16;

pub fn level_name(kind: Kind, keys: u64) -> String {
    format!("{} at 10^{} keys", kind.name(), keys.ilog10())
}

pub async fn run(bench: &mut Bench) {
    let ids = data::shuffled(1, ROWS);
    let mut servers = Vec::new();
    let mut entrants = Vec::new();
    for level in bench.plan.levels {
        let server = Redis::start(&[]);
        fill(&server.url(), level - ROWS.unsigned_abs());
        for kind in [Kind::AutocacheRedis, Kind::FredByHand] {
            let seat = bench.stage.seat_at(kind, server.url()).await;
            let contestant = rivals::connect(kind, &seat).await;
            entrants.push(Entrant { kind, name: level_name(kind, level), contestant });
        }
        servers.push(server);
    }
    bench.warm(&entrants, &ids).await;
    let case = Case::new(NAME, CASE, 64).whole();
    let samples = bench.compete(&case, &entrants, |_| Work::Hit(ids.clone())).await;
    bench.keep(&case, Measure::MeanMicros, &entrants, &samples, Sample::mean_us);
}

fn fill(url: &str, keys: u64) {
    admin(url, |redis| {
        redis::cmd("DEBUG").arg("POPULATE").arg(keys).arg("other").arg(VALUE_BYTES).exec(redis)
    });
}
