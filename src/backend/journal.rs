//! The journal: queued invalidations of keys whose writes the store does not know of.

use crate::coherence::Token;
use crate::store::Sweep;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Beyond this many keys whole entities are queued instead.
pub(super) const JOURNAL_KEYS_MAX: usize = 10_000;
/// Keys of one delivery.
const PAGE_KEYS: usize = 500;

/// All keys of one entity in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityKeys {
    pub(crate) sweep: Sweep,
    /// The key that is invalidated before any other: a reader that fills rows from a list checks it last.
    pub(crate) fence: Option<String>,
}

/// One write that the store does not know of.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) token: Token,
    /// Not to be delivered earlier: the write's statement may still be running.
    pub(super) due: Instant,
    /// What stands for the key when there are too many.
    pub(super) entity: EntityKeys,
}

/// Keys of one delivery, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) fences: Vec<String>,
    pub(super) keys: Vec<(String, Token)>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Read on every hit: keys plus entities queued.
    count: AtomicUsize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    keys: HashMap<String, Vec<Queued>>,
    entities: Vec<(EntityKeys, Instant)>,
}

impl Journal {
    /// Queues an invalidation. Whether the journal has just overflowed.
    pub(super) fn queue(&self, key: &str, queued: Queued) -> bool {
        let mut queue = self.lock();
        let overflow = queue.keys.len() >= JOURNAL_KEYS_MAX && !queue.keys.contains_key(key);
        let first = overflow && queue.entities.is_empty();
        if overflow {
            queue.queue_entity(queued.entity, queued.due);
        } else {
            let of_key = queue.keys.entry(key.to_owned()).or_default();
            of_key.retain(|other| other.token != queued.token);
            of_key.push(queued);
        }
        self.recount(&queue);
        first
    }

    pub(super) fn queue_entity(&self, entity: EntityKeys, due: Instant) {
        let mut queue = self.lock();
        queue.queue_entity(entity, due);
        self.recount(&queue);
    }

    /// The store knows of this write.
    pub(super) fn settle(&self, key: &str, token: Token) {
        if self.is_empty() {
            return;
        }
        let mut queue = self.lock();
        if let Some(of_key) = queue.keys.get_mut(key) {
            of_key.retain(|queued| queued.token != token);
            if of_key.is_empty() {
                queue.keys.remove(key);
            }
        }
        self.recount(&queue);
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
        let queue = self.lock();
        !queue.entities.is_empty() || queue.keys.contains_key(key)
    }

    /// Whether every key is suspect.
    pub(super) fn suspects_all(&self) -> bool {
        !self.is_empty() && !self.lock().entities.is_empty()
    }

    /// The keys that are due.
    pub(super) fn due(&self, now: Instant) -> Vec<Page> {
        let queue = self.lock();
        let due = |(key, of_key): (&String, &Vec<Queued>)| {
            let of_key = of_key.iter().filter(|queued| queued.due <= now);
            of_key.map(|queued| (key.clone(), queued.clone())).collect::<Vec<_>>()
        };
        let all: Vec<(String, Queued)> = queue.keys.iter().flat_map(due).collect();
        all.chunks(PAGE_KEYS).map(Page::of).collect()
    }

    pub(super) fn due_entities(&self, now: Instant) -> Vec<EntityKeys> {
        let queue = self.lock();
        queue.entities.iter().filter(|(_, due)| *due <= now).map(|(entity, _)| entity.clone()).collect()
    }

    /// An entity was cleared, beginning at `at`.
    pub(super) fn cleared(&self, entity: &EntityKeys, at: Instant) {
        let mut queue = self.lock();
        queue.entities.retain(|(other, due)| other != entity || *due > at);
        self.recount(&queue);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, queue: &Queue) {
        self.count.store(queue.keys.len() + queue.entities.len(), Ordering::Release);
    }
}

impl Page {
    fn of(queued: &[(String, Queued)]) -> Self {
        let mut fences: Vec<String> =
            queued.iter().filter_map(|(_, queued)| queued.entity.fence.clone()).collect();
        fences.sort_unstable();
        fences.dedup();
        Self { fences, keys: queued.iter().map(|(key, queued)| (key.clone(), queued.token)).collect() }
    }
}

impl Queue {
    fn queue_entity(&mut self, entity: EntityKeys, due: Instant) {
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

    fn queued(token: u128, due: Instant) -> Queued {
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        let entity = EntityKeys { sweep, fence: Some("app:book:@".to_owned()) };
        Queued { token: Token::from_u128(token), due, entity }
    }

    #[test]
    fn a_key_is_suspect_until_its_last_write_is_settled() {
        let (journal, now) = (Journal::default(), Instant::now());
        journal.queue("k", queued(1, now));
        journal.queue("k", queued(2, now + Duration::from_secs(9)));
        let page =
            Page { fences: vec!["app:book:@".to_owned()], keys: vec![("k".to_owned(), Token::from_u128(1))] };
        assert_eq!(journal.due(now), [page]);
        journal.settle("k", Token::from_u128(1));
        assert!(journal.suspects("k") && !journal.suspects("other"));
        journal.settle("k", Token::from_u128(2));
        assert!(journal.is_empty() && !journal.suspects("k"));
    }

    #[test]
    fn a_write_that_is_queued_again_keeps_the_later_moment() {
        let (journal, now) = (Journal::default(), Instant::now());
        journal.queue("k", queued(1, now + Duration::from_secs(9)));
        journal.queue("k", queued(1, now));
        assert_eq!(journal.due(now).len(), 1);
        assert_eq!(journal.len(), 1);
    }

    #[test]
    fn an_overflow_makes_every_key_suspect_until_the_entity_was_cleared() {
        let (journal, now) = (Journal::default(), Instant::now());
        let overflows: Vec<bool> = (0..JOURNAL_KEYS_MAX + 5)
            .map(|n| journal.queue(&n.to_string(), queued(n as u128, now)))
            .collect();
        assert_eq!(overflows.iter().filter(|first| **first).count(), 1);
        assert_eq!(journal.len(), JOURNAL_KEYS_MAX + 1);
        assert!(journal.suspects("never written") && journal.suspects_all());
        for entity in journal.due_entities(now) {
            journal.cleared(&entity, now);
        }
        assert!(!journal.suspects("never written") && journal.suspects("7"));
    }
}
