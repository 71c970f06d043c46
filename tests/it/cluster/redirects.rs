//! A node says that another one has the key: nobody notices.

use super::{assert_undisturbed, moving_cluster, warm_books};
use crate::entities::book;
use crate::entities::keyed::tagged;
use crate::outage::until;
use crate::support::cluster::{Cluster, slot_of};
use crate::support::process::free_port;
use crate::support::resp::info;
use crate::support::{World, patient_store};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set, TransactionTrait};
use sea_orm_autocache::AutocacheBuilder;
use sea_orm_autocache::prelude::*;
use std::time::Duration;

const ROWS: i64 = 6;

fn strict(builder: AutocacheBuilder) -> AutocacheBuilder {
    builder.consistency(Consistency::Strict)
}

async fn retitled(world: &World, book: &book::Model, title: &str) -> Result<book::Model, DbErr> {
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change.update(&world.db).await
}

/// Another node than the slot's owner.
fn elsewhere(cluster: &Cluster, slot: u16) -> usize {
    (cluster.owner_of(slot).expect("an owner") + 1) % 3
}

#[tokio::test]
async fn a_slot_that_has_moved_costs_no_error_and_no_hit() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), |builder| builder).await;
    let books = warm_books(&world, &world.autocache, 1..=5).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let move_all = || {
        for book in &books {
            let slot = slot_of(&cache.make_key(book.id).unwrap());
            cluster.move_slots(&[slot], elsewhere(&cluster, slot));
        }
    };
    move_all();
    let (read, sql, _) = world.cost(cache.get(1)).await;
    assert_eq!((read?, sql), (books[0].clone(), 0), "a hit");
    let (read, sql, _) = world.cost(cache.get_many(1..=5)).await;
    assert_eq!((read?, sql), (books.iter().cloned().map(Some).collect(), 0), "hits");

    move_all();
    let changed = retitled(&world, &books[0], "alone").await?;
    assert_eq!(cache.get(1).await?, changed);
    move_all();
    let txn = world.db.begin().await?;
    for book in &books {
        let mut change = book.clone().into_active_model();
        change.title = Set("together".to_owned());
        change.update(&txn).await?;
    }
    txn.commit().await?;
    let neighbour = world.neighbour().await;
    for book in &books {
        let (read, sql, _) = neighbour.cost(neighbour.autocache.cache::<book::Entity>().get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("together", 0));
    }
    assert_undisturbed(&world.autocache);
    Ok(())
}

/// Every node has a stamp of its own.
#[tokio::test]
async fn a_row_whose_slot_has_moved_is_a_miss_once_under_strict() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), strict).await;
    let books = warm_books(&world, &world.autocache, 1..=3).await?;
    let cache = world.autocache.cache::<book::Entity>();
    for book in &books {
        let slot = slot_of(&cache.make_key(book.id).unwrap());
        cluster.move_slots(&[slot], elsewhere(&cluster, slot));
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (book.clone(), 1), "an entry of another server");
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (book.clone(), 0), "a hit");
    }
    assert_undisturbed(&world.autocache);
    Ok(())
}

/// What is right while a slot is on its way, however far. Under `Strict` what another node has filled is a miss.
async fn holds(here: &World, there: &World, level: Consistency, step: &str) -> Result<(), DbErr> {
    let hit = |sql: u64| sql == 0 || level == Consistency::Strict;
    let (near, far) = (here.autocache.cache::<tagged::Entity>(), there.autocache.cache::<tagged::Entity>());
    let update = async |id: i64, note: String, txn: &CachedTransaction| {
        tagged::ActiveModel { id: Set(id), note: Set(note) }.update(txn).await
    };
    // One row that an earlier step has moved, two that it has not, all of one slot.
    let txn = here.db.begin().await?;
    for id in [1, 3, 4] {
        update(id, format!("{step}: together"), &txn).await?;
    }
    txn.commit().await?;
    for id in [1, 3, 4] {
        assert_eq!(far.get(id).await?.note, format!("{step}: together"), "{step}");
        let (read, sql, _) = there.cost(far.get(id)).await;
        assert_eq!(read?.note, format!("{step}: together"));
        assert!(hit(sql), "{step}: a hit");
    }
    for id in [2, 5] {
        let change = tagged::ActiveModel { id: Set(id), note: Set(format!("{step}: alone")) };
        change.update(&there.db).await?;
        assert_eq!(near.get(id).await?.note, format!("{step}: alone"), "{step}");
    }
    let (rows, sql, _) = here.cost(near.get_many(1..=ROWS)).await;
    assert!(rows?.iter().all(Option::is_some), "{step}");
    assert!(hit(sql), "{step}: hits");
    let absent = tagged::ActiveModel { note: Set("born".to_owned()), ..Default::default() };
    let born = absent.insert(&here.db).await?;
    assert_eq!(far.get(born.id).await?, born, "{step}");
    let gone = born.id;
    tagged::ActiveModel { id: Set(gone), ..Default::default() }.delete(&there.db).await?;
    assert_eq!((near.find(gone).await?, far.find(gone).await?), (None, None), "{step}");
    assert_eq!(near.find(gone + 1_000).await?, None, "{step}");
    near.invalidate(ROWS).await?;
    assert_eq!(far.get(ROWS).await?.id, ROWS, "{step}");
    assert!(hit(u64::from(!near.contains(ROWS).await?)), "{step}: a hit");
    [here, there].iter().for_each(|world| assert_undisturbed(&world.autocache));
    Ok(())
}

#[tokio::test]
async fn a_slot_on_its_way_costs_no_error_and_serves_no_older_row() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    for level in [Consistency::Available, Consistency::Strict] {
        let leveled = |builder: AutocacheBuilder| builder.consistency(level);
        let here = World::on_cluster(cluster.url(), leveled).await;
        here.create_table(tagged::Entity).await;
        let there = here.neighbour_with(leveled).await;
        let cache = here.autocache.cache::<tagged::Entity>();
        for id in 1..=ROWS {
            tagged::ActiveModel { id: Set(id), note: Set("old".to_owned()) }.insert(&here.db).await?;
            cache.get(id).await?;
        }
        let key = |id| cache.make_key(id).unwrap();
        let slot = slot_of(&key(1));
        for round in 0..2 {
            let mut moving = cluster.begin_move(slot, elsewhere(&cluster, slot));
            holds(&here, &there, level, &format!("{level:?}, {round}, begun")).await?;
            moving.move_key(&key(1));
            moving.move_key(&key(2));
            holds(&here, &there, level, &format!("{level:?}, {round}, half")).await?;
            moving.move_keys();
            holds(&here, &there, level, &format!("{level:?}, {round}, moved")).await?;
            moving.move_keys();
            moving.end();
            holds(&here, &there, level, &format!("{level:?}, {round}, ended")).await?;
        }
    }
    Ok(())
}

/// What has been moved is left behind, and the slot stays where it was.
#[tokio::test]
async fn a_move_that_is_given_up_serves_no_older_row() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), strict).await;
    let books = warm_books(&world, &world.autocache, 1..=1).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let key = cache.make_key(1).unwrap();
    let slot = slot_of(&key);
    let (from, to) = (cluster.owner_of(slot).unwrap(), elsewhere(&cluster, slot));
    let mut moving = cluster.begin_move(slot, to);
    moving.move_keys();
    // It lands where the slot goes, and is left behind there.
    let changed = retitled(&world, &books[0], "on the way").await?;
    assert_eq!(cache.get(1).await?, changed);
    moving.abandon();
    assert_eq!(cluster.owner(&key), from);
    assert_eq!(cache.get(1).await?, changed);
    let changed = retitled(&world, &books[0], "given up").await?;
    for world in [&world, &world.neighbour().await] {
        assert_eq!(world.autocache.cache::<book::Entity>().get(1).await?, changed);
    }
    assert_undisturbed(&world.autocache);
    Ok(())
}

/// A moved slot is learnt: it is not a detour for ever.
#[tokio::test]
async fn a_redirection_is_learnt() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    let world = World::on_cluster(cluster.url(), strict).await;
    warm_books(&world, &world.autocache, 1..=1).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let slot = slot_of(&cache.make_key(1).unwrap());
    let from = cluster.owner_of(slot).unwrap();
    let detours = || info(cluster.nodes[from].port, "errorstats", "errorstat_MOVED");
    cluster.move_slots(&[slot], elsewhere(&cluster, slot));
    cache.get(1).await?;
    assert!(!detours().is_empty(), "it was one");
    let straight = || async {
        let before = detours();
        for _ in 0..10 {
            cache.get(1).await.expect("a row");
        }
        before == detours()
    };
    until(Duration::from_secs(5), "the straight way", straight).await;
    Ok(())
}

#[tokio::test]
async fn a_seed_that_is_dead_does_not_matter() -> Result<(), DbErr> {
    let cluster = moving_cluster().await;
    for seeds in [[free_port(), cluster.nodes[1].port], [cluster.nodes[2].port, free_port()]] {
        let url = Cluster::url_of(&seeds);
        patient_store(&url).await;
        let world = World::on_cluster(url, strict).await;
        warm_books(&world, &world.autocache, 1..=20).await?;
        assert_undisturbed(&world.autocache);
    }
    Ok(())
}
