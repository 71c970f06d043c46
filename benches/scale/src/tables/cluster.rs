//! What a lost primary of a Cluster and a reshard do to the hit ratio and the database.

use super::events::{SERVICE, in_second};
use super::{Table, rounded};
use crate::event::{Event, Level};

/// The seconds after the event that are shown.
const AFTER: [usize; 2] = [1, 10];

/// What is shown of an event that takes so many whole seconds.
fn row(name: String, event: Event, level: Level, seconds: usize) -> Vec<String> {
    let found = SERVICE.run(event, seconds + AFTER[1]);
    let during = if seconds == 0 { ["–", "–"].map(str::to_owned) } else { in_second(&found, seconds) };
    let after = AFTER.into_iter().flat_map(|number| in_second(&found, seconds + number));
    let all: u64 = found.iter().map(|second| second.selects).sum();
    let begin = [name, format!("`{level:?}`")].into_iter().chain(during);
    begin.chain(after).chain([rounded(all as f64)]).collect()
}

pub fn events() -> Table {
    let columns = [
        "event in a Cluster",
        "level",
        "hits, its last s",
        "`SELECT`s",
        "hits, 1st s after",
        "`SELECT`s",
        "hits, 10th s after",
        "`SELECT`s",
        "`SELECT`s in all",
    ];
    let mut table = Table::new(&columns);
    let levels = [Level::Strict, Level::Available];
    for of in [12, 3] {
        for seconds in [0, 4, 15] {
            for level in levels {
                let name = match seconds {
                    0 => format!("planned failover of 1 of {of} primaries"),
                    _ => format!("1 of {of} killed, its replica promoted after {seconds} s"),
                };
                let event = Event::Promoted { of, seconds: seconds as f64, level };
                table.row(row(name, event, level, seconds));
            }
        }
    }
    for level in levels {
        let event = Event::Resharded { of: 3, seconds: 60.0, level };
        table.row(row("a third of the slots moved within 60 s".to_owned(), event, level, 60));
    }
    table
}
