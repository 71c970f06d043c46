//! What happens to a cache that has been up for long: which rows it cannot be asked for, and whose entries are gone.

use crate::dice::mixed;

/// The hash slots of a Cluster.
const SLOTS: u64 = 16_384;

/// What a reader makes of an entry that another server has stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A hit.
    Available,
    /// A miss.
    Strict,
}

/// It begins at 0. Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// The cache is empty.
    Cold,
    /// It cannot be reached for so long, and then has what it had.
    Away { seconds: f64 },
    /// The same, and then it is empty.
    Restarted { seconds: f64 },
    /// One of so many primaries cannot be reached for so long. Then its replica answers, with the same entries.
    Promoted { of: u64, seconds: f64, level: Level },
    /// All slots of one of so many primaries move to other nodes, one after the other, within this time.
    Resharded { of: u64, seconds: f64, level: Level },
}

impl Event {
    pub fn is_of_cluster(self) -> bool {
        matches!(self, Self::Promoted { .. } | Self::Resharded { .. })
    }

    /// The same, if it took so long.
    pub fn lasting(mut self, time: f64) -> Self {
        match &mut self {
            Self::Away { seconds }
            | Self::Restarted { seconds }
            | Self::Promoted { seconds, .. }
            | Self::Resharded { seconds, .. } => *seconds = time,
            Self::Cold => {}
        }
        self
    }

    /// Whether the cache cannot be asked for this row.
    pub fn is_away(self, now: f64, row: u32) -> bool {
        match self {
            Self::Away { seconds } | Self::Restarted { seconds } => now < seconds,
            Self::Promoted { of, seconds, .. } => now < seconds && is_of_node(row, of),
            Self::Cold | Self::Resharded { .. } => false,
        }
    }

    /// When an entry of this row that is in the cache by then becomes a miss.
    pub fn gone_at(self, row: u32) -> Option<f64> {
        match self {
            Self::Cold | Self::Restarted { .. } => Some(0.0),
            Self::Promoted { of, seconds, level: Level::Strict } => is_of_node(row, of).then_some(seconds),
            Self::Resharded { of, seconds, level: Level::Strict } => {
                let slots = SLOTS / of;
                let place = mixed(row.into()) / of % slots;
                is_of_node(row, of).then(|| seconds * place as f64 / slots as f64)
            }
            Self::Away { .. } | Self::Promoted { .. } | Self::Resharded { .. } => None,
        }
    }
}

/// Whether the row is on the node of which the event is. The most popular one always is.
pub fn is_of_node(row: u32, of: u64) -> bool {
    mixed(row.into()).is_multiple_of(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: u32 = 30_000;

    /// The share of all rows.
    fn share(has: impl Fn(u32) -> bool) -> f64 {
        (0..ROWS).filter(|row| has(*row)).count() as f64 / f64::from(ROWS)
    }

    #[test]
    fn a_node_has_its_share_of_the_rows_and_is_back_in_time() {
        let event = Event::Promoted { of: 3, seconds: 4.0, level: Level::Available };
        assert!((share(|row| event.is_away(3.9, row)) - 1.0 / 3.0).abs() < 0.01);
        assert_eq!(share(|row| event.is_away(4.0, row)), 0.0);
        assert_eq!(share(|row| event.gone_at(row).is_some()), 0.0);
    }

    #[test]
    fn under_strict_the_entries_of_a_node_are_gone_with_its_promotion() {
        let event = Event::Promoted { of: 3, seconds: 4.0, level: Level::Strict };
        assert!((0..ROWS).all(|row| event.gone_at(row) == is_of_node(row, 3).then_some(4.0)));
    }

    #[test]
    fn slots_move_one_after_the_other() {
        let event = Event::Resharded { of: 3, seconds: 60.0, level: Level::Strict };
        for (until, expected) in [(15.0, 0.25), (30.0, 0.5), (60.0, 1.0)] {
            let gone = share(|row| event.gone_at(row).is_some_and(|at| at < until));
            assert!((gone - expected / 3.0).abs() < 0.01, "{gone} until {until}");
        }
        assert_eq!(share(|row| event.is_away(30.0, row)), 0.0);
    }
}
