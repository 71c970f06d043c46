//! Each read is counted exactly once.

use super::counted;
use crate::entities::{book, library};
use crate::laws::{cold_book, cold_books};
use crate::support::{Database, Place, World, each_world};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set, TransactionTrait};
use sea_orm_autocache::testing::{Fault, FaultyStore, Operation};
use std::collections::HashSet;
use std::time::Duration;

const STEPS: usize = 120;
const IDS: i64 = 8;

/// A world of SQLite, and what breaks its store, if anything does.
async fn worlds() -> Vec<(World, Option<FaultyStore>)> {
    let short = |builder: sea_orm_autocache::AutocacheBuilder| builder.intent_ttl(Duration::from_millis(50));
    let mut worlds = vec![(World::with(Database::Sqlite, Place::Memory, short).await, None)];
    for place in [Place::Memory, Place::Redis] {
        let (world, store) = World::faulty(Database::Sqlite, place, short).await;
        worlds.push((world, Some(store)));
    }
    worlds
}

/// Leaves a store that is away some time to come back, so that no run is one long outage.
async fn recovery(world: &World) {
    if world.stats().backends[0].open {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One operation on books. Answers how many rows it has read.
async fn step(world: &World, store: Option<&FaultyStore>, random: &mut StdRng) -> Result<u64, DbErr> {
    let cache = world.autocache.cache::<book::Entity>();
    // Some are not there.
    let id = random.random_range(1..=IDS + 2);
    let change = || book::ActiveModel { id: Set(1 + id % IDS), rank: Set(7), ..Default::default() };
    match random.random_range(0..13) {
        0 | 1 => cache.find(id).await.map(|_| 1),
        2 => {
            let ids: Vec<i64> = (0..5).map(|_| random.random_range(1..=IDS + 2)).collect();
            cache.get_many(ids.clone()).await?;
            Ok(ids.into_iter().collect::<HashSet<_>>().len() as u64)
        }
        3 | 4 => {
            let many = (0..4).map(|_| cache.find(id));
            futures_util::future::try_join_all(many).await.map(|rows| rows.len() as u64)
        }
        5 => change().update(&world.db).await.map(|_| 0),
        6 => change().update_without_returning(&world.db).await.map(|_| 0),
        7 => {
            let (_, a, b) =
                tokio::join!(change().update(&world.db), cache.find(id), cache.find(1 + id % IDS));
            a.and(b).map(|_| 2)
        }
        8 => cache.invalidate(id).await.map(|()| 0).or(Ok(0)),
        9 => {
            cache.contains(id).await?;
            cache.refresh(1 + id % IDS).await.map(|_| 0)
        }
        10 => cache.on(&world.plain).find(id).await.map(|_| 1),
        11 => {
            let transaction = world.db.begin().await?;
            cache.on(&transaction).find(id).await?;
            change().update(&transaction).await?;
            cache.on(&transaction).find(id).await?;
            transaction.commit().await.map(|()| 2)
        }
        _ => {
            // The breaker opens, and closes soon.
            store.inspect(|store| store.inject(Fault::Unreachable.on_any(Operation::STEPS).once()));
            Ok(0)
        }
    }
}

#[tokio::test]
async fn each_read_of_a_row_is_one_of_five() -> Result<(), DbErr> {
    for (world, store) in worlds().await {
        cold_books(&world, 1..=IDS).await?;
        let (seed, mut reads) = (rand::random::<u64>(), 0);
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..STEPS {
            reads += step(&world, store.as_ref(), &mut random).await?;
            recovery(&world).await;
            let counts = world.counts();
            assert_eq!(counts.reads(), reads, "{:?}, seed {seed}, step {number}: {counts:?}", world.place);
            let five = [counts.hits, counts.tombstone_hits, counts.misses, counts.bypasses, counts.coalesced];
            assert_eq!(five.iter().sum::<u64>(), reads);
        }
        let counts = world.counts();
        assert!(
            counts.hits > 0 && counts.misses > 0 && counts.bypasses > 0 && counts.coalesced > 0,
            "{counts:?}"
        );
        let answered = (counts.hits + counts.tombstone_hits) as f64;
        assert_eq!(counts.hit_ratio(), Some(answered / reads as f64));
    }
    Ok(())
}

#[tokio::test]
async fn each_read_of_a_list_is_one_of_four() -> Result<(), DbErr> {
    for (world, store) in worlds().await {
        world.create_table(library::country::Entity).await;
        world.create_table(library::author::Entity).await;
        world.create_table(library::book::Entity).await;
        let author = |id: i64| library::author::Model { id, name: format!("Author {id}"), country: None };
        for id in 1..=3 {
            author(id).into_active_model().reset_all().insert(&world.plain).await?;
        }
        let cache = world.autocache.cache::<library::book::Entity>();
        let (seed, mut lists) = (rand::random::<u64>(), 0);
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..STEPS {
            let id = *[1_i64, 2, 3].choose(&mut random).expect("an author");
            let by = library::book::Column::AuthorId;
            lists += match random.random_range(0..7) {
                0 | 1 => cache.list_by(by, id).await.map(|_| 1)?,
                2 => cache.list_many_by(by, [1_i64, 2, id]).await.map(|_| if id == 3 { 3 } else { 2 })?,
                3 => {
                    let many = (0..4).map(|_| cache.list_by(by, id));
                    futures_util::future::try_join_all(many).await.map(|lists| lists.len() as u64)?
                }
                4 | 5 => {
                    let book = library::book::Model {
                        id: 1_000 + number as i64,
                        title: "Emma".to_owned(),
                        isbn: number.to_string(),
                        author_id: id,
                        editor_id: None,
                        rank: 1,
                    };
                    let insert = book.into_active_model().reset_all();
                    let (inserted, listed) = tokio::join!(insert.insert(&world.db), cache.list_by(by, id));
                    inserted?;
                    listed.map(|_| 1)?
                }
                _ => {
                    store
                        .iter()
                        .for_each(|store| store.inject(Fault::Unreachable.on_any(Operation::STEPS).once()));
                    0
                }
            };
            recovery(&world).await;
            let counts = world.counts();
            assert_eq!(
                counts.list_reads(),
                lists,
                "{:?}, seed {seed}, step {number}: {counts:?}",
                world.place
            );
        }
        let counts = world.counts();
        assert!(counts.list_hits > 0 && counts.list_misses > 0 && counts.list_coalesced > 0, "{counts:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_read_that_the_cache_may_not_answer_is_a_bypass() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let transaction = world.db.begin().await?;
        assert_eq!(counted(&world, cache.on(&transaction).find(book.id)).await, [("bypasses", 1)]);
        book::ActiveModel { rank: Set(2), ..book.clone().into() }.update(&transaction).await?;
        assert_eq!(counted(&world, cache.on(&transaction).get_many([book.id, 404])).await, [("bypasses", 2)]);
        assert_eq!(counted(&world, cache.on(&transaction).refresh(book.id)).await, [], "it is no read");
        transaction.rollback().await
    })
    .await;
}

#[tokio::test]
async fn a_read_that_is_dropped_while_the_database_is_asked_is_a_miss() {
    let (world, store) = World::faulty(Database::Sqlite, Place::Memory, |builder| builder).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let gate = store.hold(Operation::Lease);
    let read = async {
        tokio::select! {
            _ = cache.get(book.id) => panic!("it waits for its lease"),
            () = gate.reached() => {}
        }
    };
    assert_eq!(counted(&world, read).await, [("misses", 1)]);
    gate.open();
}
