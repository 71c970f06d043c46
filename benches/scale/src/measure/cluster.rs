//! Events of a Cluster: a primary that is killed, slots that move.

use super::books::{Books, FIRST, book};
use super::reality::{drive, processes};
use super::servers::{Cluster, ask, slot_of};
use crate::event::{Event, Level, is_of_node};
use crate::tables::Reality;
use sea_orm_autocache::prelude::*;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The primary of which the event is.
const NODE: usize = 0;
const PAGE: i64 = 1_000;

/// The statements that were sent, and how many seconds the event took.
pub async fn run(books: &Books, case: &Reality) -> (u64, f64) {
    let (is_failover, of, level) = match case.event {
        Event::Promoted { of, level, .. } => (true, of, level),
        Event::Resharded { of, level, .. } => (false, of, level),
        other => panic!("no event of a Cluster: {other:?}"),
    };
    let level = match level {
        Level::Available => Consistency::Available,
        Level::Strict => Consistency::Strict,
    };
    let cluster = Cluster::with(of as usize, if is_failover { of as usize } else { 0 }, &[]);
    let (autocaches, selects) = processes(books, case, &cluster.url(), level).await;
    let ids = ids(&autocaches[0], &cluster, case.service.rows, of);
    warm(&autocaches, case.service.rows as i64).await;
    if is_failover {
        replicate(&cluster);
    }
    selects.store(0, Ordering::Relaxed);
    let act = if is_failover { fail_over } else { reshard };
    let event = tokio::task::spawn_blocking(move || act(cluster));
    drive(case, &autocaches, |rank| ids[rank as usize]).await;
    let (_cluster, taken) = event.await.expect("an event");
    assert!(taken < Duration::from_secs(case.seconds as u64), "the event took {taken:?}");
    (selects.load(Ordering::Relaxed), taken.as_secs_f64())
}

fn fail_over(mut cluster: Cluster) -> (Cluster, Duration) {
    let replica = cluster.replica_of(NODE);
    let begun = Instant::now();
    cluster.kill(NODE);
    cluster.wait_until_promoted(replica);
    (cluster, begun.elapsed())
}

fn reshard(cluster: Cluster) -> (Cluster, Duration) {
    let begun = Instant::now();
    cluster.move_slots(&cluster.slots_of(NODE), NODE + 1);
    (cluster, begun.elapsed())
}

/// Brings all rows into the cache, and connects all processes to all nodes.
async fn warm(autocaches: &[Autocache], rows: i64) {
    let first = autocaches[0].cache::<book::Entity>();
    for page in (FIRST..FIRST + rows).step_by(PAGE as usize) {
        first.get_many(page..page + PAGE).await.expect("rows");
    }
    for autocache in autocaches {
        autocache.cache::<book::Entity>().get_many(FIRST..FIRST + PAGE).await.expect("rows");
    }
}

/// The id of the row of each rank, so that the ranks of the node are those of the simulation.
fn ids(autocache: &Autocache, cluster: &Cluster, rows: u64, of: u64) -> Vec<i64> {
    let slots: HashSet<u16> = cluster.slots_of(NODE).into_iter().collect();
    let cache = autocache.cache::<book::Entity>();
    let is_there = |id: &i64| slots.contains(&slot_of(&cache.make_key(*id).expect("a key")));
    let (mut there, mut elsewhere): (Vec<i64>, Vec<i64>) =
        (FIRST..FIRST + rows as i64).partition(|id| is_there(id));
    let id = |rank: u64| {
        let (first, other) = if is_of_node(rank as u32, of) {
            (&mut there, &mut elsewhere)
        } else {
            (&mut elsewhere, &mut there)
        };
        // Both have about as many as they need.
        first.pop().or_else(|| other.pop()).expect("an id")
    };
    (0..rows).map(id).collect()
}

/// Waits until the node's replica has what the node has.
fn replicate(cluster: &Cluster) {
    let replica = cluster.replica_of(NODE);
    let keys = |node: usize| ask(cluster.nodes[node].port, &["DBSIZE"]).map(|answer| answer.number()).ok();
    cluster.wait("replication", || keys(NODE).is_some() && keys(NODE) == keys(replica));
}
