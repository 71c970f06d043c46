//! Stores with a single fault each. The conformance suite must name the law that each of them breaks.

use super::own::{Own, concerned};
use super::token;
use bytes::Bytes;
use futures_util::future::join_all;
use sea_orm_autocache::store::{
    Answer, Change, Holder, Intents, Lifetime, Outcome, Slot, Step, Token, Transition,
};
use sea_orm_autocache::testing::conformance;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const LIFE: Lifetime = Lifetime::For(LONG);

/// What is wrong, the law that says so, and how a sound store is spoiled.
type Bug = (&'static str, &'static str, fn(&mut Own));

fn keep(answer: Answer<Bytes>) -> Option<Transition<Bytes>> {
    Some(Transition { change: Change::Keep, answer })
}
fn remove(answer: Answer<Bytes>) -> Option<Transition<Bytes>> {
    Some(Transition { change: Change::Remove, answer })
}
fn put(slot: Slot<Bytes>, answer: Answer<Bytes>) -> Option<Transition<Bytes>> {
    Some(Transition { change: Change::Put(slot, LIFE), answer })
}
fn held_by(slot: &Slot<Bytes>, token: Token) -> bool {
    matches!(slot, Slot::Intent(intents) if intents.has(token))
}
fn leased(token: &Token) -> Option<Transition<Bytes>> {
    put(Slot::Lease(*token), Answer::Granted)
}
fn filled(entry: &Bytes) -> Option<Transition<Bytes>> {
    put(Slot::Entry(entry.clone()), Answer::Filled)
}
fn published(entry: &Bytes) -> Option<Transition<Bytes>> {
    put(Slot::Entry(entry.clone()), Answer::Published)
}
/// The same intents, clean.
fn cleaned(change: Change<Bytes>) -> Change<Bytes> {
    match change {
        Change::Put(Slot::Intent(intents), life) => {
            Change::Put(Slot::Intent(Intents { dirty: false, ..intents }), life)
        }
        other => other,
    }
}

#[rustfmt::skip]
const READERS: &[Bug] = &[
    ("a lease is granted to every reader", "a lease is granted on an empty key, to one reader at a time",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Lease { token, .. }) => leased(token), _ => None }),
    ("a lease is granted to the reader that has it", "a lease is granted on an empty key, to one reader at a time",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(own), Step::Lease { token, .. }) if own == token => leased(token), _ => None }),
    ("a lease is granted over an intent", "a lease is not granted under a write intent",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(_), Step::Lease { token, .. }) => leased(token), _ => None }),
    ("a lease is granted over any entry", "a lease is not granted over a usable entry",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Lease { token, .. }) => leased(token), _ => None }),
    ("a reader that has found any unusable entry takes over", "a lease is not granted over a usable entry",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Lease { token, unusable: Some(_), .. }) => leased(token), _ => None }),
    ("unusable entries stay", "a lease takes over the very entry that its reader cannot use",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(entry), Step::Lease { .. }) => keep(Answer::Found(entry.clone())), _ => None }),
    ("a fill is forgotten", "a fill puts its entry in place of its lease",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(own), Step::Fill { token, .. }) if own == token => keep(Answer::Filled), _ => None }),
    ("a fill needs no lease", "a fill needs the lease of its own token",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Empty, Step::Fill { entry, .. }) => filled(entry), _ => None }),
    ("a fill needs any lease", "a fill needs the lease of its own token",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Fill { entry, .. }) => filled(entry), _ => None }),
    ("a fill replaces an entry", "a fill needs the lease of its own token",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Fill { entry, .. }) => filled(entry), _ => None }),
    ("a fill replaces an intent", "a fill needs the lease of its own token",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(_), Step::Fill { entry, .. }) => filled(entry), _ => None }),
    ("a lease is never given back", "a lease is given back by its own token only",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Unlease { .. }) => keep(Answer::Unchanged), _ => None }),
    ("a lease is given back by anybody", "a lease is given back by its own token only",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Unlease { .. }) => remove(Answer::Emptied), _ => None }),
];

#[rustfmt::skip]
const WRITERS: &[Bug] = &[
    ("an intent is forgotten", "an intent replaces whatever the key held",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Empty, Step::Intent { reissued: false, .. }) => keep(Answer::Held { dirty: false }), _ => None }),
    ("an intent leaves the entry", "an intent replaces whatever the key held",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Intent { .. }) => keep(Answer::Held { dirty: false }), _ => None }),
    ("an intent leaves the lease", "an intent replaces whatever the key held",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Intent { .. }) => keep(Answer::Held { dirty: false }), _ => None }),
    ("a second intent replaces the first", "writers that overlap are dirty",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(intents), Step::Intent { token, .. }) if !intents.has(*token) => put(
                Slot::Intent(Intents { dirty: true, holders: vec![Holder { token: *token, deadline_ms: u64::MAX / 2 }] }),
                Answer::Held { dirty: true }),
            _ => None }),
    ("overlapping writers stay clean", "writers that overlap are dirty",
        |own| own.change = |_, step, change| match step { Step::Intent { .. } => cleaned(change), _ => change }),
    ("the last of overlapping writers is clean", "writers that overlapped leave no entry",
        |own| own.change = |_, step, change| match step { Step::Finish { .. } => cleaned(change), _ => change }),
    ("a dirty writer publishes", "writers that overlapped leave no entry",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(intents), Step::Finish { token, outcome: Outcome::Publish(entry, _) })
                if intents.has(*token) && intents.holders.len() == 1 => published(entry),
            _ => None }),
    ("a clean writer publishes nothing", "the finish of a writer that was alone publishes its entry",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(Intents { dirty: false, holders }), Step::Finish { token, outcome: Outcome::Publish(..) })
                if holders.len() == 1 && holders[0].token == *token => remove(Answer::Emptied),
            _ => None }),
    ("an intent that has gone is placed again clean", "an intent that is placed again is clean only if it still stood",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Empty, Step::Intent { token, reissued: true, .. }) => put(
                Slot::Intent(Intents { dirty: false, holders: vec![Holder { token: *token, deadline_ms: u64::MAX / 2 }] }),
                Answer::Held { dirty: false }),
            _ => None }),
    ("a finish that deletes leaves the intent", "a finish without an entry empties the key",
        |own| own.transition = |_, step| match step {
            Step::Finish { outcome: Outcome::Delete, .. } => keep(Answer::Emptied), _ => None }),
];

#[rustfmt::skip]
const STRANGERS: &[Bug] = &[
    ("a finish publishes without its token", "a finish without its token publishes nothing",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Empty, Step::Finish { outcome: Outcome::Publish(entry, _), .. }) => published(entry), _ => None }),
    ("a finish without its token leaves the entry", "a finish without its token removes an entry and a lease",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Finish { .. }) => keep(Answer::Lost), _ => None }),
    ("a lease survives a finish", "a finish without its token removes an entry and a lease",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Finish { .. }) => keep(Answer::Lost), _ => None }),
    ("a finish without its token leaves others clean", "a finish without its token makes the intents of others dirty",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(intents), Step::Finish { token, .. }) if !intents.has(*token) => keep(Answer::Lost), _ => None }),
    ("a rollback leaves its intent", "a rollback takes its own intent away",
        |own| own.transition = |slot, step| match step {
            Step::Release { token } if held_by(slot, *token) => keep(Answer::Emptied), _ => None }),
    ("a rollback drops the intent of another", "a rollback drops nothing of others",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(intents), Step::Release { token }) if !intents.has(*token) => remove(Answer::Unchanged), _ => None }),
    ("a rollback drops an entry", "a rollback drops nothing of others",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Release { .. }) => remove(Answer::Unchanged), _ => None }),
    ("an invalidation leaves the entry", "an invalidation removes an entry and a lease",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Invalidate) => keep(Answer::Emptied), _ => None }),
    ("an invalidation leaves the lease", "an invalidation removes an entry and a lease",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Lease(_), Step::Invalidate) => keep(Answer::Emptied), _ => None }),
    ("an invalidation removes intents", "an invalidation makes intents dirty and leaves them",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(_), Step::Invalidate) => remove(Answer::Shared), _ => None }),
    ("an invalidation leaves intents clean", "an invalidation makes intents dirty and leaves them",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(_), Step::Invalidate) => keep(Answer::Shared), _ => None }),
    ("an insert replaces an entry", "an insert publishes on an empty key only",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Entry(_), Step::Insert { entry, .. }) => published(entry), _ => None }),
    ("an insert replaces an intent", "an insert publishes on an empty key only",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(_), Step::Insert { entry, .. }) => published(entry), _ => None }),
];

#[rustfmt::skip]
const TIME: &[Bug] = &[
    ("entries do not end", "an entry ends with its TTL",
        |own| own.change = |_, _, change| match change {
            Change::Put(Slot::Entry(entry), Lifetime::For(_)) => Change::Put(Slot::Entry(entry), Lifetime::Forever),
            other => other }),
    ("an entry has the TTL of its lease or intent", "an entry stays until its TTL is over",
        |own| own.change = |before, _, change| match change {
            Change::Put(Slot::Entry(entry), _) if *before != Slot::Empty => Change::Put(Slot::Entry(entry), Lifetime::AsBefore),
            other => other }),
    ("what has no TTL ends", "an entry without a TTL stays",
        |own| own.change = |_, _, change| match change {
            Change::Put(slot, Lifetime::Forever) => Change::Put(slot, Lifetime::For(Duration::ZERO)), other => other }),
    ("leases do not end", "a lease ends with its TTL",
        |own| own.change = |_, _, change| match change {
            Change::Put(Slot::Lease(token), _) => Change::Put(Slot::Lease(token), Lifetime::Forever), other => other }),
    ("intents do not end", "an intent ends at its deadline",
        |own| own.change = |_, _, change| match change {
            Change::Put(Slot::Intent(intents), _) => Change::Put(Slot::Intent(intents), Lifetime::Forever), other => other }),
    ("the last writer sets the end of all", "a key lives until the longest deadline of its writers",
        |own| own.change = |_, step, change| match (step, change) {
            (Step::Intent { ttl, .. }, Change::Put(slot, _)) => Change::Put(slot, Lifetime::For(*ttl)),
            (_, other) => other }),
    ("deadlines of writers are ignored", "a writer past its deadline is not waited for", |own| own.now_ms = |_| 0),
    ("an invalidation prolongs an intent", "making an intent dirty does not change its deadline",
        |own| own.change = |_, _, change| match change {
            Change::Put(slot, Lifetime::AsBefore) => Change::Put(slot, LIFE), other => other }),
];

#[rustfmt::skip]
const CALLS: &[Bug] = &[
    ("replies come in another order", "a call answers each command once, in their order",
        |own| own.replies = |mut replies| { replies.reverse(); replies }),
    ("a reply is missing", "a call answers each command once, in their order",
        |own| own.replies = |mut replies| { if replies.len() > 1 { replies.pop(); } replies }),
    ("many are read in another order", "a read of many keys answers each once, in their order",
        |own| own.found = |mut found| { found.reverse(); found }),
    ("absent keys are left out", "a read of many keys answers each once, in their order",
        |own| own.found = |mut found| {
            found.retain(|found| !matches!(found, sea_orm_autocache::store::Found::Nothing)); found }),
    ("a call of nothing answers something", "a call of nothing answers nothing",
        |own| own.replies = |replies| if replies.is_empty() { vec![Ok(Answer::Unchanged)] } else { replies }),
    ("entries end at their first zero", "an entry comes back byte by byte",
        |own| own.entry = |bytes| Bytes::copy_from_slice(bytes.split(|byte| *byte == 0).next().unwrap())),
    ("entries are texts", "an entry comes back byte by byte",
        |own| own.entry = |bytes| String::from_utf8_lossy(bytes).into_owned().into()),
    ("keys have no case", "any text is a key of its own", |own| own.key = str::to_lowercase),
    ("keys are cut off", "any text is a key of its own",
        |own| own.key = |key| key.chars().take(64).collect::<String>().trim().to_owned()),
    ("steps are torn", "of leases at the same time one is granted", |own| own.torn = true),
    ("steps are torn", "of intents at the same time all stand", |own| own.torn = true),
    ("steps are torn", "of readers at the same time one takes an entry over", |own| own.torn = true),
    ("the stamp is lost", "the stamp stays as long as the server does", |own| own.stamp = |asked| asked),
];

#[rustfmt::skip]
const CLEARS: &[Bug] = &[
    ("a clear leaves keys", "a clear reaches all of many keys",
        |own| own.swept = |count| (count <= 1_000).then_some(Step::Invalidate)
            .or(Some(Step::Unlease { token: Token::from_u128(0) }))),
    ("a clear ignores its prefix", "a clear touches all keys with its prefix, and no others",
        |own| own.concerned = |_, _, slot| *slot != Slot::Empty),
    ("a clear takes its prefix without the last character", "a clear touches all keys with its prefix, and no others",
        |own| own.concerned = |sweep, key, slot| {
            *slot != Slot::Empty && key.starts_with(&sweep.prefix[..sweep.prefix.len() - 1]) }),
    ("a clear leaves leases", "a clear ends leases",
        |own| own.concerned = |sweep, key, slot| !matches!(slot, Slot::Lease(_)) && concerned(sweep, key, slot)),
    ("a clear leaves intents", "a clear makes intents dirty and leaves them",
        |own| own.concerned = |sweep, key, slot| !matches!(slot, Slot::Intent(_)) && concerned(sweep, key, slot)),
    ("a clear removes intents", "a clear makes intents dirty and leaves them", |own| own.swept = |_| None),
    ("a clear of one entity clears all", "a clear of one entity touches its entries and markers, and no others",
        |own| own.concerned = |sweep, key, slot| *slot != Slot::Empty && key.starts_with(&sweep.prefix)),
    ("a clear of one entity leaves markers", "a clear of one entity touches its entries and markers, and no others",
        |own| own.concerned = |sweep, key, slot| {
            (sweep.entity.is_none() || matches!(slot, Slot::Entry(_))) && concerned(sweep, key, slot) }),
    ("a clear miscounts", "a clear reaches all of many keys", |own| own.touched = |touched| touched.min(1_000)),
    // Subtler ones, for which no law was written.
    ("an intent with a high token is forgotten beside two others", "random steps answer and leave what the pure functions do",
        |own| own.transition = |slot, step| match (slot, step) {
            (Slot::Intent(intents), Step::Release { .. }) if intents.dirty && intents.holders.len() == 3 => keep(Answer::Shared),
            _ => None }),
];

/// Each bug is found by the law that is about it, and no law is without a bug that it finds.
#[tokio::test]
async fn the_suite_names_the_law_that_a_store_breaks() {
    let bugs: Vec<Bug> = [READERS, WRITERS, STRANGERS, TIME, CALLS, CLEARS].concat();
    assert!(bugs.len() >= 60, "{} bugs", bugs.len());
    let checks = bugs.iter().map(|(name, law, spoil)| async move {
        let mut own = Own::sound();
        spoil(&mut own);
        let broken = conformance::violations(&own).await;
        let laws: Vec<_> = broken.iter().map(|violation| violation.law).collect();
        println!("{name}: {}", laws.join("; "));
        assert!(laws.contains(law), "\"{name}\" breaks \"{law}\", but the suite says {broken:#?}");
    });
    join_all(checks).await;
    let idle: Vec<_> =
        conformance::names().into_iter().filter(|law| !bugs.iter().any(|(_, of, _)| of == law)).collect();
    let _ = token;
    println!("laws without a bug of their own: {idle:?}");
    // These two catch what the others do not name.
    let general = [
        "the commands of one call on one key see each other",
        "random steps in one call answer as they do one by one",
    ];
    assert!(idle.iter().all(|law| general.contains(law)), "no bug is found by {idle:?}");
}
