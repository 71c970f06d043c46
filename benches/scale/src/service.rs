//! Many processes that read rows by primary key through one store, event by event: reads, leases, polls, statements,
//! fills. As docs/design/reads.md describes them.

use crate::dice::Dice;
use crate::event::Event;
use crate::zipf::Zipf;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// `LEASE` of src/read/lease.rs.
const LEASE: f64 = 3.0;
/// `POLLS` of src/read/lease.rs.
const POLLS: [f64; 5] = [0.001, 0.002, 0.005, 0.010, 0.020];
pub const SEED: u64 = 17;

/// Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    pub rows: u64,
    pub reads_per_s: f64,
    pub processes: u64,
    pub ttl: f64,
    /// Between a process and the store.
    pub round_trip: f64,
    /// Of a statement that waits for no other.
    pub select: f64,
    /// How many statements the database ends in a second at most. Others wait.
    pub selects_per_s_max: f64,
}

/// One second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    pub reads: u64,
    pub hits: u64,
    pub selects: u64,
    /// How long a statement waited for others at most.
    pub wait: f64,
}

impl Second {
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / self.reads.max(1) as f64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum What {
    /// Asks for a lease.
    Lease,
    /// Looks again at a key that another process is loading.
    Poll { nth: usize },
    /// The statement has answered. `granted` is the time of the lease.
    Landed { granted: Option<f64> },
    /// The fill arrives.
    Filled { granted: f64 },
}

/// When, in which order, whose, which row, what.
type Due = (u64, u64, u32, u32, What);

struct Ordered(Due);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        (self.0.0, self.0.1) == (other.0.0, other.0.1)
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.0, self.0.1).cmp(&(other.0.0, other.0.1))
    }
}

/// The reads of one row that one process shares.
#[derive(Clone, Copy, Debug, Default)]
struct Flight {
    has_departed: bool,
    /// Somebody has joined since then: only an accepted fill answers them.
    is_joined_late: bool,
}

struct Run {
    service: Service,
    event: Event,
    /// Until when each row is in the cache.
    cached: Vec<f64>,
    leases: HashMap<u32, f64>,
    flights: HashMap<(u32, u32), Flight>,
    due: BinaryHeap<Reverse<Ordered>>,
    count: u64,
    /// When the database begins with the next statement.
    free_at: f64,
    seconds: Vec<Second>,
}

impl Service {
    /// What the next seconds look like.
    pub fn run(self, event: Event, seconds: usize) -> Vec<Second> {
        let mut dice = Dice::new(SEED);
        let law = Zipf::over(self.rows);
        let mut run = Run {
            service: self,
            event,
            // With dice of its own: the reads are the same whatever has been cached.
            cached: self.filled(&law, event, &mut Dice::new(!SEED)),
            leases: HashMap::new(),
            flights: HashMap::new(),
            due: BinaryHeap::new(),
            count: 0,
            free_at: 0.0,
            seconds: vec![Second::default(); seconds],
        };
        let mut now = dice.pause(self.reads_per_s);
        while now < seconds as f64 {
            run.catch_up(now);
            let process = dice.below(self.processes) as u32;
            run.read(now, process, law.rank(&mut dice) as u32);
            now += dice.pause(self.reads_per_s);
        }
        run.catch_up(seconds as f64);
        run.seconds
    }

    /// What has been cached before the event, and is left.
    fn filled(&self, law: &Zipf, event: Event, dice: &mut Dice) -> Vec<f64> {
        let cached = |rank: u64| {
            let gone = event.gone_at(rank as u32) == Some(0.0);
            let reads_in_ttl = self.reads_per_s * law.share(rank) * self.ttl;
            let is_cached = !gone && dice.share() < reads_in_ttl / (1.0 + reads_in_ttl);
            if is_cached { self.ttl * dice.share() } else { 0.0 }
        };
        (0..self.rows).map(cached).collect()
    }
}

impl Run {
    fn second(&mut self, now: f64) -> Option<&mut Second> {
        self.seconds.get_mut(now as usize)
    }

    fn at(&mut self, when: f64, process: u32, row: u32, what: What) {
        self.count += 1;
        // Nanoseconds.
        self.due.push(Reverse(Ordered(((when * 1e9) as u64, self.count, process, row, what))));
    }

    fn catch_up(&mut self, now: f64) {
        while let Some(Reverse(Ordered(due))) = self.due.peek() {
            let (when, _, process, row, what) = *due;
            let when = when as f64 / 1e9;
            if when > now {
                return;
            }
            self.due.pop();
            self.happen(when, process, row, what);
        }
    }

    fn is_cached(&self, now: f64, row: u32) -> bool {
        let until = self.cached[row as usize];
        // Filled before the entries of that time were gone.
        let is_gone = |at: f64| now >= at && until - self.service.ttl < at;
        until > now && !self.event.is_away(now, row) && !self.event.gone_at(row).is_some_and(is_gone)
    }

    fn read(&mut self, now: f64, process: u32, row: u32) {
        let is_hit = self.is_cached(now, row);
        if let Some(second) = self.second(now) {
            second.reads += 1;
            second.hits += u64::from(is_hit);
        }
        if is_hit {
            return;
        }
        if let Some(flight) = self.flights.get_mut(&(process, row)) {
            flight.is_joined_late |= flight.has_departed;
            return;
        }
        self.flights.insert((process, row), Flight::default());
        self.begin(now, process, row);
    }

    /// A look into the store has found nothing.
    fn begin(&mut self, now: f64, process: u32, row: u32) {
        if self.event.is_away(now, row) {
            self.select(now, process, row, None);
        } else {
            self.at(now + 2.0 * self.service.round_trip, process, row, What::Lease);
        }
    }

    fn select(&mut self, now: f64, process: u32, row: u32, granted: Option<f64>) {
        if let Some(flight) = self.flights.get_mut(&(process, row)) {
            flight.has_departed = true;
        }
        let begun = self.free_at.max(now);
        self.free_at = begun + 1.0 / self.service.selects_per_s_max;
        if let Some(second) = self.second(now) {
            second.selects += 1;
            second.wait = second.wait.max(begun - now);
        }
        self.at(begun + self.service.select, process, row, What::Landed { granted });
    }

    fn happen(&mut self, now: f64, process: u32, row: u32, what: What) {
        let is_away = self.event.is_away(now, row);
        match what {
            What::Lease if is_away => self.select(now, process, row, None),
            What::Lease | What::Poll { .. } if self.is_cached(now, row) => {
                self.flights.remove(&(process, row));
            }
            What::Lease if self.leases.get(&row).is_some_and(|granted| now < granted + LEASE) => {
                let pause = POLLS[0] + self.service.round_trip;
                self.at(now + pause, process, row, What::Poll { nth: 1 });
            }
            What::Lease => {
                self.leases.insert(row, now);
                self.select(now, process, row, Some(now));
            }
            What::Poll { nth } => match POLLS.get(nth) {
                Some(pause) => {
                    let next = now + pause + self.service.round_trip;
                    self.at(next, process, row, What::Poll { nth: nth + 1 });
                }
                None => self.select(now, process, row, None),
            },
            What::Landed { granted: Some(granted) } if !is_away => {
                self.at(now + self.service.round_trip, process, row, What::Filled { granted });
            }
            What::Landed { .. } => self.land(now, process, row),
            What::Filled { granted } => {
                let stands = self.leases.get(&row) == Some(&granted);
                if stands {
                    self.leases.remove(&row);
                }
                if stands && now < granted + LEASE {
                    self.cached[row as usize] = now + self.service.ttl;
                    self.flights.remove(&(process, row));
                } else {
                    self.land(now, process, row);
                }
            }
        }
    }

    /// Ends a flight that has filled nothing: who has joined since the statement was sent asks again.
    fn land(&mut self, now: f64, process: u32, row: u32) {
        if self.flights.remove(&(process, row)).is_some_and(|flight| flight.is_joined_late) {
            self.flights.insert((process, row), Flight::default());
            self.begin(now, process, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Level, is_of_node};
    use crate::steady::{cold, steady};

    fn small() -> Service {
        Service {
            rows: 10_000,
            reads_per_s: 10_000.0,
            processes: 10,
            ttl: 2.0,
            round_trip: 0.000_5,
            select: 0.001,
            selects_per_s_max: 1e9,
        }
    }

    fn selects(seconds: &[Second]) -> u64 {
        seconds.iter().map(|second| second.selects).sum()
    }

    #[test]
    fn a_cold_cache_settles_at_what_the_formula_says() {
        let seconds = small().run(Event::Cold, 20);
        let (found, expected) = (selects(&seconds[10..]) as f64 / 10.0, steady(10_000, 10_000.0, 2.0));
        let off = found / expected.selects_per_s - 1.0;
        assert!(off.abs() < 0.02, "{found} of {}", expected.selects_per_s);
    }

    #[test]
    fn a_cold_cache_fills_as_the_formula_says() {
        let seconds = Service { ttl: 5.0, round_trip: 0.0, select: 0.0, ..small() }.run(Event::Cold, 15);
        for (number, second) in seconds.iter().enumerate().filter(|(number, _)| number % 5 > 0) {
            // In the middle of the second.
            let expected = cold(10_000, 10_000.0, 5.0, number as f64 + 0.5);
            let off = second.selects as f64 - expected;
            assert!(off.abs() < 5.0 * expected.sqrt(), "{number}: {} of {expected}", second.selects);
        }
    }

    #[test]
    fn a_row_that_everybody_reads_is_selected_once_in_its_ttl() {
        let service = Service { rows: 1, ttl: 100.0, ..small() };
        assert_eq!(selects(&service.run(Event::Cold, 5)), 1);
    }

    /// The others poll for 38 ms, and then go on without the lease.
    #[test]
    fn a_slow_statement_is_sent_by_each_process() {
        let service = Service { rows: 1, ttl: 100.0, select: 0.1, ..small() };
        assert_eq!(selects(&service.run(Event::Cold, 5)), 10);
    }

    #[test]
    fn a_statement_slower_than_the_lease_fills_nothing() {
        let service = Service { rows: 1, ttl: 100.0, select: 3.1, ..small() };
        assert_eq!(service.run(Event::Cold, 30)[29].hits, 0);
    }

    #[test]
    fn while_the_store_is_away_each_process_sends_one_statement_for_a_row_at_a_time() {
        let service = Service { rows: 1, ..small() };
        let sent = selects(&service.run(Event::Away { seconds: 5.0 }, 5));
        // Each takes 1 ms, and the next one is sent with the next read, which comes 1 ms later in the mean, at once if
        // somebody waits.
        assert!((30_000..=50_000).contains(&sent), "{sent}");
    }

    /// So long a TTL that all is in the cache, and stays.
    fn warm() -> Service {
        Service { ttl: 1e7, ..small() }
    }

    #[test]
    fn the_rows_of_a_node_are_read_from_the_database_until_its_replica_answers() {
        let seconds = warm().run(Event::Promoted { of: 3, seconds: 2.0, level: Level::Available }, 4);
        let hits: Vec<f64> = seconds.iter().map(Second::hit_ratio).collect();
        assert!(hits[0] > 0.4 && hits[0] < 0.7 && hits[1] > 0.4 && hits[1] < 0.7, "{hits:?}");
        assert!(hits[2] > 0.999 && hits[3] > 0.999, "{hits:?}");
    }

    /// Those that are not filled already after a promotion are filled at their next read.
    #[test]
    fn under_strict_each_row_of_a_node_is_selected_once_more_and_no_other() {
        let of_node = (0..10_000).filter(|row| is_of_node(*row, 3)).count() as u64;
        for event in [
            Event::Promoted { of: 3, seconds: 0.0, level: Level::Strict },
            Event::Resharded { of: 3, seconds: 10.0, level: Level::Strict },
        ] {
            let sent = selects(&warm().run(event, 60));
            assert!(sent <= of_node + 10 && sent * 100 > of_node * 98, "{event:?}: {sent} of {of_node}");
        }
    }

    #[test]
    fn a_reshard_costs_no_hit_under_available() {
        let seconds = warm().run(Event::Resharded { of: 3, seconds: 5.0, level: Level::Available }, 5);
        assert!(selects(&seconds) < 10, "{}", selects(&seconds));
    }

    #[test]
    fn two_runs_are_the_same() {
        let event = Event::Promoted { of: 3, seconds: 2.0, level: Level::Strict };
        let ends = || small().run(event, 5).iter().map(|second| second.selects).collect::<Vec<_>>();
        assert_eq!(ends(), ends());
    }
}
