//! Writes through SeaORM's own connections and transactions.

use crate::entities::book;
use crate::laws::{cold_book, titled};
use crate::support::{Database, Place, World, each_world};
use sea_orm::{ActiveModelTrait, DbErr, ModelTrait, Set, TransactionTrait};
use sea_orm_autocache::AutocacheBuilder;

fn reranked(book: &book::Model, rank: i32) -> book::ActiveModel {
    book::ActiveModel { rank: Set(rank), ..book.clone().into() }
}

#[tokio::test]
async fn a_plain_connection_in_a_scope_keeps_the_cache_right() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let scope = world.autocache.clone();
        let book = scope.scope(titled("Emma").insert(&world.plain)).await?;
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 0, 1));
        let (saved, _, trips) = world.cost(scope.scope(reranked(&book, 2).update(&world.plain))).await;
        assert_eq!((saved?.rank, trips), (2, 2));
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.rank, sql), (2, 0));
        let id = book.id;
        scope.scope(book.delete(&world.plain)).await?;
        let (found, sql, _) = world.cost(cache.find(id)).await;
        assert_eq!((found?, sql), (None, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_plain_connection_outside_of_any_scope_goes_through() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let (saved, _, trips) = world.cost(reranked(&book, 2).update(&world.plain)).await;
        assert_eq!((saved?.rank, trips), (2, 0));
        let (deleted, sql, trips) = world.cost(book.delete(&world.plain)).await;
        assert_eq!((deleted?.rows_affected, sql, trips), (1, 1, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_written_in_a_plain_transaction_is_read_from_the_database() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let written = world.autocache.scope(async {
            let transaction = world.plain.begin().await?;
            reranked(&book, 2).update(&transaction).await?;
            transaction.commit().await
        });
        written.await?;
        let hits = world.counts().hits;
        for _ in 0..2 {
            // A read and a lease: a reader does not wait for a writer.
            let (read, sql, trips) = world.cost(cache.get(book.id)).await;
            assert_eq!((read?.rank, sql, trips), (2, 1, 2));
        }
        assert_eq!(world.counts().hits, hits);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_plain_transaction_that_rolls_back_leaves_the_old_row() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let written = world.autocache.scope(async {
            let transaction = world.plain.begin().await?;
            reranked(&book, 2).update(&transaction).await?;
            let inserted = titled("Persuasion").insert(&transaction).await?;
            transaction.rollback().await?;
            Ok::<_, DbErr>(inserted.id)
        });
        let inserted = written.await?;
        assert_eq!(cache.get(book.id).await?, book);
        assert_eq!(cache.find(inserted).await?, None);
        Ok(())
    })
    .await;
}

/// Each has a book 1. Nothing tells their plain connections apart, so the program says that there are two.
#[tokio::test]
async fn a_plain_connection_to_another_database_leaves_the_cache_alone() -> Result<(), DbErr> {
    for place in [Place::Redis, Place::Memory] {
        let world = World::with(Database::Sqlite, place, AutocacheBuilder::other_databases).await;
        let archive = World::new(Database::Sqlite, Place::Memory).await;
        let (ours, old) = (cold_book(&world, "ours").await?, cold_book(&archive, "archived").await?);
        assert_eq!(ours.id, old.id);
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.on(&archive.plain).get(old.id).await?, old);
        assert_eq!(cache.get(ours.id).await?, ours, "a read of the other one fills nothing");
        assert_eq!(cache.on(&archive.plain).get(old.id).await?, old, "nor is it answered from the cache");
        let reranked = world.autocache.scope(reranked(&old, 7).update(&archive.plain)).await?;
        assert_eq!(cache.get(ours.id).await?, ours);
        world.autocache.scope(reranked.delete(&archive.plain)).await?;
        assert_eq!(cache.get(ours.id).await?, ours);
        world.autocache.scope(titled("newer").insert(&archive.plain)).await?;
        assert_eq!(cache.find(ours.id + 1).await?, None);
    }
    Ok(())
}
