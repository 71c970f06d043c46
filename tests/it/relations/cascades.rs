//! Deletes that the database carries on to other rows.

use super::stock::{an_author, book_of, cold_pages, cold_shelf};
use crate::entities::library::{author, book, country, node, page};
use crate::support::{World, each_world};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait, Set, TransactionTrait,
};

/// A library of which everything is cached: Jane with two books, one of them edited by Ed and with pages.
async fn warm(world: &World) -> Result<(author::Model, author::Model), DbErr> {
    let (jane, books) = cold_shelf(world).await?;
    let ed = an_author(&world.plain, "Ed").await?;
    let mut edited = books[0].clone().into_active_model();
    edited.editor_id = Set(Some(ed.id));
    edited.update(&world.plain).await?;
    cold_pages(world, books[0].id, 2).await?;
    // The database must know the keys it is to follow.
    if world.plain.get_database_backend() == sea_orm::DbBackend::Sqlite {
        world.plain.execute_unprepared("PRAGMA foreign_keys = ON").await?;
    }
    everything(world).await?;
    Ok((jane, ed))
}

/// What the cache says of every row, and whether it says it without the database.
async fn everything(world: &World) -> Result<(Vec<Option<book::Model>>, Vec<Option<page::Model>>), DbErr> {
    let books = world.autocache.cache::<book::Entity>();
    let pages = world.autocache.cache::<page::Entity>();
    books.list_by(book::Column::EditorId, None::<i64>).await?;
    pages.list_by(page::Column::BookId, 1_i64).await?;
    Ok((books.get_many([1_i64, 2]).await?, pages.get_many([101_i64, 102]).await?))
}

async fn agrees_with_the_database(world: &World) -> Result<(), DbErr> {
    let (books, pages) = everything(world).await?;
    for (id, book) in [1_i64, 2].into_iter().zip(books) {
        assert_eq!(book, book::Entity::find_by_id(id).one(&world.plain).await?);
    }
    for (id, page) in [101_i64, 102].into_iter().zip(pages) {
        assert_eq!(page, page::Entity::find_by_id(id).one(&world.plain).await?);
    }
    use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
    let unedited =
        world.autocache.cache::<book::Entity>().list_by(book::Column::EditorId, None::<i64>).await?;
    let truth = book::Entity::find().filter(book::Column::EditorId.is_null()).order_by_asc(book::Column::Id);
    let truth = truth.all(&world.plain).await?;
    assert_eq!(unedited, truth);
    Ok(())
}

#[tokio::test]
async fn children_and_their_children_go_with_their_parent() {
    each_world(|world| async move {
        let (jane, _) = warm(&world).await?;
        let (deleted, _, trips) = world.cost(jane.delete(&world.db)).await;
        deleted?;
        assert_eq!(
            trips, 4,
            "the author and the lists of books; the books and the lists of pages; pages; the end"
        );
        assert_eq!(book::Entity::find().all(&world.plain).await?, []);
        agrees_with_the_database(&world).await
    })
    .await;
}

#[tokio::test]
async fn children_whose_key_is_set_to_null_are_read_anew() {
    each_world(|world| async move {
        let (_, ed) = warm(&world).await?;
        ed.delete(&world.db).await?;
        let emma = world.autocache.cache::<book::Entity>().get(1).await?;
        assert_eq!(emma.editor_id, None);
        agrees_with_the_database(&world).await
    })
    .await;
}

#[tokio::test]
async fn a_transaction_takes_them_along_when_it_commits() {
    each_world(|world| async move {
        let (jane, ed) = warm(&world).await?;
        let txn = world.db.begin().await?;
        jane.clone().delete(&txn).await?;
        txn.rollback().await?;
        let (read, sql, _) = world.cost(everything(&world)).await;
        assert_eq!((read?.0.into_iter().flatten().count(), sql), (2, 0));
        let txn = world.db.begin().await?;
        jane.delete(&txn).await?;
        ed.delete(&txn).await?;
        let (committed, _, trips) = world.cost(txn.commit()).await;
        committed?;
        assert_eq!(trips, 2);
        agrees_with_the_database(&world).await
    })
    .await;
}

#[tokio::test]
async fn an_unannounced_delete_takes_them_along_too() {
    each_world(|world| async move {
        let (jane, _) = warm(&world).await?;
        author::Entity::delete_by_id(jane.id).exec(&world.db).await?;
        agrees_with_the_database(&world).await
    })
    .await;
}

#[tokio::test]
async fn a_tree_goes_with_its_root() {
    each_world(|world| async move {
        warm(&world).await?;
        let node = |parent_id: Option<i64>, name: &str| node::ActiveModel {
            parent_id: Set(parent_id),
            name: Set(name.to_owned()),
            ..Default::default()
        };
        let root = node(None, "root").insert(&world.db).await?;
        let twig = node(Some(root.id), "twig").insert(&world.db).await?;
        let leaf = node(Some(twig.id), "leaf").insert(&world.db).await?;
        let cache = world.autocache.cache::<node::Entity>();
        cache.get_many([root.id, twig.id, leaf.id]).await?;
        root.delete(&world.db).await?;
        assert_eq!(cache.get_many([twig.id, leaf.id]).await?, [None, None]);
        Ok(())
    })
    .await;
}

/// A child that is inserted while its parent is deleted is either refused by the database or goes with it.
#[tokio::test]
async fn a_child_that_comes_in_between_is_not_left_behind() {
    each_world(|world| async move {
        let (jane, _) = warm(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        for round in 0..20 {
            let author = an_author(&world.db, "short-lived").await?;
            let insert = book_of(author.id, &format!("late {round}"), 1).insert(&world.db);
            let (inserted, deleted) = tokio::join!(insert, author.clone().delete(&world.db));
            deleted?;
            if let Ok(book) = inserted {
                let truth = book::Entity::find_by_id(book.id).one(&world.plain).await?;
                assert_eq!(cache.find(book.id).await?, truth, "round {round}");
            }
            assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?, []);
        }
        drop(jane);
        Ok(())
    })
    .await;
}

/// A part of the tables is elsewhere, or not made yet: that is no reason to refuse a delete.
#[tokio::test]
async fn a_delete_goes_on_where_its_children_cannot_be_read() {
    each_world(|world| async move {
        world.create_table(country::Entity).await;
        world.create_table(author::Entity).await;
        let author = an_author(&world.db, "Jane").await?;
        let id = author.id;
        author.delete(&world.db).await?;
        let (read, sql, _) = world.cost(world.autocache.cache::<author::Entity>().find(id)).await;
        assert_eq!((read?, sql), (None, 0));
        Ok(())
    })
    .await;
}
