use crate::coherence::{Answer, Slot, Step, Token, decode_slot};
use crate::store::{Command, Found, Store};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// `Err` says how a law is broken.
pub(super) type Verdict = Result<(), String>;

/// A law that is more than a list of steps.
#[derive(Clone, Copy)]
pub(super) struct Law {
    pub(super) name: &'static str,
    pub(super) check: for<'s> fn(&'s dyn Store) -> BoxFuture<'s, Verdict>,
}

/// A slot without its deadlines, which no two clocks agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Empty,
    Entry(Bytes),
    Lease(Token),
    Intent { dirty: bool, tokens: Vec<Token> },
}

impl From<Slot<Bytes>> for Shape {
    fn from(slot: Slot<Bytes>) -> Self {
        match slot {
            Slot::Empty => Self::Empty,
            Slot::Entry(entry) => Self::Entry(entry),
            Slot::Lease(token) => Self::Lease(token),
            Slot::Intent(intents) => Self::Intent {
                dirty: intents.dirty,
                tokens: intents.holders.iter().map(|holder| holder.token).collect(),
            },
        }
    }
}

/// A key that no other law and no other run uses.
pub(super) fn fresh_key(name: &str) -> String {
    static RUN: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let run = RUN.get_or_init(rand::random);
    format!("conformance:{run:016x}:{}:{name}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One step in a call of its own.
pub(super) async fn step(store: &dyn Store, key: &str, step: Step<Bytes>) -> Result<Answer<Bytes>, String> {
    let asked = format!("{step:?}");
    let mut replies = store.run(vec![Command::new(key.to_owned(), step)]).await;
    match (replies.pop(), replies.len()) {
        (Some(Ok(answer)), 0) => Ok(answer),
        (Some(Err(error)), 0) => Err(format!("{asked} failed: {error}")),
        (_, others) => Err(format!("one command had {} replies", others + 1)),
    }
}

/// What the key holds.
pub(super) async fn shape(store: &dyn Store, key: &str) -> Result<Shape, String> {
    let found = store.get(key).await.map_err(|error| format!("a read failed: {error}"))?;
    shape_of(found)
}

pub(super) fn shape_of(found: Found) -> Result<Shape, String> {
    match found {
        Found::Nothing => Ok(Shape::Empty),
        Found::Bytes(bytes) | Found::Stamped { bytes, .. } => {
            Ok(decode_slot(&bytes, Bytes::copy_from_slice).into())
        }
        Found::Memory(entry) => Ok(Shape::Entry(entry.bytes().clone())),
        Found::Foreign => Err("a key of its own is said to be foreign".to_owned()),
    }
}

/// # Errors
/// The two differ.
pub(super) fn same<T: Debug + PartialEq>(what: &str, found: &T, expected: &T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, expected {expected:?}")) }
}
