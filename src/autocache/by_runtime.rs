use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use tokio::runtime::{Handle, Id};

/// What tests have bound to the tokio runtimes that they run on: other tests, which have runtimes of their own, do not
/// see it.
pub(super) struct ByRuntime<T> {
    /// As long as it is 0, which it is outside of tests, no call looks further.
    count: AtomicUsize,
    /// As many as tests that run at the same time: a list is quicker than a map. The newest is the last.
    bound: RwLock<Vec<Bound<T>>>,
}

struct Bound<T> {
    runtime: Id,
    serial: u64,
    value: T,
}

/// Until this is dropped, a value is bound to its runtime.
pub(crate) struct Binding<T: Clone + 'static> {
    all: &'static ByRuntime<T>,
    serial: u64,
}

impl<T: Clone> ByRuntime<T> {
    pub(super) const fn new() -> Self {
        Self { count: AtomicUsize::new(0), bound: RwLock::new(Vec::new()) }
    }

    pub(super) fn bind(&'static self, value: T, runtime: &Handle) -> Binding<T> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        bound.push(Bound { runtime: runtime.id(), serial, value });
        self.count.store(bound.len(), Ordering::Release);
        Binding { all: self, serial }
    }

    /// What was last bound to the runtime of the caller.
    #[inline]
    pub(super) fn current(&self) -> Option<T> {
        if self.count.load(Ordering::Acquire) == 0 { None } else { self.find() }
    }

    fn find(&self) -> Option<T> {
        let runtime = Handle::try_current().ok()?.id();
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        bound.iter().rev().find(|bound| bound.runtime == runtime).map(|bound| bound.value.clone())
    }
}

impl<T: Clone> Drop for Binding<T> {
    fn drop(&mut self) {
        let mut bound = self.all.bound.write().unwrap_or_else(PoisonError::into_inner);
        let place = bound.iter().position(|bound| bound.serial == self.serial);
        let own = place.map(|place| bound.remove(place));
        self.all.count.store(bound.len(), Ordering::Release);
        // What the drop of a value runs must not find the lock taken.
        drop(bound);
        drop(own);
    }
}

impl<T: Clone> fmt::Debug for Binding<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").finish_non_exhaustive()
    }
}
