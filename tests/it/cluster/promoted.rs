//! What the entries of a promoted replica are worth.

use super::{SOON, database, process, warm};
use crate::entities::book;
use crate::laws::titled;
use crate::outage::until;
use crate::support::cluster::Cluster;
use crate::support::resp::{ask, must};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;

/// The replica has not heard of a write when it takes over. Under `Available` the older row may be served, but of no
/// other key; under `Strict` no entry from before is.
#[tokio::test]
async fn a_promoted_replica_that_lags_is_a_miss_under_strict() -> Result<(), DbErr> {
    let mut cluster = Cluster::start();
    let (world, url) = (database().await, cluster.url());
    world.create_table(book::Entity).await;
    let strict = process(&world, &url, Consistency::Strict).await;
    let available = process(&world, &url, Consistency::Available).await;
    let (safe, loose) = (strict.cache::<book::Entity>(), available.cache::<book::Entity>());
    let changed = titled("old").insert(&world.plain).await?;
    warm(&strict, std::slice::from_ref(&changed)).await?;
    let victim = cluster.owner(&safe.make_key(changed.id).unwrap());
    // Of the same node, and heard of by the replica.
    let kept = loop {
        let kept = titled("kept").insert(&world.plain).await?;
        if cluster.owner(&safe.make_key(kept.id).unwrap()) == victim {
            break kept;
        }
    };
    warm(&strict, std::slice::from_ref(&kept)).await?;
    let replica = cluster.replica_of(victim);
    let port = cluster.nodes[replica].port;
    cluster.wait("replication", || {
        let key = safe.make_key(kept.id).unwrap();
        let mut wire = crate::support::resp::Wire::to(port).unwrap();
        wire.ask(&["READONLY"]).unwrap();
        !wire.ask(&["GET", &key]).unwrap().text().is_empty()
    });

    cluster.pause(replica);
    // What is on the way would still be read by a process that goes on.
    must(cluster.nodes[victim].port, "CLIENT KILL TYPE replica");
    let mut change = changed.clone().into_active_model();
    change.title = Set("new".to_owned());
    let changed = change.update(&strict.connection()).await?;
    assert!(safe.contains(changed.id).await? && safe.contains(kept.id).await?);
    cluster.kill(victim);
    cluster.resume(replica);
    cluster.wait_until_promoted(replica);

    until(SOON, "an entry of the replica", || async {
        assert_eq!(safe.get(changed.id).await.unwrap(), changed, "stale under Strict");
        assert_eq!(loose.get(kept.id).await.unwrap(), kept);
        loose.contains(kept.id).await.unwrap()
    })
    .await;
    let older = loose.get(changed.id).await? != changed;
    println!("under Available the older row was {}", if older { "served" } else { "not served" });
    until(SOON, "hits", || async {
        assert_eq!(safe.get(changed.id).await.unwrap(), changed, "stale under Strict");
        assert_eq!(safe.get(kept.id).await.unwrap(), kept);
        safe.contains(changed.id).await.unwrap() && safe.contains(kept.id).await.unwrap()
    })
    .await;
    assert_eq!(loose.get(changed.id).await?, changed, "what Strict has filled is right for all");
    Ok(())
}

/// It has all that its primary had: that does not help it.
#[tokio::test]
async fn entries_of_a_promoted_replica_are_misses_once_under_strict() -> Result<(), DbErr> {
    let mut cluster = Cluster::start();
    let (world, url) = (database().await, cluster.url());
    world.create_table(book::Entity).await;
    let strict = process(&world, &url, Consistency::Strict).await;
    let available = process(&world, &url, Consistency::Available).await;
    let cache = strict.cache::<book::Entity>();
    let book = titled("Emma").insert(&world.plain).await?;
    warm(&strict, std::slice::from_ref(&book)).await?;
    let key = cache.make_key(book.id).unwrap();
    let victim = cluster.owner(&key);
    let replica = cluster.replica_of(victim);
    cluster.wait("replication", || {
        ask(cluster.nodes[replica].port, &["INFO", "keyspace"]).unwrap().text().contains("db0:keys=")
    });
    cluster.kill(victim);
    cluster.wait_until_promoted(replica);
    // Asks, and changes nothing.
    let loose = available.cache::<book::Entity>();
    until(SOON, "the entry", || async { loose.contains(book.id).await.unwrap() }).await;
    // Another key of the node shows that the other process has found it, too.
    let other = loop {
        let other = titled("other").insert(&world.plain).await?;
        if cluster.owner(&cache.make_key(other.id).unwrap()) == replica {
            break other;
        }
    };
    until(SOON, "a hit", || async {
        cache.get(other.id).await.unwrap();
        cache.contains(other.id).await.unwrap()
    })
    .await;
    assert!(!cache.contains(book.id).await?, "an entry of another server");
    assert_eq!(cache.get(book.id).await?, book);
    assert!(cache.contains(book.id).await?, "it was replaced");
    Ok(())
}
