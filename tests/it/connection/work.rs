//! Large, mixed and half-failed units of work.

use crate::entities::{book, hooked, settings::elsewhere};
use crate::laws::{cold_book, titled};
use crate::support::{ALL, Database, Place, World, each_world, shared_redis};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, ModelTrait, Set, TransactionTrait};
use sea_orm_autocache::{MemoryStore, RedisStore};
use std::time::Duration;

fn reranked(book: &book::Model, rank: i32) -> book::ActiveModel {
    book::ActiveModel { rank: Set(rank), ..book.clone().into() }
}

fn noted(note: &str) -> elsewhere::ActiveModel {
    elsewhere::ActiveModel { note: Set(note.to_owned()), ..Default::default() }
}

fn hooked(title: &str) -> hooked::ActiveModel {
    hooked::ActiveModel { title: Set(title.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn rows_of_two_backends_cost_two_trips_to_each() {
    for (database, place) in ALL {
        let other = |builder: sea_orm_autocache::AutocacheBuilder| {
            builder.backend("other", MemoryStore::new(100)).entity(elsewhere::Entity)
        };
        let world = World::with(database, place, other).await;
        world.create_table(book::Entity).await;
        world.create_table(elsewhere::Entity).await;
        let written = async {
            let transaction = world.db.begin().await?;
            let book = titled("Emma").insert(&transaction).await?;
            let book = reranked(&book, 2).update(&transaction).await?;
            let note = noted("there").insert(&transaction).await?;
            let (committed, sql, trips) = world.cost(transaction.commit()).await;
            committed?;
            assert_eq!((sql, trips), (0, 4), "{database:?} and {place:?}");
            Ok::<_, DbErr>((book, note))
        };
        let (book, note) = written.await.expect("a commit");
        let trips: Vec<_> =
            world.stats().backends.iter().map(|b| (b.backend.clone(), b.round_trips)).collect();
        assert_eq!(trips, [("default".to_owned(), 2), ("other".to_owned(), 2)]);
        let (read, sql, _) = world.cost(world.autocache.cache::<book::Entity>().get(book.id)).await;
        assert_eq!((read.unwrap(), sql), (book, 0));
        let (read, sql, _) = world.cost(world.autocache.cache::<elsewhere::Entity>().get(note.id)).await;
        assert_eq!((read.unwrap(), sql), (note, 0));
    }
}

#[tokio::test]
async fn fifteen_hundred_rows_take_four_round_trips() {
    // A thousand steps may take a busy machine longer than a command may take by default.
    let patient = RedisStore::builder(&shared_redis().url()).command_timeout(Duration::from_secs(10));
    let redis = patient.connect().await.unwrap();
    for (database, in_redis) in
        [(Database::Sqlite, false), (Database::Sqlite, true), (Database::Postgres, true)]
    {
        let world = World::with(database, Place::Memory, |builder| match in_redis {
            true => builder.backend("other", redis.clone()).entity(elsewhere::Entity),
            false => builder.backend("other", MemoryStore::new(10_000)).entity(elsewhere::Entity),
        })
        .await;
        world.create_table(elsewhere::Entity).await;
        let transaction = world.db.begin().await.unwrap();
        let mut ids = Vec::new();
        for n in 0..1_500 {
            ids.push(noted(&format!("note {n}")).insert(&transaction).await.unwrap().id);
        }
        let (committed, _, trips) = world.cost(transaction.commit()).await;
        committed.unwrap();
        assert_eq!(trips, 4, "{database:?}, in Redis: {in_redis}; two pipelines of intents, two of finishes");
        assert_eq!(world.counts().publishes, 1_500);
        let (read, sql, trips) = world.cost(world.autocache.cache::<elsewhere::Entity>().get_many(ids)).await;
        assert_eq!((read.unwrap().iter().flatten().count(), sql, trips), (1_500, 0, 1));
    }
}

#[tokio::test]
async fn a_row_saved_twice_is_one_key() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let transaction = world.db.begin().await?;
        for rank in 2..=5 {
            reranked(&book, rank).update(&transaction).await?;
        }
        let before = world.counts().publishes;
        transaction.commit().await?;
        assert_eq!(world.counts().publishes - before, 1);
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.rank, sql), (5, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn updated_and_deleted_is_deleted_and_deleted_and_inserted_is_there() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let transaction = world.db.begin().await?;
        reranked(&book, 2).update(&transaction).await?.delete(&transaction).await?;
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.find(book.id)).await;
        assert_eq!((read?, sql), (None, 0));
        let transaction = world.db.begin().await?;
        let again = reranked(&book, 3).reset_all().insert(&transaction).await?;
        again.clone().delete(&transaction).await?;
        reranked(&book, 4).reset_all().insert(&transaction).await?;
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.rank, sql), (4, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn keys_that_the_database_makes_are_published_with_their_transaction() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let transaction = world.db.begin().await?;
        let first = titled("Emma").insert(&transaction).await?;
        let second = titled("Persuasion").insert(&transaction).await?;
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get_many([first.id, second.id])).await;
        assert_eq!((read?, sql), (vec![Some(first), Some(second)], 0));
        let transaction = world.db.begin().await?;
        let never = titled("Sanditon").insert(&transaction).await?;
        transaction.rollback().await?;
        assert!(!cache.contains(never.id).await?);
        assert_eq!(cache.find(never.id).await?, None);
        Ok(())
    })
    .await;
}

/// The absence of the key was remembered before anybody knew that the row would have it.
#[tokio::test]
async fn a_key_that_the_database_makes_in_a_transaction_ends_its_tombstone() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.find(book.id + 1).await?, None);
        assert!(cache.contains(book.id + 1).await?);
        let transaction = world.db.begin().await?;
        let born = titled("Persuasion").insert(&transaction).await?;
        assert_eq!(born.id, book.id + 1);
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get(born.id)).await;
        assert_eq!((read?, sql), (born, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_fails_after_the_row_is_written_leaves_what_the_commit_makes_of_it() {
    each_world(|world| async move {
        world.create_table(hooked::Entity).await;
        let cache = world.autocache.cache::<hooked::Entity>();
        let row = hooked("calm").insert(&world.db).await?;
        for title in [hooked::FAILS] {
            let change = || hooked::ActiveModel { title: Set(title.to_owned()), ..row.clone().into() };
            let held = cache.get(row.id).await?;
            let transaction = world.db.begin().await?;
            assert!(change().update(&transaction).await.is_err());
            transaction.rollback().await?;
            assert_eq!(cache.get(row.id).await?, held);
            // The program goes on in spite of the error: the row is written, and commits.
            let transaction = world.db.begin().await?;
            assert!(change().update(&transaction).await.is_err());
            transaction.commit().await?;
            assert_eq!(cache.get(row.id).await?.title, title);
            let (read, sql, _) = world.cost(cache.get(row.id)).await;
            assert_eq!((read?.title.as_str(), sql), (title, 0), "and is cached again at once");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_row_of_the_database_is_published_not_the_one_a_hook_returns() {
    each_world(|world| async move {
        world.create_table(hooked::Entity).await;
        let cache = world.autocache.cache::<hooked::Entity>();
        let row = hooked("calm").insert(&world.db).await?;
        let transaction = world.db.begin().await?;
        let change = hooked::ActiveModel { title: Set(hooked::SHOUTED.to_owned()), ..row.clone().into() };
        assert_eq!(change.update(&transaction).await?.title, "SHOUTED");
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?.title.as_str(), sql), (hooked::SHOUTED, 0));
        assert_eq!(
            hooked::Entity::find_by_id(row.id).one(&world.plain).await?.map(|row| row.title).as_deref(),
            Some(hooked::SHOUTED)
        );
        Ok(())
    })
    .await;
}

/// A hook that refuses has told of nothing, and nothing was written.
#[tokio::test]
async fn a_save_that_a_hook_refuses_in_a_transaction_touches_nothing() {
    each_world(|world| async move {
        world.create_table(hooked::Entity).await;
        let cache = world.autocache.cache::<hooked::Entity>();
        let row = hooked("calm").insert(&world.db).await?;
        let transaction = world.db.begin().await?;
        let refused = hooked::ActiveModel { title: Set(hooked::REFUSED.to_owned()), ..row.clone().into() };
        assert!(refused.update(&transaction).await.is_err());
        let (committed, _, trips) = world.cost(transaction.commit()).await;
        committed?;
        assert_eq!(trips, 0);
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql), (row, 0));
        Ok(())
    })
    .await;
}
