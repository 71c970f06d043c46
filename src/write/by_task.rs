//! [`ByTask`]: what a task leaves under a key for itself, until it takes it or its time is over.

use foldhash::quality::RandomState;
use hashlink::LinkedHashMap;
use std::collections::VecDeque;
use std::hash::Hash;
use tokio::task;
use tokio::time::Instant;

/// Values by task and key. Each call takes constant time, also where values are never taken: whatever is added
/// takes the oldest ones out whose time is over.
#[derive(Debug)]
pub(super) struct ByTask<K, V> {
    values: LinkedHashMap<(Option<task::Id>, K), Dated<V>, RandomState>,
}

/// Values, the oldest first, each with the end of its time.
type Dated<V> = VecDeque<(Instant, V)>;

/// How many keys are looked at for values whose time is over: more than are added.
const SWEEP: usize = 2;

impl<K: Hash + Eq, V> ByTask<K, V> {
    pub(super) fn push(&mut self, key: K, dead_at: Instant, value: V) {
        let now = Instant::now();
        for _ in 0..SWEEP {
            let is_dead = |(_, values): (_, &Dated<V>)| values.iter().all(|value| value.0 <= now);
            if self.values.front().is_some_and(is_dead) {
                self.values.pop_front();
            }
        }
        let own = (task::try_id(), key);
        match self.values.get_mut(&own) {
            Some(values) => {
                values.push_back((dead_at, value));
                self.values.to_back(&own);
            }
            None => _ = self.values.insert(own, VecDeque::from([(dead_at, value)])),
        }
    }

    /// The value that this task has left last under the key: also when its time is over, if it is still there.
    pub(super) fn take_newest(&mut self, key: K) -> Option<V> {
        self.take(key, VecDeque::pop_back).map(|(_, value)| value)
    }

    /// The value that this task has left first under the key, unless its time is over.
    pub(super) fn take_oldest(&mut self, key: K) -> Option<V> {
        let taken = self.take(key, VecDeque::pop_front);
        taken.filter(|(dead_at, _)| *dead_at > Instant::now()).map(|(_, value)| value)
    }

    fn take(
        &mut self,
        key: K,
        pop: impl FnOnce(&mut Dated<V>) -> Option<(Instant, V)>,
    ) -> Option<(Instant, V)> {
        let own = (task::try_id(), key);
        let values = self.values.get_mut(&own)?;
        let taken = pop(values);
        if values.is_empty() {
            self.values.remove(&own);
        }
        taken
    }

    /// Drops the values of this task under the key that are none of these.
    pub(super) fn retain(&mut self, key: K, mut keep: impl FnMut(&V) -> bool) {
        let own = (task::try_id(), key);
        let Some(values) = self.values.get_mut(&own) else { return };
        values.retain(|(_, value)| keep(value));
        if values.is_empty() {
            self.values.remove(&own);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.values().map(VecDeque::len).sum()
    }
}

impl<K, V> Default for ByTask<K, V> {
    fn default() -> Self {
        Self { values: LinkedHashMap::with_hasher(RandomState::default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn after(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_value_is_its_tasks_own() {
        let mut notes = ByTask::default();
        notes.push("key", after(5), 1);
        notes.push("key", after(5), 2);
        notes.push("key", after(5), 3);
        let mut notes = tokio::spawn(async move {
            assert_eq!(notes.take_newest("key"), None, "another task has left it");
            notes
        })
        .await
        .unwrap();
        assert_eq!((notes.take_newest("key"), notes.take_oldest("key")), (Some(3), Some(1)));
        assert_eq!((notes.take_newest("other"), notes.take_newest("key")), (None, Some(2)));
        assert_eq!(notes.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn values_that_nobody_takes_go_when_their_time_is_over() {
        let mut notes = ByTask::default();
        for number in 0..10_000 {
            notes.push(number, after(5), number);
        }
        assert_eq!(notes.len(), 10_000);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(notes.take_oldest(9_999), None);
        assert_eq!(notes.take_newest(9_998), Some(9_998), "nothing has taken its place");
        for number in 0..10_000 {
            notes.push(number, after(5), number);
            assert!(notes.len() <= 10_000, "{number}");
        }
        assert_eq!(notes.len(), 10_000);
    }
}
