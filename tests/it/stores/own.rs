//! A store such as a user writes, on `apply`, and the places where it can be spoiled.

use async_trait::async_trait;
use bytes::Bytes;
use sea_orm_autocache::store::{
    Answer, Change, Command, Found, Lifetime, Reply, Slot, Step, Sweep, Transition, apply, encode_marker,
};
use sea_orm_autocache::testing::conformance;
use sea_orm_autocache::{Store, StoreError};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// What is made of the change that `apply` has answered with, by the slot before and the step.
type Changed = fn(&Slot<Bytes>, &Step<Bytes>, Change<Bytes>) -> Change<Bytes>;

pub struct Own {
    held: Mutex<HashMap<String, Held>>,
    started: Instant,
    asked: AtomicU32,
    /// Another transition than that of `apply`.
    pub transition: fn(&Slot<Bytes>, &Step<Bytes>) -> Option<Transition<Bytes>>,
    pub answer: fn(&Slot<Bytes>, Answer<Bytes>) -> Answer<Bytes>,
    pub change: Changed,
    pub now_ms: fn(u64) -> u64,
    pub found: fn(Vec<Found>) -> Vec<Found>,
    pub replies: fn(Vec<Reply>) -> Vec<Reply>,
    pub concerned: fn(&Sweep, &str, &Slot<Bytes>) -> bool,
    pub swept: fn(u64) -> Option<Step<Bytes>>,
    pub touched: fn(u64) -> u64,
    pub key: fn(&str) -> String,
    pub entry: fn(&[u8]) -> Bytes,
    pub stamp: fn(u32) -> u32,
    /// Whether others come between the read and the write of a step.
    pub torn: bool,
}

#[derive(Clone)]
struct Held {
    slot: Slot<Bytes>,
    expires: Option<Instant>,
}

impl Own {
    pub fn sound() -> Self {
        Self {
            held: Mutex::default(),
            started: Instant::now(),
            asked: AtomicU32::new(0),
            transition: |_, _| None,
            answer: |_, answer| answer,
            change: |_, _, change| change,
            now_ms: |now_ms| now_ms,
            found: |found| found,
            replies: |replies| replies,
            concerned,
            swept: |_| Some(Step::Invalidate),
            touched: |touched| touched,
            key: str::to_owned,
            entry: Bytes::copy_from_slice,
            stamp: |_| 0,
            torn: false,
        }
    }

    fn peek(&self, key: &str) -> Slot<Bytes> {
        let held = self.held.lock().unwrap().get(key).cloned();
        let alive = held.filter(|held| held.expires.is_none_or(|expires| expires > Instant::now()));
        alive.map_or(Slot::Empty, |held| held.slot)
    }

    fn found_at(&self, key: &str) -> Found {
        match self.peek(&(self.key)(key)) {
            Slot::Empty => Found::Nothing,
            Slot::Entry(entry) => Found::Bytes(entry),
            marker => Found::Bytes(encode_marker(&marker).unwrap().into()),
        }
    }

    async fn step(&self, key: &str, step: Step<Bytes>) -> Answer<Bytes> {
        let (key, step) = ((self.key)(key), step.map(|entry| (self.entry)(&entry)));
        let slot = self.peek(&key);
        if self.torn {
            tokio::task::yield_now().await;
        }
        let now_ms = (self.now_ms)(self.started.elapsed().as_millis() as u64);
        let transition = (self.transition)(&slot, &step);
        let Transition { change, answer } = transition.unwrap_or_else(|| apply(&slot, step.clone(), now_ms));
        let mut held = self.held.lock().unwrap();
        match (self.change)(&slot, &step, change) {
            Change::Keep => {}
            Change::Remove => drop(held.remove(&key)),
            Change::Put(slot, lifetime) => {
                let expires = match lifetime {
                    Lifetime::For(life) => Instant::now().checked_add(life),
                    Lifetime::Forever => None,
                    Lifetime::AsBefore => held.get(&key).and_then(|held| held.expires),
                };
                held.insert(key, Held { slot, expires });
            }
        }
        (self.answer)(&slot, answer)
    }
}

pub fn concerned(sweep: &Sweep, key: &str, slot: &Slot<Bytes>) -> bool {
    let is_of = |entity: [u8; 4]| match slot {
        Slot::Entry(entry) => matches!(entry.first(), Some(b'V' | b'T')) && entry.get(2..6) == Some(&entity),
        marker => *marker != Slot::Empty,
    };
    key.starts_with(&sweep.prefix) && sweep.entity.map_or(*slot != Slot::Empty, is_of)
}

#[async_trait]
impl Store for Own {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        Ok(self.found_at(key))
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        Ok((self.found)(keys.iter().map(|key| self.found_at(key)).collect()))
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            replies.push(Ok(self.step(&command.key, command.step).await));
        }
        (self.replies)(replies)
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        let keys: Vec<String> = self.held.lock().unwrap().keys().cloned().collect();
        let mut touched = 0;
        for key in keys.into_iter().filter(|key| (self.concerned)(sweep, key, &self.peek(key))) {
            touched += 1;
            if let Some(step) = (self.swept)(touched) {
                self.step(&key, step).await;
            } else {
                self.held.lock().unwrap().remove(&key);
            }
        }
        Ok((self.touched)(touched))
    }

    fn stamp(&self, _key: &str) -> Option<u32> {
        Some((self.stamp)(self.asked.fetch_add(1, Ordering::SeqCst)))
    }
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}

#[tokio::test]
async fn a_store_of_a_users_own_on_the_pure_functions_conforms() {
    conformance::check(&Own::sound()).await;
}
