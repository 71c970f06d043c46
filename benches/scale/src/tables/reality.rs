//! What is computed, beside what was counted.

use super::{Table, rounded};
use crate::measured::Measured;
use crate::service::{Event, Service};

/// A run that was computed and carried out.
#[derive(Clone, Copy, Debug)]
pub struct Reality {
    pub name: &'static str,
    pub shown: &'static str,
    pub service: Service,
    pub event: Event,
    pub seconds: usize,
}

const SMALL: Service = Service {
    rows: 100_000,
    reads_per_s: 3_000.0,
    processes: 4,
    ttl: 3_600.0,
    round_trip: 0.000_2,
    select: 0.000_5,
    selects_per_s_max: 1e9,
};

pub const REALITY: [Reality; 4] = [
    Reality { name: "cold", shown: "cold start", service: SMALL, event: Event::Cold, seconds: 20 },
    Reality {
        name: "crowd",
        shown: "cold start, 1,000 rows only",
        service: Service { rows: 1_000, ..SMALL },
        event: Event::Cold,
        seconds: 20,
    },
    Reality {
        name: "expiry",
        shown: "TTL of 2 s",
        service: Service { ttl: 2.0, ..SMALL },
        event: Event::Cold,
        seconds: 20,
    },
    Reality {
        name: "restart",
        shown: "Redis killed, started again empty after 5 s",
        service: SMALL,
        event: Event::Restarted { seconds: 5.0 },
        seconds: 20,
    },
];

pub fn compared(measured: &Measured) -> Table {
    let mut table =
        Table::new(&["what", "reads", "`SELECT`s counted", "`SELECT`s computed", "computed/counted"]);
    for case in REALITY {
        let seconds = case.service.run(case.event, case.seconds);
        let computed: u64 = seconds.iter().map(|second| second.selects).sum();
        let reads: u64 = seconds.iter().map(|second| second.reads).sum();
        let counted = measured.number(&format!("reality.{}", case.name));
        table.row([
            case.shown.to_owned(),
            rounded(reads as f64),
            rounded(counted),
            rounded(computed as f64),
            format!("{:.2}", computed as f64 / counted),
        ]);
    }
    table
}
