//! Forced interleavings of readers and writers: the older row never comes back.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, World};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, ModelTrait, Set};
use sea_orm_autocache::testing::{Fault, FaultyStore, Operation};
use std::time::Duration;

const PLACES: [Place; 3] = [Place::Memory, Place::Redis, Place::Cluster];

async fn shop(place: Place) -> Result<(World, FaultyStore, book::Model), DbErr> {
    let (world, store) = World::faulty(Database::Sqlite, place, |builder| builder).await;
    world.create_table(book::Entity).await;
    let book = titled("old").insert(&world.db).await?;
    world.autocache.cache::<book::Entity>().invalidate(book.id).await?;
    Ok((world, store, book))
}

async fn retitle(world: &World, book: &book::Model, title: &str) -> Result<book::Model, DbErr> {
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change.update(&world.db).await
}

/// A reader has read the old row and is about to fill when a writer saves (I1, I2).
#[tokio::test]
async fn a_fill_that_comes_after_a_save_is_refused() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Fill);
        let reader = tokio::spawn({
            let (cache, id) = (cache.clone(), book.id);
            async move { cache.get(id).await }
        });
        gate.reached().await;
        retitle(&world, &book, "new").await?;
        gate.open();
        // It started before the save: either row is right for it.
        assert_eq!(reader.await.unwrap()?.title, "old");
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("new", 0), "{place:?}");
        assert_eq!(world.counts().refused_fills, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_fill_that_comes_after_a_delete_is_refused() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Fill);
        let reader = tokio::spawn({
            let (cache, id) = (cache.clone(), book.id);
            async move { cache.find(id).await }
        });
        gate.reached().await;
        book.clone().delete(&world.db).await?;
        gate.open();
        assert!(reader.await.unwrap()?.is_some());
        let (read, sql, _) = world.cost(cache.find(book.id)).await;
        assert_eq!((read?, sql), (None, 0), "{place:?}");
    }
    Ok(())
}

/// A tombstone on its way to the store must not hide a row that is inserted before it arrives.
#[tokio::test]
async fn a_tombstone_that_comes_after_an_insert_is_refused() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, _) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Fill);
        let reader = tokio::spawn({
            let cache = cache.clone();
            async move { cache.find(77).await }
        });
        gate.reached().await;
        let mut born = titled("born");
        born.id = Set(77);
        born.insert(&world.db).await?;
        gate.open();
        assert_eq!(reader.await.unwrap()?, None);
        assert_eq!(cache.get(77).await?.title, "born", "{place:?}");
    }
    Ok(())
}

/// Who joins another task's read after a save must not get the row from before it.
#[tokio::test]
async fn a_reader_that_starts_after_a_save_never_shares_a_read_from_before_it() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Fill);
        let first = tokio::spawn({
            let (cache, id) = (cache.clone(), book.id);
            async move { cache.get(id).await }
        });
        gate.reached().await;
        retitle(&world, &book, "new").await?;
        cache.invalidate(book.id).await?;
        // The first flight still waits for its fill; a new reader must fly by itself.
        assert_eq!(cache.get(book.id).await?.title, "new", "{place:?}");
        gate.open();
        first.await.unwrap()?;
        assert_eq!(cache.get(book.id).await?.title, "new");
    }
    Ok(())
}

/// Two overlapping writers: neither may publish, in either order of their ends (I3).
#[tokio::test]
async fn overlapping_writers_leave_the_key_to_the_database() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Finish);
        let slow = tokio::spawn({
            let (db, book) = (world.db.clone(), book.clone());
            async move {
                let mut change = book.into_active_model();
                change.title = Set("first".to_owned());
                change.update(&db).await
            }
        });
        gate.reached().await;
        retitle(&world, &book, "second").await?;
        gate.open();
        slow.await.unwrap()?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("second", 1), "{place:?}");
    }
    Ok(())
}

/// While a write is in flight no reader hits the old row, and none waits long for the writer.
#[tokio::test]
async fn readers_bypass_a_row_that_is_being_written() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Finish);
        let writer = tokio::spawn({
            let (db, book) = (world.db.clone(), book.clone());
            async move {
                let mut change = book.into_active_model();
                change.title = Set("new".to_owned());
                change.update(&db).await
            }
        });
        gate.reached().await;
        assert_eq!(cache.get(book.id).await?.title, "new", "committed, not yet published");
        assert!(!cache.contains(book.id).await?);
        gate.open();
        writer.await.unwrap()?;
        assert!(cache.contains(book.id).await?, "{place:?}");
    }
    Ok(())
}

/// The finish of a write got lost: the intent keeps the key from being read until its hold is over.
#[tokio::test]
async fn a_lost_finish_leaves_no_stale_row() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        store.inject(Fault::Unreachable.on(Operation::Finish).once());
        retitle(&world, &book, "new").await?;
        assert_eq!(cache.get(book.id).await?.title, "new", "{place:?}");
        assert!(!cache.contains(book.id).await?);
    }
    Ok(())
}

/// The intent was evicted and a reader has filled the row: the finish finds its token gone, and
/// empties the key (I4).
#[tokio::test]
async fn a_finish_whose_intent_has_gone_empties_the_key() -> Result<(), DbErr> {
    use fred::interfaces::KeysInterface;
    let (world, store, book) = shop(Place::Redis).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let gate = store.hold(Operation::Finish);
    let writer = tokio::spawn({
        let (db, book) = (world.db.clone(), book.clone());
        async move {
            let mut change = book.into_active_model();
            change.title = Set("new".to_owned());
            change.update(&db).await
        }
    });
    gate.reached().await;
    let _: u32 = world.redis().await.del(cache.make_key(book.id).unwrap()).await.unwrap();
    cache.get(book.id).await?;
    assert!(cache.contains(book.id).await?);
    gate.open();
    writer.await.unwrap()?;
    assert!(!cache.contains(book.id).await?);
    assert_eq!(world.counts().lost_intents, 1);
    Ok(())
}

/// An intent that timed out may still have been placed: it must not stop the row for ever, nor where the end of the
/// write did not come through.
#[tokio::test]
async fn an_intent_without_an_answer_ends_with_its_write() -> Result<(), DbErr> {
    for (place, ends) in PLACES.into_iter().flat_map(|place| [(place, true), (place, false)]) {
        let (world, store, book) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        store.inject(Fault::Unanswered.on(Operation::Intent).once());
        if !ends {
            store.inject(Fault::Unreachable.on(Operation::Finish).once());
        }
        retitle(&world, &book, "new").await?;
        for _ in 0..200 {
            assert_eq!(cache.get(book.id).await?.title, "new");
            if cache.contains(book.id).await? {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(cache.contains(book.id).await?, "{place:?}");
    }
    Ok(())
}
