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
const PAGE_KEYS: usize = 500;

/// All keys of one entity in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityKeys {
    pub(crate) sweep: Sweep,
    /// The key that is invalidated before any other: who fills entries from a list looks at it last.
    pub(crate) fence: Option<String>,
}

/// One write that the store has not been told of.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) token: Token,
    /// Not to be delivered earlier: the write's statement may still be running.
    pub(super) due: Instant,
    /// What stands for the key when there are too many.
    pub(super) entity: EntityKeys,
}

/// Keys that are to be told of at once, in the order of their telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) fences: Vec<String>,
    pub(super) keys: Vec<(String, Token)>,
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
    entities: Vec<(EntityKeys, Instant)>,
}

impl Journal {
    /// Notes a debt. Whether the journal has just overflowed.
    pub(super) fn owe(&self, key: &str, owed: Owed) -> bool {
        let mut debts = self.debts();
        let overflow = debts.keys.len() >= JOURNAL_KEYS_MAX && !debts.keys.contains_key(key);
        let first = overflow && debts.entities.is_empty();
        if overflow {
            debts.owe_entity(owed.entity, owed.due);
        } else {
            let of_key = debts.keys.entry(key.to_owned()).or_default();
            of_key.retain(|other| other.token != owed.token);
            of_key.push(owed);
        }
        self.recount(&debts);
        first
    }

    pub(super) fn owe_entity(&self, entity: EntityKeys, due: Instant) {
        let mut debts = self.debts();
        debts.owe_entity(entity, due);
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

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
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

    /// The keys that are to be told of now.
    pub(super) fn due(&self, now: Instant) -> Vec<Page> {
        let debts = self.debts();
        let due = |(key, of_key): (&String, &Vec<Owed>)| {
            let of_key = of_key.iter().filter(|owed| owed.due <= now);
            of_key.map(|owed| (key.clone(), owed.clone())).collect::<Vec<_>>()
        };
        let all: Vec<(String, Owed)> = debts.keys.iter().flat_map(due).collect();
        all.chunks(PAGE_KEYS).map(Page::of).collect()
    }

    pub(super) fn due_entities(&self, now: Instant) -> Vec<EntityKeys> {
        let debts = self.debts();
        debts.entities.iter().filter(|(_, due)| *due <= now).map(|(entity, _)| entity.clone()).collect()
    }

    /// An entity was cleared, beginning at `at`.
    pub(super) fn swept(&self, entity: &EntityKeys, at: Instant) {
        let mut debts = self.debts();
        debts.entities.retain(|(other, due)| other != entity || *due > at);
        self.recount(&debts);
    }

    fn debts(&self) -> MutexGuard<'_, Debts> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, debts: &Debts) {
        self.count.store(debts.keys.len() + debts.entities.len(), Ordering::Release);
    }
}

impl Page {
    fn of(owed: &[(String, Owed)]) -> Self {
        let mut fences: Vec<String> = owed.iter().filter_map(|(_, owed)| owed.entity.fence.clone()).collect();
        fences.sort_unstable();
        fences.dedup();
        Self { fences, keys: owed.iter().map(|(key, owed)| (key.clone(), owed.token)).collect() }
    }
}

impl Debts {
    fn owe_entity(&mut self, entity: EntityKeys, due: Instant) {
        match self.entities.iter_mut().find(|(other, _)| *other == entity) {
            Some((_, later)) => *later = due.max(*later),
            None => self.entities.push((entity, due)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn owed(token: u128, due: Instant) -> Owed {
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        let entity = EntityKeys { sweep, fence: Some("app:book:@".to_owned()) };
        Owed { token: Token::from_u128(token), due, entity }
    }

    #[test]
    fn a_key_is_suspect_until_its_last_debt_is_settled() {
        let (journal, now) = (Journal::default(), Instant::now());
        journal.owe("k", owed(1, now));
        journal.owe("k", owed(2, now + Duration::from_secs(9)));
        let page =
            Page { fences: vec!["app:book:@".to_owned()], keys: vec![("k".to_owned(), Token::from_u128(1))] };
        assert_eq!(journal.due(now), [page]);
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
        for entity in journal.due_entities(now) {
            journal.swept(&entity, now);
        }
        assert!(!journal.suspects("never written") && journal.suspects("7"));
    }
}
