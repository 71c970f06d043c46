//! A primary dies or falls silent, and its replica takes over, while the program reads and writes.

use super::shop::{Shop, retitled};
use super::{books_of, warm};
use crate::entities::book;
use crate::support::{Cluster, Load};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;

const BOOKS: i64 = 120;

/// Of the books that are kept, those of this node and the others.
fn split(shop: &Shop, cluster: &Cluster, node: usize) -> (Vec<book::Model>, Vec<book::Model>) {
    let lost = books_of(cluster, node, &shop.both[0], &shop.kept);
    let others = shop.kept.iter().filter(|book| !lost.contains(book)).cloned().collect();
    (lost, others)
}

/// The tally of a load while a node was lost: only its own books were refused.
fn assert_lost_alone(load: &crate::support::load::Tally, lost: &[book::Model]) {
    load.assert_right();
    let of_node = |id: &i64| lost.iter().any(|book| book.id == *id);
    assert!(load.refused().keys().all(of_node), "refused: {:?}, lost: {lost:?}", load.refused());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_costs_readers_nothing_and_the_other_nodes_hits_stay() -> Result<(), DbErr> {
    let mut cluster = Cluster::start();
    let shop = Shop::open(&cluster.url(), Consistency::Strict, BOOKS).await?;
    let victim = 0;
    let (lost, others) = split(&shop, &cluster, victim);
    let written = books_of(&cluster, victim, &shop.both[0], &shop.written);
    let load = Load::begin(&shop.both, &shop.written);
    cluster.kill(victim);
    shop.until_hits(&lost, &others).await;
    let tally = load.end().await;
    assert_lost_alone(&tally, &written);
    for autocache in &shop.both {
        assert_eq!(autocache.stats().backends[0].trips, 0, "one node is not the store");
        warm(autocache, &shop.written).await?;
    }
    Ok(())
}

/// Stopped for longer than the others wait. It still has what it had, and for an instant still is what it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_cut_off_serves_no_older_row_when_it_comes_back() -> Result<(), DbErr> {
    let cluster = Cluster::start();
    let shop = Shop::open(&cluster.url(), Consistency::Strict, BOOKS).await?;
    let victim = 1;
    let (lost, others) = split(&shop, &cluster, victim);
    let written = books_of(&cluster, victim, &shop.both[0], &shop.written);
    let load = Load::begin(&shop.both, &shop.written);
    let replica = cluster.replica_of(victim);
    cluster.pause(victim);
    shop.until_hits(&lost, &others).await;
    assert!(cluster.is_primary(replica));
    cluster.resume(victim);
    cluster.wait("a demotion", || !cluster.is_primary(victim));
    cluster.settle();
    shop.until_hits(&lost, &others).await;
    let tally = load.end().await;
    assert_lost_alone(&tally, &written);
    for autocache in &shop.both {
        warm(autocache, &shop.written).await?;
    }
    Ok(())
}

/// As an operator does before an upgrade: the replica has everything, and nobody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_costs_readers_nothing() -> Result<(), DbErr> {
    let cluster = Cluster::start();
    let shop = Shop::open(&cluster.url(), Consistency::Strict, BOOKS).await?;
    let victim = 2;
    let (lost, others) = split(&shop, &cluster, victim);
    let written = books_of(&cluster, victim, &shop.both[0], &shop.written);
    let load = Load::begin(&shop.both, &shop.written);
    let replica = cluster.replica_of(victim);
    crate::support::resp::must(cluster.nodes[replica].port, "CLUSTER FAILOVER");
    cluster.wait_until_promoted(replica);
    shop.until_hits(&lost, &others).await;
    let tally = load.end().await;
    assert_lost_alone(&tally, &written);
    Ok(())
}

/// It has sent nothing since, and finds the connection closed. That is no reason to refuse what the new primary takes.
#[tokio::test]
async fn the_first_write_after_a_failover_that_nobody_has_noticed_is_carried_out() -> Result<(), DbErr> {
    let mut cluster = Cluster::start();
    let shop = Shop::open(&cluster.url(), Consistency::Strict, BOOKS).await?;
    let victim = 0;
    let lost = books_of(&cluster, victim, &shop.both[0], &shop.written);
    let replica = cluster.replica_of(victim);
    cluster.kill(victim);
    cluster.wait_until_promoted(replica);
    cluster.settle();
    for autocache in &shop.both {
        let changed = retitled(autocache, &lost[0], "Emma").await?;
        for reader in &shop.both {
            assert_eq!(reader.cache::<book::Entity>().get(changed.id).await?, changed);
        }
    }
    Ok(())
}
