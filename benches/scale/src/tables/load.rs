//! What reads, saves and processes are to the server, all the time.

use super::{READS_PER_S, SERVER, Table, percent, power_of_ten, rounded};
use crate::measured::Measured;

const MB: f64 = 1e6;
const SAVES_PER_S: f64 = 1_000.0;
/// `maxclients`, unless set.
const CLIENTS_MAX: f64 = 10_000.0;
/// Of a message that names a key, with what the protocol adds.
const ANNOUNCEMENT_BYTES: f64 = 100.0;

struct Call {
    bytes_in: f64,
    bytes_out: f64,
    cpu_us: f64,
}

fn call(measured: &Measured, name: &str, bytes: u32) -> Call {
    let number = |what: &str| measured.number(&format!("wire.{name}.{bytes}.{what}"));
    Call { bytes_in: number("in"), bytes_out: number("out"), cpu_us: number("cpu_us") }
}

pub fn reads(measured: &Measured) -> Table {
    let columns = [
        "10^5 reads/s",
        "row",
        "hit ratio",
        "`SELECT`/s",
        "MB/s to Redis",
        "MB/s from Redis",
        "cores of Redis",
    ];
    let mut table = Table::new(&columns);
    for (hit_call, name) in
        [("hit_alone", "one by one"), ("hit_in_crowd", "in batches"), ("page_100", "pages of 100")]
    {
        for (bytes, size) in [(100, "100 B"), (1_000, "1 kB")] {
            let rows_of_a_call = if hit_call == "page_100" { 100.0 } else { 1.0 };
            let (hit, miss) = (call(measured, hit_call, bytes), call(measured, "miss", bytes));
            for ratio in [0.9, 0.999] {
                // Pages that miss lease and fill in common; that is not in here.
                if hit_call == "page_100" && ratio < 0.999 {
                    continue;
                }
                let per_s = |of: fn(&Call) -> f64| {
                    READS_PER_S * (ratio * of(&hit) / rows_of_a_call + (1.0 - ratio) * of(&miss))
                };
                table.row([
                    name.to_owned(),
                    size.to_owned(),
                    percent(ratio),
                    rounded(READS_PER_S * (1.0 - ratio)),
                    rounded(per_s(|call| call.bytes_in) / MB),
                    rounded(per_s(|call| call.bytes_out) / MB),
                    rounded(per_s(|call| call.cpu_us) / 1e6),
                ]);
            }
        }
    }
    table
}

pub fn saves(measured: &Measured) -> Table {
    let columns = ["one call", "row", "bytes to Redis", "bytes from Redis", "µs of a core of Redis"];
    let mut table = Table::new(&columns);
    let calls = [
        ("hit_alone", "hit, alone"),
        ("hit_in_crowd", "hit, in a batch"),
        ("page_100", "100 hits of `get_many`"),
        ("miss", "miss"),
        ("save", "save"),
    ];
    for (name, shown) in calls {
        for (bytes, size) in [(100, "100 B"), (1_000, "1 kB")] {
            let call = call(measured, name, bytes);
            table.row([
                shown.to_owned(),
                size.to_owned(),
                rounded(call.bytes_in),
                rounded(call.bytes_out),
                rounded(call.cpu_us),
            ]);
        }
    }
    table
}

pub fn processes(measured: &Measured) -> Table {
    let columns = [
        "processes",
        "connections of a server",
        "of `maxclients` 10,000",
        "MB of them at rest",
        "messages/s, if each of 1,000 saves/s were announced",
        "MB/s of them",
    ];
    let mut table = Table::new(&columns);
    let of_a_process = measured.number("connections.of_a_process");
    let bytes = measured.number(&format!("connection.{SERVER}"));
    for exponent in 1..=4 {
        let processes = 10_f64.powi(exponent as i32);
        let connections = processes * of_a_process;
        let messages = SAVES_PER_S * processes;
        table.row([
            power_of_ten(exponent),
            rounded(connections),
            percent(connections / CLIENTS_MAX),
            rounded(connections * bytes / MB),
            rounded(messages),
            rounded(messages * ANNOUNCEMENT_BYTES / MB),
        ]);
    }
    table
}
