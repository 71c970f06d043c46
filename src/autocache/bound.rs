//! The Autocaches of tests, each bound to the tokio runtime of its test: tasks and hooks of other tests, which have
//! runtimes of their own, do not see it.

use super::Autocache;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use tokio::runtime::{Handle, Id};

/// As long as it is 0, which it is outside of tests, no call looks further.
static BINDINGS: AtomicUsize = AtomicUsize::new(0);
/// As many as tests that run at the same time: a list is quicker than a map. The newest of a runtime is its last.
static BOUND: RwLock<Vec<(Id, Autocache)>> = RwLock::new(Vec::new());

/// An Autocache is that of its runtime until this is dropped.
#[derive(Debug)]
pub(crate) struct Binding {
    runtime: Id,
    autocache: Autocache,
}

impl Binding {
    pub(crate) fn new(autocache: &Autocache, runtime: &Handle) -> Self {
        let binding = Self { runtime: runtime.id(), autocache: autocache.clone() };
        let mut bound = BOUND.write().unwrap_or_else(PoisonError::into_inner);
        bound.push((binding.runtime, autocache.clone()));
        BINDINGS.fetch_add(1, Ordering::Release);
        binding
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let mut bound = BOUND.write().unwrap_or_else(PoisonError::into_inner);
        let is_own =
            |(id, autocache): &(Id, Autocache)| *id == self.runtime && autocache.is_same(&self.autocache);
        let own = bound.iter().rposition(is_own).map(|place| bound.remove(place));
        BINDINGS.fetch_sub(1, Ordering::Release);
        // What its drop runs must not find the lock taken.
        drop(bound);
        drop(own);
    }
}

/// The Autocache that was last bound to the runtime of the caller.
#[inline]
pub(super) fn of_this_runtime() -> Option<Autocache> {
    if BINDINGS.load(Ordering::Acquire) == 0 { None } else { find() }
}

fn find() -> Option<Autocache> {
    let runtime = Handle::try_current().ok()?.id();
    let bound = BOUND.read().unwrap_or_else(PoisonError::into_inner);
    bound.iter().rev().find(|(id, _)| *id == runtime).map(|(_, autocache)| autocache.clone())
}
