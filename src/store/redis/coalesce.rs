//! Request coalescing: reads of the same moment share one `MGET`.
//!
//! A command of many keys costs client and server little more than one of a single key. So while many reads are
//! in flight, additional ones are batched for one scheduler pass and sent together, whether or not an earlier
//! command has been answered. While few are in flight, each read is a plain `GET` that is sent at once.
//!
//! A read is sent after the call that asks for it, so what it may answer does not change.

use crate::store::{Found, StoreError, StoreErrorKind};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// Reads in flight from which on further ones are batched.
const CROWD: usize = 4;
/// Reads of one command.
const TOGETHER_MAX: usize = 32;

/// The reads of a store that are in flight, and those that wait for their batch.
#[derive(Default)]
pub(super) struct Coalescer {
    in_flight: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
}

/// A read that has not been sent yet.
struct Waiting {
    key: String,
    answer: oneshot::Sender<Result<Found, StoreError>>,
}

/// What a read that joins a batch has to do.
enum Turn {
    /// Nothing: the batch is sent by another read.
    Between,
    /// To send the batch after one scheduler pass.
    First,
    /// To send the full batch.
    Last(Vec<Waiting>),
}

/// Counts a read for as long as it is in flight.
pub(super) struct InFlight<'a> {
    coalescer: &'a Coalescer,
    pub(super) is_crowded: bool,
}

impl Coalescer {
    pub(super) fn enter(&self) -> InFlight<'_> {
        let others = self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { coalescer: self, is_crowded: others >= CROWD }
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

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.coalescer.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What sends a batch.
pub(super) trait ReadBatch: Clone + Send + Sync + 'static {
    fn coalescer(&self) -> &Coalescer;

    /// Reads these keys, by one command.
    fn read_batch(&self, keys: Vec<String>) -> impl Future<Output = Result<Vec<Found>, StoreError>> + Send;
}

/// Reads a key together with others. The batch is sent by a task of its own: a reader that is dropped does not
/// cancel the others.
pub(super) async fn read_coalesced<S: ReadBatch>(store: &S, key: String) -> Result<Found, StoreError> {
    let (answer, found) = oneshot::channel();
    match store.coalescer().join(Waiting { key, answer }) {
        Turn::Between => {}
        Turn::First => {
            let store = store.clone();
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                send(&store, store.coalescer().take()).await;
            });
        }
        Turn::Last(all) => {
            let store = store.clone();
            tokio::spawn(async move { send(&store, all).await });
        }
    }
    found.await.unwrap_or_else(|_| Err(stopped()))
}

async fn send<S: ReadBatch>(store: &S, mut waiting: Vec<Waiting>) {
    waiting.retain(|read| !read.answer.is_closed());
    let (keys, answers): (Vec<String>, Vec<_>) =
        waiting.into_iter().map(|read| (read.key, read.answer)).unzip();
    // A receiver that is gone needs no answer.
    match store.read_batch(keys).await {
        Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| {
            let _ = answer.send(Ok(found));
        }),
        Err(error) => answers.into_iter().for_each(|answer| {
            let _ = answer.send(Err(error.clone()));
        }),
    }
}

/// The runtime of the task that sends the batch has ended. Says nothing about the server.
fn stopped() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the task that was to send this read was stopped")
}
