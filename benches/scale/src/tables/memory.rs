//! How much memory rows, tombstones and lists take.

use super::{READS_PER_S, SERVER, Table, percent, power_of_ten, rounded};
use crate::measured::Measured;
use crate::steady::steady;

/// Names of what was measured, and how they are called.
const KINDS: [(&str, &str); 5] = [
    ("row_100", "row of 100 B"),
    ("row_1000", "row of 1 kB"),
    ("row_10000", "row of 10 kB"),
    ("tombstone", "tombstone"),
    ("list_5", "list of 5 keys"),
];
const GB: f64 = 1e9;

/// Of the most keys that were measured.
fn of_one(measured: &Measured, kind: &str) -> f64 {
    let found = measured.under(&format!("memory.{SERVER}.{kind}."));
    let (_, bytes) = found.last().unwrap_or_else(|| panic!("measured.txt has no memory of {kind}"));
    bytes.parse().expect("a number")
}

pub fn of_a_key(measured: &Measured) -> Table {
    let mut servers: Vec<&str> =
        measured.under("memory.").iter().filter_map(|(name, _)| name.rsplitn(3, '.').nth(2)).collect();
    servers.retain(|server| server.contains(' '));
    servers.dedup();
    let columns: Vec<String> = servers.iter().map(|server| format!("{server}, B")).collect();
    let columns = ["memory of a key", "at keys"].into_iter().chain(columns.iter().map(String::as_str));
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    for (kind, name) in KINDS {
        for (count, keys) in [("2e4", "2 × 10^4"), ("1e5", "10^5"), ("1e6", "10^6")] {
            let found = |server: &&str| {
                let bytes = measured.under(&format!("memory.{server}.{kind}.{count}"));
                bytes.first().map(|(_, bytes)| rounded(bytes.parse().expect("a number")))
            };
            let found: Vec<Option<String>> = servers.iter().map(found).collect();
            if found.iter().any(Option::is_some) {
                let cells = found.into_iter().map(|bytes| bytes.unwrap_or_else(|| "–".to_owned()));
                table.row([name, keys].map(str::to_owned).into_iter().chain(cells));
            }
        }
    }
    table
}

pub fn of_many(measured: &Measured) -> Table {
    let names: Vec<String> = KINDS.iter().map(|(_, name)| format!("{name}, GB")).collect();
    let columns = ["keys"].into_iter().chain(names.iter().map(String::as_str));
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    for exponent in 6..=9 {
        let keys = 10_f64.powi(exponent as i32);
        let taken = KINDS.iter().map(|(kind, _)| rounded(keys * of_one(measured, kind) / GB));
        table.row([power_of_ten(exponent)].into_iter().chain(taken));
    }
    table
}

pub fn steady_state(measured: &Measured) -> Table {
    let mut table =
        Table::new(&["rows", "TTL", "hit ratio", "`SELECT`/s", "rows in the cache", "GB, of 1 kB each"]);
    for exponent in 6..=9 {
        for (ttl, name) in [(60.0, "1 min"), (3_600.0, "1 h"), (86_400.0, "1 day")] {
            let found = steady(10_u64.pow(exponent), READS_PER_S, ttl);
            table.row([
                power_of_ten(exponent),
                name.to_owned(),
                percent(found.hit_ratio),
                rounded(found.selects_per_s),
                rounded(found.rows),
                rounded(found.rows * of_one(measured, "row_1000") / GB),
            ]);
        }
    }
    table
}
