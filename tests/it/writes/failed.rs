//! Writes that do not come to their end.

use crate::entities::{book, hooked};
use crate::laws::{cold_book, titled};
use crate::support::{ALL, Database, Place, World, each_world};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_refused_insert_leaves_the_row_as_it_is() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let twin = book::ActiveModel { id: Set(book.id), ..titled("Persuasion") };
        assert!(twin.insert(&world.db).await.is_err());
        for _ in 0..2 {
            assert_eq!(cache.get(book.id).await?, book);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_is_cached_again_once_the_hold_of_a_failed_write_is_over() {
    for (database, place) in ALL {
        let world =
            World::with(database, place, |builder| builder.intent_ttl(Duration::from_millis(30))).await;
        let book = cold_book(&world, "Emma").await.unwrap();
        let cache = world.autocache.cache::<book::Entity>();
        let twin = book::ActiveModel { id: Set(book.id), ..titled("Persuasion") };
        assert!(twin.insert(&world.db).await.is_err());
        let begun = Instant::now();
        while !cache.contains(book.id).await.unwrap() {
            assert_eq!(cache.get(book.id).await.unwrap(), book);
            assert!(begun.elapsed() < Duration::from_secs(10), "{database:?} and {place:?}: never again");
        }
    }
}

#[tokio::test]
async fn a_row_whose_write_the_database_refused_is_cached_again_at_once() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let twin = book::ActiveModel { id: Set(book.id), ..titled("Persuasion") };
        assert!(twin.insert(&world.db).await.is_err());
        assert_eq!(cache.get(book.id).await?, book);
        assert!(cache.contains(book.id).await?);
        Ok(())
    })
    .await;
}

/// Two writes in one task: which of them was refused is not known, so both keys wait.
#[tokio::test]
async fn of_two_writes_at_once_in_one_task_a_refused_one_frees_no_key() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let twin = |title| book::ActiveModel { id: Set(book.id), ..titled(title) };
    let (one, two) = tokio::join!(twin("one").insert(&world.db), twin("two").insert(&world.db));
    assert!(one.is_err() && two.is_err());
    assert_eq!(cache.get(book.id).await.unwrap(), book);
}

/// Polls a future for so long, then drops it.
async fn drop_after(future: impl Future, patience: Duration) {
    let _ = tokio::time::timeout(patience, future).await;
}

#[tokio::test]
async fn a_dropped_save_leaves_nothing_stale() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        for rank in 2..20 {
            cache.get(book.id).await?;
            let row = book::ActiveModel { rank: Set(rank), ..book.clone().into() };
            drop_after(row.update(&world.db), Duration::from_micros(150) * (rank as u32 - 2)).await;
            // The database may still be at work on the statement, so the row may change in between.
            let stored = || book::Entity::find_by_id(book.id).one(&world.plain);
            let (before, read, after) = (stored().await?, cache.find(book.id).await?, stored().await?);
            assert!(read == before || read == after, "{read:?} is neither {before:?} nor {after:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_dropped_delete_leaves_nothing_stale() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        for step in 0..15_u32 {
            let book = titled("Emma").insert(&world.db).await?;
            let id = book.id;
            drop_after(book.into_active_model().delete(&world.db), Duration::from_micros(150) * step).await;
            let stored = || book::Entity::find_by_id(id).one(&world.plain);
            let (before, read, after) = (stored().await?, cache.find(id).await?, stored().await?);
            assert!(read == before || read == after, "{read:?} is neither {before:?} nor {after:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_that_the_users_hook_refuses_never_happened() {
    each_world(|world| async move {
        world.create_table(hooked::Entity).await;
        let title = |title: &str| Set(title.to_owned());
        let row = hooked::ActiveModel { title: title("calm"), ..Default::default() };
        let row = row.insert(&world.db).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let refused = hooked::ActiveModel { title: title(hooked::REFUSED), ..row.clone().into() };
        let (saved, sql, trips) = world.cost(refused.update(&world.db)).await;
        assert!(saved.is_err());
        assert_eq!((sql, trips), (0, 0));
        let (read, sql, trips) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql, trips), (row, 0, 1));
        Ok(())
    })
    .await;
}
