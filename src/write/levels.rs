//! [`Levels`]: what a transaction and the savepoints in it have touched.

use super::RowChange;
use crate::keyspace::Keyspace;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// By keyspace and key: two entities can be configured to share a key text.
type Touched = HashMap<usize, Rows, RandomState>;

#[derive(Debug)]
struct Rows {
    keyspace: Arc<Keyspace>,
    changes: HashMap<String, RowChange, RandomState>,
}

/// A point between two beginnings or ends of savepoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

/// The touched rows of a transaction and of the savepoints that are open in it, one inside the other.
///
/// A connection knows one innermost savepoint. A statement belongs to it, and an end ends it, whatever handle they
/// come through.
#[derive(Debug)]
pub(super) struct Levels {
    open: Vec<Touched>,
    now: u64,
    /// How many beginnings and ends are in flight.
    shifting: usize,
    /// A savepoint did not begin, and may have taken an outer one with it: which are open is not known any more.
    is_torn: bool,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self { open: vec![Touched::default()], now: 0, shifting: 0, is_torn: false }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment(self.now)
    }

    /// Whether no savepoint has begun or ended since, and none is about to: the statement in between belongs to
    /// the innermost level.
    pub(super) fn is_still(&self, since: Moment) -> bool {
        self.shifting == 0 && self.moment() == since
    }

    /// A beginning or an end is on its way.
    pub(super) fn shift(&mut self) {
        self.shifting += 1;
        self.now += 1;
    }

    /// It is over.
    pub(super) fn shifted(&mut self) {
        self.shifting = self.shifting.saturating_sub(1);
        self.now += 1;
    }

    /// Whether what ends next is certainly a savepoint.
    pub(super) fn ends_savepoint(&self) -> bool {
        self.open.len() > 1 && !self.is_torn
    }

    /// A savepoint has begun.
    pub(super) fn push(&mut self) {
        self.open.push(Touched::default());
    }

    pub(super) fn tear(&mut self) {
        self.is_torn = true;
    }

    /// The innermost savepoint is released: its rows become those of the level around it.
    pub(super) fn release(&mut self) {
        self.end(false);
    }

    /// The innermost level is rolled back. The rows of a savepoint are as they were before it, in a way only the
    /// database knows.
    pub(super) fn roll_back(&mut self) {
        self.now += 1;
        self.end(true);
    }

    fn end(&mut self, undone: bool) {
        if self.is_torn {
            return;
        }
        let Some(touched) = self.open.pop() else { return };
        if self.open.is_empty() {
            return self.open.push(Touched::default());
        }
        for Rows { keyspace, changes } in touched.into_values() {
            for (key, change) in changes {
                self.record(&keyspace, key, if undone { RowChange::Unknown } else { change });
            }
        }
    }

    /// The last outcome of a row counts.
    pub(super) fn record(&mut self, keyspace: &Arc<Keyspace>, key: String, change: RowChange) {
        let Some(touched) = self.open.last_mut() else { return };
        let new = || Rows { keyspace: keyspace.clone(), changes: HashMap::default() };
        touched.entry(keyspace.id()).or_insert_with(new).changes.insert(key, change);
    }

    /// All touched rows at the end of the transaction. They stay where it may not be the end.
    pub(super) fn take(&mut self) -> Vec<(Arc<Keyspace>, String, RowChange)> {
        let is_torn = self.is_torn;
        let mut rows = Vec::new();
        for touched in &mut self.open {
            for Rows { keyspace, changes } in touched.values_mut() {
                if is_torn {
                    let unknown = |key: &String| (keyspace.clone(), key.clone(), RowChange::Unknown);
                    rows.extend(changes.keys().map(unknown));
                } else {
                    rows.extend(changes.drain().map(|(key, change)| (keyspace.clone(), key, change)));
                }
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_belongs_to_a_savepoint_only_if_none_has_begun_or_ended_beside_it() {
        let mut levels = Levels::new();
        let before = levels.moment();
        assert!(levels.is_still(before));
        levels.shift();
        assert!(!levels.is_still(before), "a savepoint is about to begin");
        assert!(!levels.is_still(levels.moment()), "and has not yet");
        levels.push();
        levels.shifted();
        assert!(!levels.is_still(before), "it has begun");
        let inside = levels.moment();
        assert!(levels.is_still(inside) && levels.ends_savepoint());
        levels.roll_back();
        assert!(!levels.is_still(inside) && !levels.ends_savepoint(), "it is over");
    }

    #[test]
    fn where_the_open_savepoints_are_not_known_every_commit_may_be_the_last() {
        let mut levels = Levels::new();
        levels.push();
        levels.tear();
        assert!(!levels.ends_savepoint());
        levels.roll_back();
        levels.release();
        assert_eq!(levels.open.len(), 2, "nothing is forgotten");
    }
}
