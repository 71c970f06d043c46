//! Figures: what was measured, round by round.

use crate::rivals::Kind;
use serde::Serialize;

/// What a figure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Measure {
    #[serde(rename = "operations per second")]
    PerSecond,
    #[serde(rename = "µs, mean")]
    MeanMicros,
    #[serde(rename = "µs, p50")]
    P50Micros,
    #[serde(rename = "µs, p99")]
    P99Micros,
    #[serde(rename = "µs, p99.9")]
    P999Micros,
    #[serde(rename = "SQL statements")]
    Statements,
    #[serde(rename = "ms")]
    Millis,
    #[serde(rename = "stale reads")]
    StaleReads,
    #[serde(rename = "round trips to Redis")]
    RoundTrips,
    #[serde(rename = "instructions")]
    Instructions,
    #[serde(rename = "bytes of Redis memory")]
    MemoryBytes,
    #[serde(rename = "bytes over the payload")]
    OverheadBytes,
}

impl Measure {
    pub fn unit(self) -> &'static str {
        match self {
            Self::PerSecond => "op/s",
            Self::MeanMicros => "µs, mean",
            Self::P50Micros => "µs, p50",
            Self::P99Micros => "µs, p99",
            Self::P999Micros => "µs, p99.9",
            Self::Statements => "SQL statements",
            Self::Millis => "ms",
            Self::StaleReads => "stale reads",
            Self::RoundTrips => "round trips",
            Self::Instructions => "instructions",
            Self::MemoryBytes => "bytes in Redis",
            Self::OverheadBytes => "bytes over payload",
        }
    }
}

/// One contestant in one case of a scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub scenario: &'static str,
    pub case: String,
    pub measure: Measure,
    pub rival: String,
    pub rounds: Vec<f64>,
}

impl Figure {
    pub fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    /// By how much the rounds differ: the half of their range, as a share of the median.
    pub fn spread(&self) -> f64 {
        let (low, high) = self
            .rounds
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        if self.median() == 0.0 { 0.0 } else { (high - low) / 2.0 / self.median() }
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    pub figures: Vec<Figure>,
    /// Why a scenario, or a contestant of it, has no figures.
    pub left_out: Vec<String>,
}

impl Results {
    pub fn find(&self, scenario: &str, case: &str, measure: Measure, rival: Kind) -> Option<&Figure> {
        self.named(scenario, case, measure, rival.name())
    }

    pub fn named(&self, scenario: &str, case: &str, measure: Measure, rival: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| {
            figure.scenario == scenario
                && figure.case == case
                && figure.measure == measure
                && figure.rival == rival
        })
    }

    /// The median of the ratios of the rounds: what slowed the machine down slowed both.
    pub fn ratio(&self, scenario: &str, case: &str, measure: Measure, of: Kind, to: Kind) -> Option<f64> {
        let of = self.find(scenario, case, measure, of)?;
        ratio(of, self.find(scenario, case, measure, to)?)
    }
}

/// As [`Results::ratio`].
pub fn ratio(of: &Figure, to: &Figure) -> Option<f64> {
    let ratios: Vec<f64> = of.rounds.iter().zip(&to.rounds).map(|(of, to)| of / to).collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
