//! TLS to a Cluster and to what Sentinels name: the servers of which a store is told are reached over it, too.

use super::{HOST, SOON, trusting};
use crate::outage::until;
use crate::reach::{PATIENCE, it_is_a_cache, mistake};
use crate::support::resp::must;
use crate::support::tls::{Authority, shows};
use crate::support::{Cluster, Sentinels};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::conformance::check;
use sea_orm_autocache::{RedisStoreBuilder, RedisTls};
use std::path::Path;
use std::time::Duration;

fn builder(url: &str, tls: RedisTls) -> RedisStoreBuilder {
    RedisStore::builder(url).command_timeout(PATIENCE).tls(tls)
}

/// A certificate of this authority, for servers that trust no other one.
fn certificate(authority: &Authority) -> impl FnOnce(&Path) -> Vec<String> {
    let (shown, trusted) = (authority.issue(HOST), authority.pem.clone());
    move |folder| shows(folder, &shown, &trusted, false)
}

/// Whether no client but a test's own uses the port that is not for TLS.
fn is_only_reached_over_tls(port: u16, tls: u16) -> bool {
    let clients = must(port, "CLIENT LIST TYPE normal");
    let to = |port: u16| clients.text().lines().filter(|line| line.contains(&format!(":{port} "))).count();
    to(tls) > 0 && to(port) == 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nodes_that_a_cluster_names_are_reached_over_tls() -> Result<(), DbErr> {
    let authority = Authority::new("private");
    let mut cluster = Cluster::over_tls(certificate(&authority));
    let message = mistake(builder(&cluster.tls_url(), RedisTls::new()), "").await;
    assert!(message.contains("an issuer that is not trusted"), "{message}");
    let store = builder(&cluster.tls_url(), trusting(&authority)).connect().await.expect("a store");
    check(&store).await;
    for node in &cluster.nodes[..3] {
        assert!(is_only_reached_over_tls(node.port, node.tls));
    }
    // A replica that takes over was not asked before.
    let heir = cluster.replica_of(0);
    cluster.kill(0);
    cluster.wait_until_promoted(heir);
    let keys: Vec<String> = (0..100).map(|number| format!("key{number}")).collect();
    until(SOON, "all slots", || async {
        store.reconnect(Duration::ZERO).await;
        store.get_many(&keys).await.is_ok()
    })
    .await;
    let heir = &cluster.nodes[heir];
    assert!(is_only_reached_over_tls(heir.port, heir.tls));
    it_is_a_cache(store).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_that_sentinels_name_is_reached_over_tls() -> Result<(), DbErr> {
    let authority = Authority::new("private");
    let group = Sentinels::over_tls(1, certificate(&authority));
    let message = mistake(builder(&group.url(), RedisTls::new()), "").await;
    assert!(message.contains("an issuer that is not trusted"), "{message}");
    let store = builder(&group.url(), trusting(&authority)).connect().await.expect("a store");
    check(&store).await;
    let first = store.stamp("");
    assert!(is_only_reached_over_tls(group.port(0), group.named_port(0)));
    let new = group.fail_over();
    let is_other = || store.stamp("").is_some_and(|stamp| Some(stamp) != first);
    until(SOON, "the new primary", || async {
        store.reconnect(Duration::ZERO).await;
        store.get("key").await.is_ok() && is_other()
    })
    .await;
    assert!(is_only_reached_over_tls(group.port(new), group.named_port(new)));
    it_is_a_cache(store).await
}
