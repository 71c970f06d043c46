//! The targets: what was aimed at, what was measured, met or missed.

use crate::plan::Plan;
use crate::results::{Figure, Measure, Results, median, ratio};
use crate::rivals::{Class, Kind};
use crate::scenarios::{growth, hit, many, memory, stampede, transaction, write, zipf};
use serde::Serialize;

#[derive(Clone, Copy, Debug, Serialize)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Debug, Serialize)]
pub struct Target {
    pub figure: String,
    pub bound: Bound,
    /// `None`: not part of this run.
    pub measured: Option<f64>,
    /// What the number does not say by itself.
    pub note: String,
}

impl Target {
    fn new(figure: impl Into<String>, bound: Bound, measured: Option<f64>) -> Self {
        Self { figure: figure.into(), bound, measured, note: String::new() }
    }

    fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub fn aim(&self) -> String {
        match self.bound {
            Bound::AtLeast(aim) => format!("≥ {aim}"),
            Bound::AtMost(aim) => format!("≤ {aim}"),
        }
    }

    pub fn verdict(&self) -> &'static str {
        let met = self.measured.map(|measured| match self.bound {
            Bound::AtLeast(aim) => measured >= aim,
            Bound::AtMost(aim) => measured <= aim,
        });
        match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        }
    }
}

/// All of them.
pub fn targets(plan: &Plan, results: &Results) -> Vec<Target> {
    let mut targets = near_the_limit(results);
    targets.extend(ahead(results, Class::Redis, "Postgres included"));
    targets.extend(ahead(results, Class::Memory, "SQLite included"));
    targets.extend(protection(results));
    targets.extend(writes(results));
    targets.push(bytes(results));
    targets.push(grown(plan, results));
    targets
}

fn near_the_limit(results: &Results) -> Vec<Target> {
    use Kind::{AutocacheMemory, AutocacheRedis, BareMoka, FredByHand, Postgres};
    use Measure::{P50Micros, PerSecond};
    let limit = |tasks| {
        let case = hit::case_name(tasks);
        let measured = results.ratio(hit::NAME, &case, PerSecond, AutocacheRedis, FredByHand);
        let figure = format!("Redis hit throughput at {tasks} tasks / the limit");
        Target::new(figure, Bound::AtLeast(0.97), measured)
    };
    let one = hit::case_name(1);
    let p50 = results.ratio(hit::NAME, &one, P50Micros, AutocacheRedis, FredByHand);
    let hundred = many::case_name(100, 0);
    let many = results.ratio(many::NAME, &hundred, P50Micros, AutocacheRedis, FredByHand);
    // Throughput the other way round is time.
    let memory = results.ratio(hit::NAME, &one, PerSecond, BareMoka, AutocacheMemory);
    let postgres = results.ratio(hit::NAME, &hit::case_name(64), PerSecond, AutocacheRedis, Postgres);
    vec![
        limit(64),
        limit(512),
        Target::new("Redis hit p50 at 1 task / the limit", Bound::AtMost(1.03), p50),
        Target::new("`get_many(100)` time / `MGET` + decode by hand", Bound::AtMost(1.05), many),
        Target::new("memory hit time / bare moka get + clone", Bound::AtMost(2.0), memory).noted("1 task"),
        Target::new(
            "Redis hit throughput at 64 tasks / Postgres `find_by_id`",
            Bound::AtLeast(12.0),
            postgres,
        ),
    ]
}

/// Throughput over that of the quickest rival.
fn ahead(results: &Results, class: Class, note: &str) -> Vec<Target> {
    let (own, uncached) = match class {
        Class::Memory => (Kind::AutocacheMemory, Kind::Sqlite),
        _ => (Kind::AutocacheRedis, Kind::Postgres),
    };
    let against = |tasks| {
        let case = hit::case_name(tasks);
        let is_rival = |kind: &Kind| !kind.is_limit() && !kind.is_own();
        let rivals = Kind::of(class).chain([uncached]).filter(is_rival);
        let ratios = rivals.filter_map(|rival| {
            Some((results.ratio(hit::NAME, &case, Measure::PerSecond, own, rival)?, rival))
        });
        let closest = ratios.min_by(|(one, _), (other, _)| one.total_cmp(other));
        let figure = format!("hit throughput of {} at {case} / the quickest rival", own.name());
        let rival = closest.map_or(String::new(), |(_, rival)| format!("{}; {note}", rival.name()));
        Target::new(figure, Bound::AtLeast(1.0), closest.map(|(ratio, _)| ratio)).noted(rival)
    };
    [1, 64, 512].into_iter().map(against).collect()
}

fn protection(results: &Results) -> Vec<Target> {
    let own = Kind::AutocacheRedis;
    let statements = |case| {
        let figure = results.find(stampede::NAME, case, Measure::Statements, own)?;
        Some(figure.rounds.iter().copied().fold(0.0, f64::max))
    };
    let stale = |kind| results.find(zipf::NAME, zipf::CASE, Measure::StaleReads, kind).map(Figure::median);
    vec![
        Target::new(
            "SQL statements of a stampede, 1 process",
            Bound::AtMost(1.0),
            statements(stampede::ALONE),
        ),
        Target::new(
            "SQL statements of a stampede, 4 processes",
            Bound::AtMost(4.0),
            statements(stampede::TOGETHER),
        ),
        Target::new("stale reads of the Zipf run, Redis", Bound::AtMost(0.0), stale(own)),
        Target::new("stale reads of the Zipf run, memory", Bound::AtMost(0.0), stale(Kind::AutocacheMemory)),
    ]
}

fn writes(results: &Results) -> Vec<Target> {
    // What a contestant's writes take longer than the plain ones, round by round.
    let over = |scenario, case: &str, kind| {
        let figure = results.find(scenario, case, Measure::P50Micros, kind)?;
        let plain = results.find(scenario, case, Measure::P50Micros, Kind::Postgres)?;
        Some(figure.rounds.iter().zip(&plain.rounds).map(|(own, plain)| own - plain).collect::<Vec<f64>>())
    };
    let micros = |rounds: Option<Vec<f64>>| rounds.map(median);
    // By hand a save drops one key: one round trip, on a connection that is as idle as ours.
    let trip = micros(over(write::NAME, write::SAVE, Kind::FredByHand));
    let save = micros(over(write::NAME, write::SAVE, Kind::AutocacheRedis));
    let cost = |rows| micros(over(transaction::NAME, &transaction::case_name(rows), Kind::AutocacheRedis));
    let trips = results.find(write::NAME, write::SAVE, Measure::RoundTrips, Kind::AutocacheRedis);
    vec![
        Target::new("round trips of a save, counted", Bound::AtMost(2.0), trips.map(Figure::median)),
        quotient("save over the plain save, in what a save by hand takes longer", 2.0, save, trip),
        quotient("transaction of 100 rows, cache cost / that of 1 row", 3.0, cost(100), cost(1)),
    ]
}

/// One time over another, both in microseconds.
fn quotient(figure: &str, aim: f64, of: Option<f64>, to: Option<f64>) -> Target {
    let both = of.zip(to);
    let note = both.map_or(String::new(), |(of, to)| format!("{of:.0} µs / {to:.0} µs"));
    Target::new(figure, Bound::AtMost(aim), both.map(|(of, to)| of / to)).noted(note)
}

fn bytes(results: &Results) -> Target {
    let own = Kind::AutocacheRedis;
    let sizes = results.figures.iter().filter(|figure| {
        figure.scenario == memory::NAME
            && figure.measure == Measure::OverheadBytes
            && figure.rival == own.name()
    });
    let most = sizes.map(Figure::median).reduce(f64::max);
    Target::new("bytes of an entry over the bare MessagePack payload", Bound::AtMost(32.0), most)
}

fn grown(plan: &Plan, results: &Results) -> Target {
    let [few, _, most] = plan.levels;
    let at = |keys| {
        let name = growth::level_name(Kind::AutocacheRedis, keys);
        results.named(growth::NAME, growth::CASE, Measure::MeanMicros, &name)
    };
    let measured = at(most).zip(at(few)).and_then(|(most, few)| ratio(most, few));
    let figure = format!("hit cost at 10^{} keys / at 10^{}", most.ilog10(), few.ilog10());
    Target::new(figure, Bound::AtMost(1.2), measured)
}
