//! What goes to several nodes goes to all at once.

use super::warm_books;
use crate::entities::book;
use crate::entities::keyed::tagged;
use crate::support::cluster::slot_of;
use crate::support::resp::calls;
use crate::support::{Cluster, Proxy, World};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set, TransactionTrait};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// On the way to a node, and again on the way back.
const DELAY: Duration = Duration::from_millis(150);
const ROUND_TRIP: Duration = Duration::from_millis(300);
const BOOKS: i64 = 30;
/// With one hash tag.
const ROWS: i64 = 5;

/// A cluster whose nodes are all that far away, once `go_away` was called. Nobody else uses it.
struct Distant {
    cluster: Cluster,
    proxies: Vec<Proxy>,
}

impl Distant {
    async fn start() -> Self {
        let cluster = Cluster::with(3, 0, &["--cluster-node-timeout", "30000"]);
        let mut proxies = Vec::new();
        for node in 0..3 {
            let proxy = Proxy::to(cluster.nodes[node].port).await;
            cluster.announce(node, proxy.port);
            proxies.push(proxy);
        }
        Self { cluster, proxies }
    }

    fn url(&self) -> String {
        let ports: Vec<u16> = self.proxies.iter().map(|proxy| proxy.port).collect();
        Cluster::url_of(&ports)
    }

    fn delay(&self, by: Duration) {
        self.proxies.iter().for_each(|proxy| proxy.delay(by));
    }

    /// Script calls of each node so far.
    fn scripts(&self) -> Vec<u64> {
        self.cluster.nodes.iter().map(|node| calls(node.port, "evalsha")).collect()
    }

    fn scripts_since(&self, before: &[u64]) -> Vec<u64> {
        self.scripts().iter().zip(before).map(|(now, before)| now - before).collect()
    }
}

async fn retitle(world: &World, books: &[book::Model], title: &str) -> Result<Duration, DbErr> {
    let txn = world.db.begin().await?;
    for book in books {
        let mut change = book.clone().into_active_model();
        change.title = Set(title.to_owned());
        change.update(&txn).await?;
    }
    let begun = Instant::now();
    txn.commit().await?;
    Ok(begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_takes_one_round_trip_to_all_nodes_at_once_for_each_of_its_two_steps() -> Result<(), DbErr> {
    let distant = Distant::start().await;
    let world = World::on_cluster(distant.url(), |builder| builder).await;
    let books = warm_books(&world, &world.autocache, 1..=BOOKS).await?;
    let cache = world.autocache.cache::<book::Entity>();
    // Every node knows the scripts.
    retitle(&world, &books, "before").await?;

    let before = distant.scripts();
    distant.delay(DELAY);
    let took = retitle(&world, &books, "after").await?;
    let scripts = distant.scripts_since(&before);
    println!("a commit of {BOOKS} rows took {took:?} and these script calls: {scripts:?}");
    assert_eq!(scripts.iter().sum::<u64>(), 2 * books.len() as u64, "an intent and a finish for each row");
    assert!(scripts.iter().all(|count| *count > 0), "{scripts:?}");
    assert!(took >= 2 * ROUND_TRIP, "the nodes are far away: {took:?}");
    assert!(took < 4 * ROUND_TRIP, "one node after the other: {took:?}");

    let (sql, begun) = (world.sql(), Instant::now());
    let rows = cache.get_many(1..=BOOKS).await?;
    let took = begun.elapsed();
    assert!(rows.iter().flatten().all(|book| book.title == "after"));
    assert_eq!((rows.len() as i64, world.sql() - sql), (BOOKS, 0));
    assert!(took >= ROUND_TRIP && took < 2 * ROUND_TRIP, "one node after the other: {took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_with_one_hash_tag_go_to_one_node_in_one_round_trip() -> Result<(), DbErr> {
    let distant = Distant::start().await;
    let world = World::on_cluster(distant.url(), |builder| builder).await;
    world.create_table(tagged::Entity).await;
    let cache = world.autocache.cache::<tagged::Entity>();
    for id in 1..=ROWS {
        tagged::ActiveModel { id: Set(id), note: Set("old".to_owned()) }.insert(&world.db).await?;
        cache.get(id).await?;
    }
    let slots: BTreeSet<u16> = (1..=ROWS).map(|id| slot_of(&cache.make_key(id).unwrap())).collect();
    assert_eq!(slots.len(), 1, "one tag is one slot");
    let owner = distant.cluster.owner(&cache.make_key(1).unwrap());
    let before = distant.scripts();
    distant.delay(DELAY);
    let txn = world.db.begin().await?;
    for id in 1..=ROWS {
        tagged::ActiveModel { id: Set(id), note: Set("new".to_owned()) }.update(&txn).await?;
    }
    let begun = Instant::now();
    txn.commit().await?;
    let took = begun.elapsed();
    assert!(took >= 2 * ROUND_TRIP && took < 4 * ROUND_TRIP, "an intent and a finish: {took:?}");
    let scripts = distant.scripts_since(&before);
    assert!(scripts.iter().enumerate().all(|(node, count)| (*count > 0) == (node == owner)), "{scripts:?}");
    let (rows, sql, trips) = world.cost(cache.get_many(1..=ROWS)).await;
    assert!(rows?.iter().flatten().all(|row| row.note == "new"));
    assert_eq!((sql, trips), (0, 1));
    Ok(())
}
