//! The stores: held to the protocol's pure functions, and to one suite of laws.

mod bugs;
mod clears;
mod conformance;
mod faulty;
mod own;
mod permissions;
mod same_steps;

use crate::support::{patient_store, shared_redis};
use bytes::Bytes;
use sea_orm_autocache::store::{Answer, Slot, Step, Token, decode_slot};
use sea_orm_autocache::store::{Command, Found, Reply};
use sea_orm_autocache::{MemoryStore, RedisStore, Store};
use std::sync::atomic::{AtomicU32, Ordering};

/// A key that no other test uses.
pub fn fresh_key(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name}:{}:{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub async fn redis_store() -> RedisStore {
    patient_store(&shared_redis().url()).await
}

pub fn memory_store() -> MemoryStore {
    MemoryStore::new(100_000)
}

pub fn token(number: u128) -> Token {
    Token::from_u128(number)
}

pub async fn try_step(store: &dyn Store, key: &str, step: Step<Bytes>) -> Reply {
    let mut replies = store.run(vec![Command::new(key.to_owned(), step)]).await;
    assert_eq!(replies.len(), 1, "one reply for one command");
    replies.remove(0)
}

pub async fn step(store: &dyn Store, key: &str, step: Step<Bytes>) -> Answer<Bytes> {
    try_step(store, key, step).await.expect("a reply")
}

/// What the key holds.
pub async fn slot(store: &dyn Store, key: &str) -> Slot<Bytes> {
    match store.get(key).await.expect("an answer") {
        Found::Nothing => Slot::Empty,
        Found::Bytes(bytes) | Found::Stamped { bytes, .. } => decode_slot(&bytes, Bytes::copy_from_slice),
        Found::Memory(entry) => Slot::Entry(entry.bytes().clone()),
        _ => Slot::Entry(Bytes::from_static(b"foreign")),
    }
}

/// A slot without its deadlines, which no two clocks agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    Empty,
    Entry(Bytes),
    Lease(Token),
    Intent { dirty: bool, tokens: Vec<Token> },
}

pub fn shape(slot: Slot<Bytes>) -> Shape {
    match slot {
        Slot::Empty => Shape::Empty,
        Slot::Entry(entry) => Shape::Entry(entry),
        Slot::Lease(token) => Shape::Lease(token),
        Slot::Intent(intents) => Shape::Intent {
            dirty: intents.dirty,
            tokens: intents.holders.iter().map(|holder| holder.token).collect(),
        },
    }
}
