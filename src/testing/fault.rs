use super::gate::Gate;
use super::operation::Operation;
use std::time::Duration;

/// What a [`FaultyStore`](super::FaultyStore) does in place of a call, or before it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Does nothing; the store cannot be reached. The circuit breaker opens.
    Unreachable,
    /// Does nothing; the store answers with an error, such as one that is out of memory.
    Refused,
    /// Does nothing; the caller is told that it took too long. The circuit breaker opens.
    TimedOut,
    /// Does what it is asked; the caller is told that it took too long. The circuit breaker opens.
    Unanswered,
    /// The call waits at the gate, and then runs.
    Hold(Gate),
    /// The call waits for so long, and then runs.
    Delay(Duration),
    /// The keys of the call are gone before it runs, as after an eviction. No effect on [`Operation::Clear`].
    Forget,
}

impl Fault {
    /// This fault on every such operation, until the store is [healed](super::FaultyStore::heal).
    pub fn on(self, operation: Operation) -> Injection {
        self.on_any([operation])
    }

    /// This fault on every one of these operations, such as [`Operation::ALL`].
    pub fn on_any(self, operations: impl IntoIterator<Item = Operation>) -> Injection {
        let operations = operations.into_iter().collect();
        Injection { fault: self, operations, key: None, skip: 0, left: None }
    }
}

/// A [`Fault`], and which calls have it.
#[derive(Clone, Debug)]
#[must_use = "give it to `FaultyStore::inject`"]
pub struct Injection {
    pub(super) fault: Fault,
    operations: Vec<Operation>,
    key: Option<String>,
    skip: usize,
    /// `None`: without end.
    left: Option<usize>,
}

impl Injection {
    /// Only the next such call.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Only so many such calls.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// So many such calls pass before.
    pub fn after(mut self, calls: usize) -> Self {
        self.skip = calls;
        self
    }

    /// Only calls on this key: [`make_key`](crate::CacheController::make_key) of an entity's cache has it. A
    /// `get_many` or `clear` that reaches other keys, too, has the fault as a whole; [`Fault::Forget`] takes this key only.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whether a call has this fault now. Counts it.
    pub(super) fn strikes(&mut self, operation: Operation, is_of: impl Fn(&str) -> bool) -> bool {
        let concerned = self.left != Some(0)
            && self.operations.contains(&operation)
            && self.key.as_deref().is_none_or(is_of);
        if !concerned {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }

    /// Of the keys of a call those that the fault is about.
    pub(super) fn keys_of<'k>(&self, keys: &'k [String]) -> Vec<&'k String> {
        keys.iter().filter(|key| self.key.as_ref().is_none_or(|own| own == *key)).collect()
    }
}
