//! The figures, and what they should be.

use crate::program::Variant;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    CheckSeconds,
    DebugSeconds,
    IncrementalSeconds,
    ReleaseSeconds,
    RlibBytes,
    /// For each further entity.
    IrLines,
}

/// What a variant may be beside plain.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    Times(f64),
    Beyond(f64),
}

impl Measure {
    pub const ALL: [Self; 6] = [
        Self::CheckSeconds,
        Self::DebugSeconds,
        Self::IncrementalSeconds,
        Self::ReleaseSeconds,
        Self::RlibBytes,
        Self::IrLines,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::CheckSeconds => "`cargo check`, s of user CPU",
            Self::DebugSeconds => "debug build, s of user CPU",
            Self::IncrementalSeconds => "incremental debug build after one column's change, s of user CPU",
            Self::ReleaseSeconds => "release build, s of user CPU",
            Self::RlibBytes => "rlib of the debug build, bytes",
            Self::IrLines => "LLVM IR of a further entity, lines",
        }
    }

    /// What is asked of a variant; nothing of plain.
    pub fn limit(self, variant: Variant) -> Option<Limit> {
        let limits = match self {
            Self::CheckSeconds => [Limit::Times(1.3), Limit::Times(1.5)],
            Self::DebugSeconds | Self::ReleaseSeconds | Self::RlibBytes => {
                [Limit::Times(1.3), Limit::Times(1.8)]
            }
            Self::IncrementalSeconds => [Limit::Times(1.5), Limit::Times(2.0)],
            Self::IrLines => [Limit::Beyond(3_000.0), Limit::Beyond(9_000.0)],
        };
        match variant {
            Variant::Plain => None,
            Variant::Hooks => Some(limits[0]),
            Variant::Used => Some(limits[1]),
        }
    }
}

/// One measure of one program.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub measure: Measure,
    pub variant: Variant,
    /// For IR lines, the number from which the difference to twice as many was taken.
    pub entities: usize,
    /// Those of the rounds, in order.
    pub values: Vec<f64>,
    pub median: f64,
}

impl Figure {
    pub fn new(measure: Measure, variant: Variant, entities: usize, values: Vec<f64>) -> Self {
        let median = median(&values);
        Self { measure, variant, entities, values, median }
    }
}

/// A figure beside the one of plain.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Comparison {
    pub measure: Measure,
    pub variant: Variant,
    pub entities: usize,
    pub limit: Limit,
    /// A ratio, or how much is beyond plain.
    pub value: f64,
    pub is_met: bool,
}

impl Comparison {
    pub fn of(figure: &Figure, figures: &[Figure]) -> Option<Self> {
        let limit = figure.measure.limit(figure.variant)?;
        let plain = figures.iter().find(|other| {
            (other.measure, other.entities, other.variant)
                == (figure.measure, figure.entities, Variant::Plain)
        })?;
        let (value, most) = match limit {
            Limit::Times(most) => (figure.median / plain.median, most),
            Limit::Beyond(most) => (figure.median - plain.median, most),
        };
        let Figure { measure, variant, entities, .. } = *figure;
        Some(Self { measure, variant, entities, limit, value, is_met: value <= most })
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2));
    low.zip(high).map_or(f64::NAN, |(low, high)| f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_variant_is_compared_with_the_plain_program_of_its_size() {
        let figure =
            |variant, entities, value| Figure::new(Measure::CheckSeconds, variant, entities, vec![value]);
        let figures = [figure(Variant::Plain, 20, 2.0), figure(Variant::Plain, 60, 5.0)];
        let comparison = Comparison::of(&figure(Variant::Used, 20, 3.0), &figures);
        assert!(comparison.is_some_and(|comparison| comparison.value == 1.5 && comparison.is_met));
    }
}
