//! Reads that are asked for at the same time share one `MGET`.
//!
//! Client and server have not much more to do for a command of many keys than for one of a single key. So
//! while many reads are under way, further ones gather until the tasks that are ready have run, and are
//! sent together. Nobody waits for another's answer: what has gathered is sent whether or not an earlier
//! command has been answered. While few are under way, each read is a plain `GET` that is sent at once.
//!
//! A read is sent after it was asked for, as ever; so what it may answer does not change.

use super::RedisStore;
use crate::store::{Found, StoreError, StoreErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// Reads under way from which on further ones gather.
const CROWD: usize = 4;
/// Reads that share one command.
const TOGETHER_MAX: usize = 32;

/// The reads of a store that are under way, and those that gather.
#[derive(Default)]
pub(super) struct Gathering {
    under_way: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
}

/// A read that has not been sent yet.
struct Waiting {
    key: String,
    answer: oneshot::Sender<Result<Found, StoreError>>,
}

/// What is to be done by who has come to wait.
enum Turn {
    /// Nothing: somebody else sends.
    Between,
    /// To send what will have gathered.
    First,
    /// To send these, for they are enough.
    Last(Vec<Waiting>),
}

/// Counts a read for as long as it is under way.
pub(super) struct UnderWay<'a> {
    gathering: &'a Gathering,
    pub(super) is_crowded: bool,
}

impl Gathering {
    pub(super) fn enter(&self) -> UnderWay<'_> {
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay { gathering: self, is_crowded: others >= CROWD }
    }

    fn join(&self, read: Waiting) -> Turn {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(read);
        match waiting.len() {
            1 => Turn::First,
            TOGETHER_MAX => Turn::Last(std::mem::take(&mut waiting)),
            _ => Turn::Between,
        }
    }

    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.gathering.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RedisStore {
    /// Reads a key together with whatever else is asked for now. What has gathered is sent by a task of its
    /// own: a reader that goes away takes nobody along.
    pub(super) async fn read_together(&self, key: String) -> Result<Found, StoreError> {
        let (answer, found) = oneshot::channel();
        match self.inner.gathering.join(Waiting { key, answer }) {
            Turn::Between => {}
            Turn::First => {
                let store = self.clone();
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    store.answer(store.inner.gathering.take()).await;
                });
            }
            Turn::Last(all) => {
                let store = self.clone();
                tokio::spawn(async move { store.answer(all).await });
            }
        }
        found.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn answer(&self, mut waiting: Vec<Waiting>) {
        waiting.retain(|read| !read.answer.is_closed());
        let (keys, answers): (Vec<String>, Vec<_>) =
            waiting.into_iter().map(|read| (read.key, read.answer)).unzip();
        // Who has gone meanwhile needs no answer.
        match self.read_many(keys).await {
            Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| {
                let _ = answer.send(Ok(found));
            }),
            Err(error) => answers.into_iter().for_each(|answer| {
                let _ = answer.send(Err(error.clone()));
            }),
        }
    }
}

/// The runtime of the task that was to send it has ended. Says nothing about the server.
fn stopped() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the task that was to send this read was stopped")
}
