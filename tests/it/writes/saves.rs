//! Saves and deletes through the cached connection.

use crate::entities::{book, keyed::small};
use crate::laws::{absent, cold_book, titled};
use crate::support::{Database, World, each_world};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait, Set};

/// Statements of one save: a database that returns no rows is asked for the row afterwards.
fn save_sql(world: &World) -> u64 {
    if world.database == Database::MariaDb { 2 } else { 1 }
}

fn reranked(book: &book::Model, rank: i32) -> book::ActiveModel {
    book::ActiveModel { rank: Set(rank), ..book.clone().into() }
}

#[tokio::test]
async fn a_save_takes_two_trips_and_its_own_statements() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let (updated, sql, trips) = world.cost(reranked(&book, 2).update(&world.db)).await;
        assert_eq!((sql, trips), (save_sql(&world), 2));
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (updated?, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_replaces_what_was_cached() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        for rank in 2..5 {
            cache.get(book.id).await?;
            reranked(&book, rank).save(&world.db).await?;
            let (read, sql, trips) = world.cost(cache.get(book.id)).await;
            assert_eq!((read?.rank, sql, trips), (rank, 0, 1));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_delete_takes_two_trips_and_its_own_statement() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let id = book.id;
        let (deleted, sql, trips) = world.cost(book.delete(&world.db)).await;
        assert_eq!((deleted?.rows_affected, sql, trips), (1, 1, 2));
        let (read, sql, trips) = world.cost(cache.get(id)).await;
        assert!(absent(&read, "book", id));
        assert_eq!((sql, trips), (0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn deleting_an_absent_row_leaves_it_absent() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        book.clone().delete(&world.plain).await?;
        let again = book.clone().delete(&world.db).await;
        assert!(again.is_ok_and(|done| done.rows_affected == 0));
        assert_eq!(cache.find(book.id).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_without_changes_does_not_reach_the_cache() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let counts = world.counts();
        let (saved, _, trips) = world.cost(book.clone().into_active_model().update(&world.db)).await;
        assert_eq!((saved?, trips), (book.clone(), 0));
        assert_eq!(world.counts(), counts);
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (book, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_insert_whose_key_the_database_makes_takes_one_trip() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let (saved, sql, trips) = world.cost(titled("Emma").insert(&world.db)).await;
        assert_eq!((sql, trips), (save_sql(&world), 1));
        let saved = saved?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(saved.id)).await;
        assert_eq!((read?, sql, trips), (saved, 0, 1));
        assert_eq!(world.counts().publishes, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_insert_with_a_known_key_ends_its_tombstone() {
    each_world(|world| async move {
        world.create_table(small::Entity).await;
        let cache = world.autocache.cache::<small::Entity>();
        assert_eq!(cache.find(5).await?, None);
        let row = small::Model { id: 5, note: "new".to_owned() };
        let insert = row.clone().into_active_model().reset_all().insert(&world.db);
        let (saved, sql, trips) = world.cost(insert).await;
        assert_eq!((saved?, sql, trips), (row.clone(), save_sql(&world), 2));
        let (read, sql, trips) = world.cost(cache.get(5)).await;
        assert_eq!((read?, sql, trips), (row, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_inserted_again_is_read_again() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        for round in 2..5 {
            book.clone().delete(&world.db).await?;
            assert_eq!(cache.find(book.id).await?, None);
            let again = reranked(&book, round).reset_all().insert(&world.db).await?;
            let (read, sql, _) = world.cost(cache.get(book.id)).await;
            assert_eq!((read?, sql), (again, 0));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_update_without_returning_leaves_nothing_stale() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        reranked(&book, 2).update_without_returning(&world.db).await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.rank, sql), (2, 1));
        reranked(&book, 3).update(&world.db).await?;
        assert_eq!(cache.get(book.id).await?.rank, 3, "the next save ends the wait or waits too");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_the_database_makes_of_a_row_is_what_is_cached() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        // The row as this program knows it is old; the save changes one column of the new one.
        let fresh = book::ActiveModel { title: Set("Emma, revised".to_owned()), ..book.clone().into() };
        fresh.update(&world.plain).await?;
        reranked(&book, 2).update(&world.db).await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        let row = book::Entity::find_by_id(book.id).one(&world.plain).await?;
        assert_eq!((Some(read?), sql), (row, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_writers_of_one_row_leave_the_last_commit() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let mut writers = tokio::task::JoinSet::new();
        for rank in 0..20 {
            let (db, cache, row) = (world.db.clone(), cache.clone(), reranked(&book, rank));
            writers.spawn(async move {
                row.update(&db).await?;
                cache.get(1).await
            });
        }
        for written in writers.join_all().await {
            written?;
        }
        let row = book::Entity::find_by_id(1).one(&world.plain).await?;
        assert_eq!(cache.find(1).await?, row);
        Ok(())
    })
    .await;
}
