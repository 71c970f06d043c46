//! Slots without an owner, and a cluster of which no node is left.

use super::{SOON, books_of, database, process, warm, warm_books};
use crate::entities::book;
use crate::outage::until;
use crate::support::Cluster;
use crate::support::resp::{ask, calls};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;

const BOOKS: i64 = 30;

async fn retitle_all(autocache: &Autocache, books: &[book::Model], title: &str) -> Result<(), DbErr> {
    let db = autocache.connection();
    for book in books {
        let mut change = book.clone().into_active_model();
        change.title = Set(title.to_owned());
        change.update(&db).await?;
    }
    Ok(())
}

async fn all_are(autocache: &Autocache, books: &[book::Model], title: &str) -> Result<(), DbErr> {
    let cache = autocache.cache::<book::Entity>();
    for book in books {
        assert_eq!(cache.get(book.id).await?.title, title);
    }
    Ok(())
}

/// With `cluster-require-full-coverage` all nodes refuse when one is lost.
#[tokio::test]
async fn a_cluster_that_is_down_as_a_whole_serves_no_older_row_and_comes_back() -> Result<(), DbErr> {
    let mut cluster = Cluster::with(3, 0, &["--cluster-require-full-coverage", "yes"]);
    let world = database().await;
    let autocache = process(&world, &cluster.url(), Consistency::Available).await;
    let books = warm_books(&world, &autocache, 1..=BOOKS).await?;
    cluster.kill(2);
    let port = cluster.nodes[0].port;
    let refuses = || ask(port, &["GET", "x"]).is_ok_and(|answer| answer.text().starts_with("CLUSTERDOWN"));
    cluster.wait("a refusal", refuses);
    retitle_all(&autocache, &books, "new").await?;
    all_are(&autocache, &books, "new").await?;
    cluster.revive(2);
    cluster.settle();
    until(SOON, "hits", || async {
        all_are(&autocache, &books, "new").await.unwrap();
        warm_ones(&autocache, &books).await == books.len() && autocache.stats().backends[0].queued == 0
    })
    .await;
    let later = process(&world, &cluster.url(), Consistency::Available).await;
    all_are(&later, &books, "new").await
}

/// How many are hits.
async fn warm_ones(autocache: &Autocache, books: &[book::Model]) -> usize {
    let (cache, mut hits) = (autocache.cache::<book::Entity>(), 0);
    for book in books {
        hits += usize::from(cache.contains(book.id).await.unwrap());
    }
    hits
}

/// What people are shown: whether the breaker is open, whether the store is degraded, reachable and ready.
async fn seen(autocache: &Autocache) -> [bool; 4] {
    let health = autocache.health().await;
    let (backend, stats) = (&health.backends[0], autocache.stats().backends.remove(0));
    assert_eq!((stats.open, stats.degraded), (backend.open, backend.degraded));
    [backend.open, backend.degraded, health.is_reachable(), health.is_ready()]
}

/// What is not sent anywhere has nobody ask for the slots, either.
#[tokio::test]
async fn commands_for_a_node_that_is_away_cost_the_others_nothing() -> Result<(), DbErr> {
    let cluster = Cluster::with(3, 0, &["--cluster-node-timeout", "30000"]);
    let world = database().await;
    let autocache = process(&world, &cluster.url(), Consistency::Available).await;
    let books = warm_books(&world, &autocache, 1..=BOOKS).await?;
    let (theirs, cache) = (books_of(&cluster, 2, &autocache, &books), autocache.cache::<book::Entity>());
    cluster.pause(2);
    // Nobody waits for it after the first one.
    assert_eq!(cache.get(theirs[0].id).await?, theirs[0]);
    let asked = || cluster.nodes[..2].iter().map(|node| calls(node.port, "cluster|slots")).sum::<u64>();
    let before = asked();
    for _ in 0..50 {
        cache.get_many(theirs.iter().map(|book| book.id)).await?;
    }
    let asked = asked() - before;
    // Some are the store's own: it asks from time to time until the node is back.
    assert!(asked < 50, "{asked} for {} commands", 50 * theirs.len());
    assert_eq!(seen(&autocache).await, [false, true, true, true]);
    cluster.resume(2);
    until(SOON, "hits", || async { warm_ones(&autocache, &theirs).await == theirs.len() }).await;
    until(SOON, "an end", || async { seen(&autocache).await == [false, false, true, true] }).await;
    Ok(())
}

#[tokio::test]
async fn a_cluster_without_nodes_is_an_outage_that_ends_by_itself() -> Result<(), DbErr> {
    let mut cluster = Cluster::with(3, 0, &[]);
    let world = database().await;
    let autocache = process(&world, &cluster.url(), Consistency::Available).await;
    let books = warm_books(&world, &autocache, 1..=BOOKS).await?;
    (0..3).for_each(|node| cluster.kill(node));
    until(SOON, "an outage", || async {
        all_are_there(&autocache, &books).await;
        autocache.stats().backends[0].open
    })
    .await;
    retitle_all(&autocache, &books, "new").await?;
    all_are(&autocache, &books, "new").await?;
    // It begins while there is none.
    let later = process(&world, &cluster.url(), Consistency::Strict).await;
    all_are(&later, &books, "new").await?;
    (0..3).for_each(|node| cluster.revive(node));
    cluster.settle();
    for autocache in [&autocache, &later] {
        until(SOON, "hits", || async {
            all_are(autocache, &books, "new").await.unwrap();
            warm_ones(autocache, &books).await == books.len()
        })
        .await;
        warm(autocache, &books).await?;
    }
    Ok(())
}

async fn all_are_there(autocache: &Autocache, books: &[book::Model]) {
    let cache = autocache.cache::<book::Entity>();
    for book in books {
        cache.get(book.id).await.expect("a row");
    }
}
