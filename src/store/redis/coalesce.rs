//! Request coalescing: reads of the same moment share one `MGET`.
//!
//! A command of many keys costs client and server little more than one of a single key. So while many reads are
//! in flight, additional ones are batched for one scheduler pass and sent together, whether or not an earlier
//! command has been answered. While few are in flight, each read is a plain `GET` that is sent at once.
//!
//! A read is sent after the call that asks for it, so what it may answer does not change.
//!
//! The task that sends a batch runs on the runtime of its first reader, and readers of other runtimes join. If that
//! one ends or stands still, each of them reads by itself.

use crate::store::{Found, StoreError, StoreErrorKind};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Reads in flight from which on further ones are batched.
const CROWD: usize = 4;
/// Reads of one command.
const TOGETHER_MAX: usize = 32;
/// How much longer than its own timeout a batch may take to be sent.
const PASS_MAX: Duration = Duration::from_millis(100);

/// The reads of a store that are in flight, and those that wait for their batch.
#[derive(Default)]
pub(super) struct Coalescer {
    in_flight: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
}

/// A read that has not been sent yet.
struct Waiting {
    key: String,
    answer: oneshot::Sender<Carried>,
}

/// What becomes of a read that joins a batch.
enum Carried {
    Answer(Result<Found, StoreError>),
    /// The batch is not sent: this is the read's key.
    Back(String),
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

    /// Gives the reads that wait their keys back.
    fn disband(&self) {
        for Waiting { key, answer } in self.take() {
            // A receiver that is gone needs no key.
            let _ = answer.send(Carried::Back(key));
        }
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

    /// How long a command may take.
    fn command_timeout(&self) -> Duration;

    /// Reads these keys, by one command.
    fn read_batch(&self, keys: Vec<String>) -> impl Future<Output = Result<Vec<Found>, StoreError>> + Send;
}

/// A batch that is to be sent. Disbanded when its task ends before, as all tasks of a runtime do that ends.
struct Unsent<S: ReadBatch> {
    store: S,
    taken: bool,
}

impl<S: ReadBatch> Unsent<S> {
    fn take(&mut self) -> Vec<Waiting> {
        self.taken = true;
        self.store.coalescer().take()
    }
}

impl<S: ReadBatch> Drop for Unsent<S> {
    fn drop(&mut self) {
        if !self.taken {
            self.store.coalescer().disband();
        }
    }
}

/// Reads a key together with others, or gives it back: then the caller reads it alone. The batch is sent by a task of
/// its own: a reader that is dropped does not cancel the others.
pub(super) async fn read_coalesced<S: ReadBatch>(
    store: &S,
    key: String,
) -> Result<Result<Found, StoreError>, String> {
    let (answer, mut carried) = oneshot::channel();
    match store.coalescer().join(Waiting { key, answer }) {
        Turn::Between => {}
        Turn::First => {
            let mut unsent = Unsent { store: store.clone(), taken: false };
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                let waiting = unsent.take();
                send(&unsent.store, waiting).await;
            });
        }
        Turn::Last(all) => {
            let store = store.clone();
            tokio::spawn(async move { send(&store, all).await });
        }
    }
    let limit = store.command_timeout().saturating_add(PASS_MAX);
    let carried = match tokio::time::timeout(limit, &mut carried).await {
        Ok(carried) => carried.ok(),
        Err(_) => {
            store.coalescer().disband();
            carried.try_recv().ok()
        }
    };
    match carried {
        Some(Carried::Answer(answer)) => Ok(answer),
        Some(Carried::Back(key)) => Err(key),
        None => Ok(Err(stopped())),
    }
}

async fn send<S: ReadBatch>(store: &S, mut waiting: Vec<Waiting>) {
    waiting.retain(|read| !read.answer.is_closed());
    let (keys, answers): (Vec<String>, Vec<_>) =
        waiting.into_iter().map(|read| (read.key, read.answer)).unzip();
    // A receiver that is gone needs no answer.
    match store.read_batch(keys).await {
        Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| {
            let _ = answer.send(Carried::Answer(Ok(found)));
        }),
        Err(error) => answers.into_iter().for_each(|answer| {
            let _ = answer.send(Carried::Answer(Err(error.clone())));
        }),
    }
}

/// The task that sent the batch has ended, or stands still. Says nothing about the server.
fn stopped() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the task that was to send this read was stopped")
}
