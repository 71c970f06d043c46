//! [`Pulse`]: whether a task that others rely on is still driven.
//!
//! A task runs on the runtime of the caller that has started it, and can stop without an end: that runtime may be
//! one of a single thread which nothing drives any more. Callers on other runtimes must not wait for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a task that is driven says so.
const BEAT: Duration = Duration::from_millis(200);
/// A task that has not said so for this long counts as stopped.
const STOPPED_AFTER: Duration = Duration::from_millis(800);

/// When a task was last driven, in milliseconds of this process. 0: there is no task.
#[derive(Debug, Default)]
pub(crate) struct Pulse(AtomicU64);

impl Pulse {
    /// That of a task which is about to start.
    pub(crate) fn started() -> Self {
        Self(AtomicU64::new(now_ms()))
    }

    /// Whether the task is not driven any more, or there is none.
    pub(crate) fn has_stopped(&self) -> bool {
        is_over(self.0.load(Ordering::Acquire))
    }

    /// Whether the caller is to start the task: it has stopped, and no other caller starts it now.
    pub(crate) fn take_over(&self) -> bool {
        let last = self.0.load(Ordering::Acquire);
        is_over(last) && self.0.compare_exchange(last, now_ms(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The task has ended.
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Runs the task, and says all the while that it is driven.
    pub(crate) async fn keep<F: Future>(&self, mut task: Pin<&mut F>) -> F::Output {
        loop {
            self.0.store(now_ms(), Ordering::Release);
            if let Ok(output) = tokio::time::timeout(BEAT, task.as_mut()).await {
                return output;
            }
        }
    }

    /// Waits for what the task brings; `None` once the task has stopped.
    pub(crate) async fn wait_for<F: Future>(&self, mut what: Pin<&mut F>) -> Option<F::Output> {
        loop {
            if let Ok(output) = tokio::time::timeout(STOPPED_AFTER, what.as_mut()).await {
                return Some(output);
            }
            if self.has_stopped() {
                return None;
            }
        }
    }
}

fn is_over(last_ms: u64) -> bool {
    last_ms == 0 || now_ms().saturating_sub(last_ms) > STOPPED_AFTER.as_millis() as u64
}

/// Never 0.
fn now_ms() -> u64 {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    let elapsed = STARTED.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;

    #[tokio::test]
    async fn a_task_that_is_driven_has_not_stopped() {
        let pulse = Pulse::default();
        assert!(pulse.has_stopped() && pulse.take_over() && !pulse.take_over());
        let task = pin!(tokio::time::sleep(STOPPED_AFTER * 2));
        let mut task = pin!(pulse.keep(task));
        let waiting = pin!(pending::<()>());
        tokio::select! {
            () = &mut task => {}
            _ = pulse.wait_for(waiting) => panic!("it was taken for stopped"),
        }
        pulse.end();
        assert!(pulse.has_stopped());
    }

    #[tokio::test]
    async fn a_task_that_nothing_drives_is_not_waited_for() {
        let pulse = Pulse::started();
        assert!(!pulse.take_over());
        assert!(pulse.wait_for(pin!(pending::<()>())).await.is_none());
        assert!(pulse.take_over());
    }
}
