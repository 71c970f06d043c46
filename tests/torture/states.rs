//! The states of one row in the order of their commits.

use crate::checker::Commit;
use std::collections::HashMap;

/// A row between two commits.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// `None` for an absence.
    pub rev: Option<i64>,
    /// The list that the row is in; 0 in tables without lists.
    pub place: i64,
    kind: char,
}

impl State {
    pub fn is_in(self, place: i64) -> bool {
        self.rev.is_some() && self.place == place
    }
}

/// The first is the row's absence at the start.
#[derive(Debug)]
pub struct States {
    states: Vec<State>,
    saved: HashMap<i64, usize>,
    deleted: HashMap<i64, usize>,
    absent: Vec<usize>,
    /// Not before this time was the state committed. Never falls.
    earliest: Vec<u64>,
}

impl Default for States {
    fn default() -> Self {
        Self {
            states: vec![State { rev: None, place: 0, kind: '-' }],
            saved: HashMap::new(),
            deleted: HashMap::new(),
            absent: vec![0],
            earliest: vec![0],
        }
    }
}

impl States {
    pub fn push(&mut self, commit: &Commit, begun: Option<u64>) {
        let index = self.states.len();
        let Commit { kind, rev, place, .. } = *commit;
        if kind == 'D' {
            self.states.push(State { rev: None, place: 0, kind });
            self.deleted.insert(rev, index);
            self.absent.push(index);
        } else {
            self.states.push(State { rev: Some(rev), place, kind });
            self.saved.insert(rev, index);
        }
        let before = self.earliest[index - 1];
        let own = if kind == 'D' { None } else { begun };
        self.earliest.push(own.map_or(before, |begun| begun.max(before)));
    }

    pub fn get(&self, index: usize) -> State {
        self.states[index]
    }

    pub fn last(&self) -> State {
        self.states[self.states.len() - 1]
    }

    pub fn earliest(&self, index: usize) -> u64 {
        self.earliest[index]
    }

    /// The state that this revision has made.
    pub fn saved(&self, rev: i64) -> Option<usize> {
        self.saved.get(&rev).copied()
    }

    /// The absence that has followed this revision.
    pub fn deleted(&self, rev: i64) -> Option<usize> {
        self.deleted.get(&rev).copied()
    }

    /// The first absence after this state.
    pub fn absence_after(&self, index: usize) -> Option<usize> {
        let first = self.absent.partition_point(|&absent| absent <= index);
        self.absent.get(first).copied()
    }

    pub fn was_ever_in(&self, place: i64) -> bool {
        self.states.iter().any(|state| state.is_in(place))
    }

    /// The first state like that, from `floor` on, that a read which ended at `to` can have seen.
    pub fn first_from(&self, floor: usize, to: u64, like: impl Fn(State) -> bool) -> Option<usize> {
        let possible = (floor..self.states.len()).take_while(|&index| self.earliest[index] <= to);
        possible.into_iter().find(|&index| like(self.states[index]))
    }

    /// The states from one to another, for the report.
    pub fn around(&self, from: usize, to: usize) -> String {
        let (first, last) = (from.saturating_sub(1), (to + 2).min(self.states.len()));
        let state = |index: usize| {
            let State { rev, place, kind } = self.states[index];
            let place = if place == 0 { String::new() } else { format!("@{place}") };
            format!("{index}:{kind}{}{place}", rev.map_or(String::new(), |rev| format!("({rev})")))
        };
        (first..last.max(first)).take(12).map(state).collect::<Vec<_>>().join(" ")
    }
}
