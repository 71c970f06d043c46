//! What a cold start and an outage of the whole store do to the hit ratio and the database.

use super::{READS_PER_S, Table, percent, power_of_ten, rounded};
use crate::event::Event;
use crate::service::{Second, Service};
use crate::steady::{cold, steady};

const SECONDS: usize = 20;

pub(super) const SERVICE: Service = Service {
    rows: 1_000_000,
    reads_per_s: READS_PER_S,
    processes: 20,
    ttl: 3_600.0,
    round_trip: 0.000_5,
    select: 0.001,
    selects_per_s_max: 60_000.0,
};

pub(super) fn in_second(seconds: &[Second], number: usize) -> [String; 2] {
    let second = &seconds[number - 1];
    [percent(second.hit_ratio()), rounded(second.selects as f64)]
}

fn longest_wait_ms(seconds: &[Second]) -> String {
    rounded(seconds.iter().map(|second| second.wait).fold(0.0, f64::max) * 1e3)
}

pub fn cold_starts() -> Table {
    const TTL: f64 = 3_600.0;
    let times = [
        (1.0, "1 s"),
        (10.0, "10 s"),
        (60.0, "1 min"),
        (600.0, "10 min"),
        (TTL - 1.0, "1 h - 1 s"),
        (TTL + 10.0, "1 h + 10 s"),
    ];
    let names = times.map(|(_, name)| format!("after {name}"));
    let names = names.iter().map(String::as_str);
    let columns = ["cold start, `SELECT`/s"].into_iter().chain(names).chain(["in the end"]);
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    for exponent in 6..=9 {
        let rows = 10_u64.pow(exponent);
        let selects = times.map(|(after, _)| rounded(cold(rows, READS_PER_S, TTL, after).round()));
        let end = rounded(steady(rows, READS_PER_S, TTL).selects_per_s);
        table.row([format!("{} rows", power_of_ten(exponent))].into_iter().chain(selects).chain([end]));
    }
    table
}

pub fn kinds() -> Table {
    let columns = [
        "event",
        "processes",
        "hits, 1st s",
        "`SELECT`s",
        "hits, 5th s",
        "`SELECT`s",
        "hits, 20th s",
        "`SELECT`s",
        "longest wait, ms",
    ];
    let mut table = Table::new(&columns);
    let kinds = [
        ("cold start", 20, Event::Cold),
        ("away for 1 s", 20, Event::Away { seconds: 1.0 }),
        ("away for 1 s", 500, Event::Away { seconds: 1.0 }),
        ("restarted, empty, in 2 s", 20, Event::Restarted { seconds: 2.0 }),
    ];
    for (name, processes, event) in kinds {
        let seconds = Service { processes, ..SERVICE }.run(event, SECONDS);
        let cells = [1, 5, SECONDS].into_iter().flat_map(|number| in_second(&seconds, number));
        let begin = [name.to_owned(), processes.to_string()].into_iter();
        table.row(begin.chain(cells).chain([longest_wait_ms(&seconds)]));
    }
    table
}

pub fn databases() -> Table {
    let columns = [
        "cold start, `SELECT`/s that the database can take",
        "hits, 1st s",
        "`SELECT`s",
        "hits, 10th s",
        "`SELECT`s",
        "hits, 20th s",
        "`SELECT`s",
        "longest wait, ms",
    ];
    let mut table = Table::new(&columns);
    for most in [10_000.0, 15_000.0, 20_000.0, 30_000.0] {
        let seconds = Service { selects_per_s_max: most, ..SERVICE }.run(Event::Cold, SECONDS);
        let cells = [1, 10, SECONDS].into_iter().flat_map(|number| in_second(&seconds, number));
        table.row([rounded(most)].into_iter().chain(cells).chain([longest_wait_ms(&seconds)]));
    }
    table
}
