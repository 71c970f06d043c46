//! How popular rows are: the row of rank r is read 1/r times as often as the first (Zipf's law, s = 1).

use crate::dice::Dice;

const EULER: f64 = 0.577_215_664_901_532_9;
/// Ranks that are classes of their own. Classes of less popular rows grow by a hundredth each.
const ALONE: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
pub struct Zipf {
    rows: u64,
    whole: f64,
}

/// Rows of about the same popularity.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    pub rows: f64,
    /// The share of all reads that goes to one of them.
    pub share: f64,
}

/// 1 + 1/2 + … + 1/n.
fn harmonic(n: u64) -> f64 {
    if n < ALONE {
        return (1..=n).map(|rank| 1.0 / rank as f64).sum();
    }
    let n = n as f64;
    n.ln() + EULER + 0.5 / n - 1.0 / (12.0 * n * n)
}

impl Zipf {
    pub fn over(rows: u64) -> Self {
        Self { rows, whole: harmonic(rows) }
    }

    /// The share of all reads that goes to the row of this rank, from 0.
    pub fn share(&self, rank: u64) -> f64 {
        1.0 / ((rank + 1) as f64 * self.whole)
    }

    pub fn classes(&self) -> Vec<Class> {
        let mut classes = Vec::new();
        let mut first = 1;
        while first <= self.rows {
            let count = if first <= ALONE { 1 } else { first / 100 }.min(self.rows - first + 1);
            let share = (harmonic(first + count - 1) - harmonic(first - 1)) / self.whole;
            classes.push(Class { rows: count as f64, share: share / count as f64 });
            first += count;
        }
        classes
    }

    /// The rank of a row that is read, from 0: by inversion of the area under 1/x, and rejection of what the steps of
    /// the law cut off (Hörmann and Derflinger, 1996).
    pub fn rank(&self, dice: &mut Dice) -> u64 {
        let (low, high) = (1.5_f64.ln() - 1.0, (self.rows as f64 + 0.5).ln());
        loop {
            let area = high + dice.share() * (low - high);
            let rank = (area.exp() + 0.5).floor().clamp(1.0, self.rows as f64);
            if area >= (rank + 0.5).ln() - 1.0 / rank {
                return rank as u64 - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_as_frequent_as_their_shares() {
        let (law, mut dice) = (Zipf::over(10_000), Dice::new(1));
        let mut counts = vec![0_u32; 10_000];
        for _ in 0..4_000_000 {
            counts[law.rank(&mut dice) as usize] += 1;
        }
        for rank in [0, 1, 2, 9, 99] {
            let (found, expected) = (f64::from(counts[rank]), 4e6 * law.share(rank as u64));
            assert!((found - expected).abs() < 6.0 * expected.sqrt(), "{rank}: {found} of {expected}");
        }
        let rare: u32 = counts[5_000..].iter().sum();
        let expected: f64 = (5_000..10_000).map(|rank| 4e6 * law.share(rank)).sum();
        assert!((f64::from(rare) - expected).abs() < 6.0 * expected.sqrt(), "{rare} of {expected}");
    }

    #[test]
    fn classes_hold_all_rows_and_all_reads() {
        for rows in [10, 1_000, 1_000_000, 1_000_000_000] {
            let classes = Zipf::over(rows).classes();
            let (count, share) = classes.iter().fold((0.0, 0.0), |(count, share), class| {
                (count + class.rows, share + class.rows * class.share)
            });
            assert_eq!(count, rows as f64);
            assert!((share - 1.0).abs() < 1e-6, "{rows}: {share}");
        }
    }
}
