//! The journal: keys whose writes the store has not been told of, until it has been.

use crate::coherence::Token;
use crate::store::Sweep;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Beyond this many keys whole entities are owed instead.
pub(super) const JOURNAL_KEYS_MAX: usize = 10_000;
/// Keys of one delivery.
const PAGE: usize = 500;

/// One write that the store has not been told of.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) token: Token,
    /// Not to be delivered earlier: the write's statement may still be running.
    pub(super) due: Instant,
    /// What stands for the key when there are too many.
    pub(super) sweep: Sweep,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Read on every hit: keys plus entities owed.
    count: AtomicUsize,
    debts: Mutex<Debts>,
}

#[derive(Debug, Default)]
struct Debts {
    keys: HashMap<String, Vec<Owed>>,
    entities: Vec<(Sweep, Instant)>,
}

impl Journal {
    /// Notes a debt. Whether the journal has just overflowed.
    pub(super) fn owe(&self, key: &str, owed: Owed) -> bool {
        let mut debts = self.debts();
        let overflow = debts.keys.len() >= JOURNAL_KEYS_MAX && !debts.keys.contains_key(key);
        let first = overflow && debts.entities.is_empty();
        if overflow {
            debts.owe_entity(owed.sweep, owed.due);
        } else {
            let of_key = debts.keys.entry(key.to_owned()).or_default();
            of_key.retain(|other| other.token != owed.token);
            of_key.push(owed);
        }
        self.recount(&debts);
        first
    }

    pub(super) fn owe_entity(&self, sweep: Sweep, due: Instant) {
        let mut debts = self.debts();
        debts.owe_entity(sweep, due);
        self.recount(&debts);
    }

    /// The debt is paid, whoever has paid it.
    pub(super) fn settle(&self, key: &str, token: Token) {
        if self.is_empty() {
            return;
        }
        let mut debts = self.debts();
        if let Some(of_key) = debts.keys.get_mut(key) {
            of_key.retain(|owed| owed.token != token);
            if of_key.is_empty() {
                debts.keys.remove(key);
            }
        }
        self.recount(&debts);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether what the store says of this key may be stale.
    pub(super) fn suspects(&self, key: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let debts = self.debts();
        !debts.entities.is_empty() || debts.keys.contains_key(key)
    }

    /// Whether every key is suspect.
    pub(super) fn suspects_all(&self) -> bool {
        !self.is_empty() && !self.debts().entities.is_empty()
    }

    /// The keys that are to be told of now, in pages.
    pub(super) fn due(&self, now: Instant) -> Vec<Vec<(String, Token)>> {
        let debts = self.debts();
        let due = |(key, of_key): (&String, &Vec<Owed>)| {
            let of_key = of_key.iter().filter(|owed| owed.due <= now);
            of_key.map(|owed| (key.clone(), owed.token)).collect::<Vec<_>>()
        };
        let all: Vec<(String, Token)> = debts.keys.iter().flat_map(due).collect();
        all.chunks(PAGE).map(<[_]>::to_vec).collect()
    }

    pub(super) fn due_sweeps(&self, now: Instant) -> Vec<Sweep> {
        let debts = self.debts();
        debts.entities.iter().filter(|(_, due)| *due <= now).map(|(sweep, _)| sweep.clone()).collect()
    }

    /// An entity was cleared, beginning at `at`.
    pub(super) fn swept(&self, sweep: &Sweep, at: Instant) {
        let mut debts = self.debts();
        debts.entities.retain(|(other, due)| other != sweep || *due > at);
        self.recount(&debts);
    }

    fn debts(&self) -> MutexGuard<'_, Debts> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, debts: &Debts) {
        self.count.store(debts.keys.len() + debts.entities.len(), Ordering::Release);
    }
}

impl Debts {
    fn owe_entity(&mut self, sweep: Sweep, due: Instant) {
        match self.entities.iter_mut().find(|(other, _)| *other == sweep) {
            Some((_, later)) => *later = due.max(*later),
            None => self.entities.push((sweep, due)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn owed(token: u128, due: Instant) -> Owed {
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        Owed { token: Token::from_u128(token), due, sweep }
    }

    #[test]
    fn a_key_is_suspect_until_its_last_debt_is_settled() {
        let (journal, now) = (Journal::default(), Instant::now());
        journal.owe("k", owed(1, now));
        journal.owe("k", owed(2, now + Duration::from_secs(9)));
        assert_eq!(journal.due(now), [vec![("k".to_owned(), Token::from_u128(1))]]);
        journal.settle("k", Token::from_u128(1));
        assert!(journal.suspects("k") && !journal.suspects("other"));
        journal.settle("k", Token::from_u128(2));
        assert!(journal.is_empty() && !journal.suspects("k"));
    }

    #[test]
    fn a_debt_that_is_noted_again_keeps_the_later_moment() {
        let (journal, now) = (Journal::default(), Instant::now());
        journal.owe("k", owed(1, now + Duration::from_secs(9)));
        journal.owe("k", owed(1, now));
        assert_eq!(journal.due(now).len(), 1);
        assert_eq!(journal.len(), 1);
    }

    #[test]
    fn an_overflow_makes_every_key_suspect_until_the_entity_was_cleared() {
        let (journal, now) = (Journal::default(), Instant::now());
        let overflows: Vec<bool> =
            (0..JOURNAL_KEYS_MAX + 5).map(|n| journal.owe(&n.to_string(), owed(n as u128, now))).collect();
        assert_eq!(overflows.iter().filter(|first| **first).count(), 1);
        assert_eq!(journal.len(), JOURNAL_KEYS_MAX + 1);
        assert!(journal.suspects("never written") && journal.suspects_all());
        for sweep in journal.due_sweeps(now) {
            journal.swept(&sweep, now);
        }
        assert!(!journal.suspects("never written") && journal.suspects("7"));
    }
}
