//! A primary dies or falls silent, and its replica takes over, while the program reads and writes.

use super::{SOON, books_of, database, process, warm};
use crate::entities::book;
use crate::laws::cold_books;
use crate::outage::until;
use crate::support::{Cluster, Load, World};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use std::time::Instant;

/// The first half of the books is written under load; the rest stays as it is.
const BOOKS: i64 = 120;

struct Shop {
    both: [Autocache; 2],
    written: Vec<book::Model>,
    kept: Vec<book::Model>,
    _world: World,
}

impl Shop {
    async fn open(cluster: &Cluster) -> Result<Self, DbErr> {
        let (world, url) = (database().await, cluster.url());
        let both = [
            process(&world, &url, Consistency::Strict).await,
            process(&world, &url, Consistency::Strict).await,
        ];
        let mut written = cold_books(&world, 1..=BOOKS).await?;
        warm(&both[0], &written).await?;
        let kept = written.split_off(written.len() / 2);
        Ok(Self { both, written, kept, _world: world })
    }

    /// Waits until these are hits again; those of other nodes are at every instant.
    async fn until_hits(&self, lost: &[book::Model], others: &[book::Model]) {
        let begun = Instant::now();
        for autocache in &self.both {
            let cache = autocache.cache::<book::Entity>();
            until(SOON, "hits on the node's slots", || async {
                for book in others {
                    assert!(cache.contains(book.id).await.expect("an answer"), "a miss on another node");
                }
                let mut all = true;
                for book in lost {
                    assert_eq!(cache.get(book.id).await.expect("a row"), *book);
                    all &= cache.contains(book.id).await.expect("an answer");
                }
                all
            })
            .await;
        }
        println!("hits on the slots of the node that was lost came after {:?}", begun.elapsed());
    }

    /// Of the books that are kept, those of this node and the others.
    fn split(&self, cluster: &Cluster, node: usize) -> (Vec<book::Model>, Vec<book::Model>) {
        let lost = books_of(cluster, node, &self.both[0], &self.kept);
        let others = self.kept.iter().filter(|book| !lost.contains(book)).cloned().collect();
        (lost, others)
    }
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
    let shop = Shop::open(&cluster).await?;
    let victim = 0;
    let (lost, others) = shop.split(&cluster, victim);
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
    let shop = Shop::open(&cluster).await?;
    let victim = 1;
    let (lost, others) = shop.split(&cluster, victim);
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
    let shop = Shop::open(&cluster).await?;
    let victim = 2;
    let (lost, others) = shop.split(&cluster, victim);
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
