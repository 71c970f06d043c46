//! The laws that every [`Store`] keeps: what each step of the protocol answers and leaves behind, that steps are
//! atomic, that everything ends at its time, and what reads and clears do. Hold a store of your own to them:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test]
//! # async fn main() {
//! use sea_orm_autocache::MemoryStore;
//! use sea_orm_autocache::testing::conformance;
//!
//! conformance::check(&MemoryStore::new(10_000)).await; // of your own type
//! # }
//! ```
//!
//! The laws use keys of their own, which begin with `conformance:` and a random number, and leave some of them behind
//! for up to ten minutes. They expect a store that answers, with room for 2,000 entries, and take a few seconds, most of
//! which they wait for TTLs of 300 ms to pass.

mod atomic;
mod batches;
mod bytes;
mod law;
mod lost;
mod random;
mod readers;
mod script;
mod steps;
mod strangers;
mod sweeps;
mod time;
mod writers;

use crate::store::Store;
use futures_util::future::join_all;
use law::Law;
use script::Script;
use std::fmt;
use std::time::Duration;

/// A law that takes longer is broken: the store hangs.
const LAW_MAX: Duration = Duration::from_secs(60);

/// A law that a store has broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The law, in words.
    pub law: &'static str,
    /// What the store has done.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.detail)
    }
}

/// Checks all laws.
///
/// # Panics
/// If the store breaks a law. The message lists all that it breaks.
pub async fn check(store: &dyn Store) {
    let violations = violations(store).await;
    let list: Vec<String> = violations.iter().map(|violation| format!("\n* {violation}")).collect();
    assert!(list.is_empty(), "this store breaks {} laws:{}\n{store:?}", list.len(), list.concat());
}

/// As [`check`], and answers with the laws that the store breaks: each once, with the first way in which it does.
pub async fn violations(store: &dyn Store) -> Vec<Violation> {
    let stamp = store.stamp("");
    let mut broken = Vec::new();
    for script in scripts() {
        note(&mut broken, script.law, in_time(script.play(store)).await);
    }
    for law in laws() {
        note(&mut broken, law.name, in_time((law.check)(store)).await);
    }
    // Most of their time is waiting.
    let timed = time::laws();
    let verdicts = join_all(timed.iter().map(|law| in_time((law.check)(store)))).await;
    timed.iter().zip(verdicts).for_each(|(law, verdict)| note(&mut broken, law.name, verdict));
    if let (Some(before), Some(after)) = (stamp, store.stamp(""))
        && before != after
    {
        let changed = format!("it was {before}, and is {after}");
        note(&mut broken, "the stamp stays as long as the server does", Err(changed));
    }
    broken
}

/// All laws, in words.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = scripts().iter().map(|script| script.law).collect();
    names.extend(laws().iter().chain(&time::laws()).map(|law| law.name));
    names.push("the stamp stays as long as the server does");
    names.dedup();
    names
}

fn scripts() -> Vec<Script> {
    [readers::scripts(), writers::scripts(), lost::scripts(), strangers::scripts()].concat()
}

fn laws() -> Vec<Law> {
    [batches::laws(), bytes::laws(), sweeps::laws(), atomic::laws(), random::laws()].concat()
}

async fn in_time(law: impl Future<Output = law::Verdict>) -> law::Verdict {
    let hangs = |_| Err(format!("it does not end within {LAW_MAX:?}"));
    tokio::time::timeout(LAW_MAX, law).await.unwrap_or_else(hangs)
}

fn note(broken: &mut Vec<Violation>, law: &'static str, verdict: law::Verdict) {
    if let Err(detail) = verdict
        && broken.iter().all(|known| known.law != law)
    {
        broken.push(Violation { law, detail });
    }
}
