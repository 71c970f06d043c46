//! What an entry takes of Redis.

use crate::bench::{Bench, Case};
use crate::data::{self, SIZED_ROWS, SIZES};
use crate::results::Measure;
use crate::rivals::database::select;
use crate::rivals::{Class, Kind};
use crate::stage::admin;

pub const NAME: &str = "memory";

pub async fn run(bench: &mut Bench) {
    for (size, first, _) in SIZES {
        bench.stage.flush();
        let rows = data::shuffled(first, SIZED_ROWS);
        let entrants = bench.enter(Kind::of(Class::Redis)).await;
        bench.warm(&entrants, &rows).await;
        let case = Case::new(NAME, size, 1);
        for entrant in &entrants {
            let seat = bench.stage.seat(entrant.kind).await;
            let taken = admin(&seat.redis_url, entries);
            let mean = |of: fn(&Entry) -> u64| taken.iter().map(of).sum::<u64>() as f64 / taken.len() as f64;
            bench.keep_rounds(&case, Measure::MemoryBytes, &entrant.name, vec![mean(|entry| entry.memory)]);
            let mut payload = 0;
            for id in rows.iter() {
                payload += rmp_serde::to_vec(&select(&seat.db, *id).await).map_or(0, |bytes| bytes.len());
            }
            let payload = payload as f64 / rows.len() as f64;
            let over = mean(|entry| entry.value) - payload;
            bench.keep_rounds(&case, Measure::OverheadBytes, &entrant.name, vec![over]);
        }
    }
}

struct Entry {
    /// All of it, as Redis counts: key, value, expiry and what it needs to find them.
    memory: u64,
    /// The value alone.
    value: u64,
}

fn entries(redis: &mut redis::Connection) -> redis::RedisResult<Vec<Entry>> {
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(redis)?;
    let mut entries = Vec::new();
    for key in keys {
        let memory = redis::cmd("MEMORY").arg("USAGE").arg(&key).arg("SAMPLES").arg(0).query(redis)?;
        let kind: String = redis::cmd("TYPE").arg(&key).query(redis)?;
        let value = if kind == "hash" {
            let parts: Vec<Vec<u8>> = redis::cmd("HVALS").arg(&key).query(redis)?;
            parts.iter().map(|part| part.len() as u64).sum()
        } else {
            redis::cmd("STRLEN").arg(&key).query(redis)?
        };
        entries.push(Entry { memory, value });
    }
    Ok(entries)
}
