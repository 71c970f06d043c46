//! The journal: queued invalidations of keys whose writes the store does not know of.

use crate::coherence::Token;
use crate::store::Sweep;
use crate::telemetry::Dial;
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
    /// The statement has run, and its transaction may commit until then: queued once more. `None`: the write is over
    /// when it is due.
    pub(super) until: Option<Instant>,
    /// What stands for the key when there are too many.
    pub(super) entity: EntityKeys,
}

/// An entity of which any row may have changed.
#[derive(Debug)]
struct Owed {
    entity: EntityKeys,
    /// When to clear it next.
    due: Instant,
    /// When to clear it for the last time.
    until: Instant,
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
    shown: Dial,
}

#[derive(Debug, Default)]
struct Queue {
    keys: HashMap<String, Vec<Queued>>,
    entities: Vec<Owed>,
}

impl Journal {
    /// A journal whose length is shown there.
    pub(super) fn new(shown: Dial) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Queues an invalidation. Whether the journal has just overflowed.
    pub(super) fn queue(&self, key: &str, queued: Queued) -> bool {
        let mut queue = self.lock();
        let overflow = queue.keys.len() >= JOURNAL_KEYS_MAX && !queue.keys.contains_key(key);
        let first = overflow && queue.entities.is_empty();
        if overflow {
            queue.queue_entity(queued.entity, queued.due, queued.until.unwrap_or(queued.due));
        } else {
            let of_key = queue.keys.entry(key.to_owned()).or_default();
            // Of statements that may be uncommitted the last one speaks for all: it is queued now, and again later.
            let is_superseded = |other: &Queued| other.until.is_some() && queued.until.is_some();
            of_key.retain(|other| other.token != queued.token && !is_superseded(other));
            of_key.push(queued);
        }
        self.recount(&queue);
        first
    }

    /// Queues a clear for `due`, and once more for `until`, if that is later.
    pub(super) fn queue_entity(&self, entity: EntityKeys, due: Instant, until: Instant) {
        let mut queue = self.lock();
        queue.queue_entity(entity, due, until);
        self.recount(&queue);
    }

    /// The store knows of this write, or of its statement.
    pub(super) fn settle(&self, key: &str, token: Token) {
        if self.is_empty() {
            return;
        }
        let mut queue = self.lock();
        if let Some(of_key) = queue.keys.get_mut(key) {
            of_key.retain_mut(|queued| queued.token != token || queued.is_owed_again());
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
        let is_swept = |owed: &Owed| key.starts_with(&owed.entity.sweep.prefix);
        queue.keys.contains_key(key) || queue.entities.iter().any(is_swept)
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let queue = self.lock();
        let keys = queue.keys.values().flatten().map(|queued| queued.due);
        keys.chain(queue.entities.iter().map(|owed| owed.due)).min()
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
        queue.entities.iter().filter(|owed| owed.due <= now).map(|owed| owed.entity.clone()).collect()
    }

    /// An entity was cleared, beginning at `at`.
    pub(super) fn cleared(&self, entity: &EntityKeys, at: Instant) {
        let mut queue = self.lock();
        queue.entities.retain_mut(|owed| owed.entity != *entity || owed.due > at || owed.is_owed_again(at));
        self.recount(&queue);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, queue: &Queue) {
        let count = queue.keys.len() + queue.entities.len();
        self.count.store(count, Ordering::Release);
        self.shown.show(count as u64);
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
    fn queue_entity(&mut self, entity: EntityKeys, due: Instant, until: Instant) {
        match self.entities.iter_mut().find(|owed| owed.entity == entity) {
            Some(owed) => {
                // A clear that is under way may have passed the rows of this write.
                owed.due = if due <= Instant::now() { due } else { due.min(owed.due) };
                owed.until = owed.until.max(until);
            }
            None => self.entities.push(Owed { entity, due, until }),
        }
    }
}

impl Queued {
    fn is_owed_again(&mut self) -> bool {
        let again = self.until.filter(|until| *until > self.due);
        self.due = again.unwrap_or(self.due);
        again.is_some()
    }
}

impl Owed {
    fn is_owed_again(&mut self, cleared: Instant) -> bool {
        self.due = self.until;
        self.until > cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn queued(token: u128, due: Instant) -> Queued {
        let sweep = Sweep { prefix: "app:book:".to_owned(), entity: None };
        let entity = EntityKeys { sweep, fence: Some("app:book:@".to_owned()) };
        Queued { token: Token::from_u128(token), due, until: None, entity }
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
    fn a_statement_that_may_be_uncommitted_is_owed_now_and_later() {
        let (journal, now) = (Journal::default(), Instant::now());
        let later = now + Duration::from_secs(9);
        let statement = |token, due| Queued { until: Some(later), ..queued(token, due) };
        for token in 1..100 {
            journal.queue("k", statement(token, now));
        }
        journal.settle("k", Token::from_u128(1));
        assert_eq!(journal.due(now)[0].keys, [("k".to_owned(), Token::from_u128(99))], "the last of all");
        journal.queue("k", queued(200, now));
        journal.settle("k", Token::from_u128(200));
        journal.settle("k", Token::from_u128(99));
        assert!(journal.suspects("k") && journal.due(now).is_empty());
        assert_eq!(journal.next_due(), Some(later));
        journal.settle("k", journal.due(later)[0].keys[0].1);
        assert!(journal.is_empty());
    }

    #[test]
    fn an_entity_that_is_queued_while_it_is_cleared_is_cleared_again() {
        let (journal, now, entity) = (Journal::default(), Instant::now(), queued(1, Instant::now()).entity);
        let later = now + Duration::from_secs(9);
        journal.queue_entity(entity.clone(), now, later);
        let begun = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        journal.queue_entity(entity.clone(), Instant::now(), later);
        journal.cleared(&entity, begun);
        assert_eq!(journal.due_entities(Instant::now()), std::slice::from_ref(&entity));
        journal.queue_entity(entity.clone(), later + Duration::from_secs(1), later + Duration::from_secs(1));
        journal.cleared(&entity, Instant::now());
        assert!(journal.due_entities(later).is_empty() && journal.suspects("app:book:7"));
        journal.cleared(&entity, later + Duration::from_secs(1));
        assert!(journal.is_empty());
    }

    #[test]
    fn an_overflow_makes_every_key_of_the_entity_suspect_until_it_was_cleared() {
        let (journal, now) = (Journal::default(), Instant::now());
        let overflows: Vec<bool> = (0..JOURNAL_KEYS_MAX + 5)
            .map(|n| journal.queue(&n.to_string(), queued(n as u128, now)))
            .collect();
        assert_eq!(overflows.iter().filter(|first| **first).count(), 1);
        assert_eq!(journal.len(), JOURNAL_KEYS_MAX + 1);
        assert!(journal.suspects("app:book:never written") && !journal.suspects("app:page:1"));
        for entity in journal.due_entities(now) {
            journal.cleared(&entity, now);
        }
        assert!(!journal.suspects("app:book:never written") && journal.suspects("7"));
    }
}
