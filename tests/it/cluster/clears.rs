//! A clear reaches every node.

use super::{moving_cluster, warm_books};
use crate::entities::book;
use crate::laws::cold_books;
use crate::support::cluster::slot_of;
use crate::support::{World, patient_store};
use sea_orm::DbErr;
use sea_orm_autocache::Store;
use sea_orm_autocache::store::{Found, Slot, Sweep, decode_slot};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than a page of a sweep on every node.
const BOOKS: i64 = 2_100;
const PAGE: usize = 500;
const ROUNDS: usize = 4;
/// Of a cluster whose slots move.
const FEWER: i64 = 600;

/// How many of the keys hold an entry.
async fn entries(store: &dyn Store, keys: &[String]) -> usize {
    let found = store.get_many(keys).await.expect("answers");
    let is_entry = |found: &&Found| match found {
        Found::Bytes(bytes) | Found::Stamped { bytes, .. } => {
            matches!(decode_slot(bytes, |_| ()), Slot::Entry(()))
        }
        _ => false,
    };
    found.iter().filter(is_entry).count()
}

#[tokio::test]
async fn a_clear_reaches_the_keys_of_every_primary() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), |builder| builder).await;
    let other = World::on_cluster(cluster.url(), |builder| builder).await;
    let others = warm_books(&other, &other.autocache, 1..=10).await?;
    cold_books(&world, 1..=BOOKS).await?;
    let cache = world.autocache.cache::<book::Entity>();
    cache.get_many(1..=BOOKS).await?;
    let keys: Vec<String> = (1..=BOOKS).map(|id| cache.make_key(id).unwrap()).collect();
    let store = patient_store(&cluster.url()).await;
    assert_eq!(entries(&store, &keys).await, keys.len());
    for node in 0..3 {
        let slots = cluster.slots_of(node);
        let here = keys.iter().filter(|key| slots.contains(&slot_of(key))).count();
        assert!(here > PAGE, "node {node} has {here} keys");
    }
    cache.clear().await?;
    assert_eq!(entries(&store, &keys).await, 0);
    for book in others {
        assert!(other.autocache.cache::<book::Entity>().contains(book.id).await?, "another app's");
    }
    Ok(())
}

/// Slots go from nodes that the clear has not walked yet to such that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_during_a_reshard_is_whole_or_an_error() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), |builder| builder).await;
    cold_books(&world, 1..=FEWER).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let keys: Vec<String> = (1..=FEWER).map(|id| cache.make_key(id).unwrap()).collect();
    let store = patient_store(&cluster.url()).await;
    let over = AtomicBool::new(false);
    // What each clear that says it was whole has left.
    let mut left = Vec::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let slots: BTreeSet<u16> = keys.iter().map(|key| slot_of(key)).collect();
            let slots = Vec::from_iter(slots);
            for turn in 0.. {
                for page in slots.chunks(20) {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    cluster.move_slots(page, turn % 3);
                }
            }
        });
        let rounds = async {
            let prefix = keys[0].trim_end_matches('1');
            for _ in 0..ROUNDS {
                let _ = cache.get_many(1..=FEWER).await;
                match store.clear(&Sweep::of_prefix(prefix)).await {
                    Ok(_) => left.push(entries(&store, &keys).await),
                    Err(error) => println!("a clear was refused: {error}"),
                }
            }
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(rounds));
        over.store(true, Ordering::SeqCst);
    });
    println!("{} of {ROUNDS} clears were whole", left.len());
    assert!(left.iter().all(|count| *count == 0), "clears that said they were whole left {left:?}");
    cache.get_many(1..=FEWER).await?;
    cache.clear().await?;
    assert_eq!(entries(&store, &keys).await, 0, "it is over");
    Ok(())
}
