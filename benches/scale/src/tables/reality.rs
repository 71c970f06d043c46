//! What is computed, beside what was counted.

use super::{Table, rounded};
use crate::event::{Event, Level};
use crate::measured::Measured;
use crate::service::Service;

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

/// All rows are in the cache, and stay.
const WARM: Service = Service { ttl: 30.0 * 86_400.0, ..SMALL };
/// How long an event of a Cluster takes is measured.
const MEASURED: f64 = f64::NAN;

pub const REALITY: [Reality; 7] = [
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
    Reality {
        name: "failover_strict",
        shown: "1 of 3 primaries killed, under `Strict`, its replica promoted after",
        service: WARM,
        event: Event::Promoted { of: 3, seconds: MEASURED, level: Level::Strict },
        seconds: 20,
    },
    Reality {
        name: "failover_available",
        shown: "1 of 3 primaries killed, under `Available`, its replica promoted after",
        service: WARM,
        event: Event::Promoted { of: 3, seconds: MEASURED, level: Level::Available },
        seconds: 20,
    },
    Reality {
        name: "reshard_strict",
        shown: "a third of the slots moved, under `Strict`, within",
        service: WARM,
        event: Event::Resharded { of: 3, seconds: MEASURED, level: Level::Strict },
        seconds: 20,
    },
];

impl Reality {
    /// As it went: how long its event took, where that was measured.
    fn as_measured(&self, measured: &Measured) -> (String, Event) {
        if !self.event.is_of_cluster() {
            return (self.shown.to_owned(), self.event);
        }
        let seconds = measured.number(&format!("reality.{}.seconds", self.name));
        (format!("{} {} s", self.shown, rounded(seconds)), self.event.lasting(seconds))
    }
}

pub fn compared(measured: &Measured) -> Table {
    let mut table =
        Table::new(&["what", "reads", "`SELECT`s counted", "`SELECT`s computed", "computed/counted"]);
    for case in REALITY {
        let (shown, event) = case.as_measured(measured);
        let seconds = case.service.run(event, case.seconds);
        let computed: u64 = seconds.iter().map(|second| second.selects).sum();
        let reads: u64 = seconds.iter().map(|second| second.reads).sum();
        let counted = measured.number(&format!("reality.{}", case.name));
        table.row([
            shown,
            rounded(reads as f64),
            rounded(counted),
            rounded(computed as f64),
            format!("{:.2}", computed as f64 / counted),
        ]);
    }
    table
}
