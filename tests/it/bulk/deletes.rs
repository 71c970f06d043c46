//! `DELETE`: the absence of what is gone is remembered, and what goes along is read anew.

use super::{agrees, cached, returns, shelf, titles};
use crate::entities::book;
use crate::entities::library::{self, author, page};
use crate::support::{World, each_world};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, Set,
};
use sea_orm_autocache::prelude::*;

#[tokio::test]
async fn deleted_rows_are_known_to_be_gone() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let delete = book::Entity::delete_many().filter(book::Column::Id.gt(2));
        let (deleted, sql, trips) = world.cost(delete.exec_cached(&world.db)).await;
        assert_eq!(deleted?.rows_affected, 2);
        assert_eq!((sql, trips), (if returns(&world) { 1 } else { 2 }, 2));
        assert_eq!(cached(&world, &cache).await?, titles(["Volume 1", "Volume 2", "", "", ""]));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn deleted_rows_come_back_to_the_caller() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let delete = book::Entity::delete_many().filter(book::Column::Title.eq("Volume 2"));
        let rows = delete.exec_cached_with_returning(&world.db).await?;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2]);
        let all = book::Entity::delete_many().exec_cached(&world.db).await?;
        assert_eq!(all.rows_affected, 3);
        assert_eq!(cached(&world, &cache).await?, titles(["", "", "", "", ""]));
        let none = book::Entity::delete_many().exec_cached(&world.db).await?;
        assert_eq!(none.rows_affected, 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_row_by_its_key_or_model() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        assert_eq!(book::Entity::delete_by_id(1_i64).exec_cached(&world.db).await?.rows_affected, 1);
        let model = cache.get(2).await?.into_active_model();
        assert_eq!(book::Entity::delete(model).exec_cached(&world.db).await?.rows_affected, 1);
        assert_eq!(cached(&world, &cache).await?, titles(["", "", "Volume 3", "Volume 4", ""]));
        agrees(&world, &cache).await
    })
    .await;
}

/// Two authors with a book each, and pages in them, all cached.
async fn library(world: &World) -> Result<(), DbErr> {
    library::create_tables(&world.plain).await;
    if world.plain.get_database_backend() == DbBackend::Sqlite {
        world.plain.execute_unprepared("PRAGMA foreign_keys = ON").await?;
    }
    for id in [1, 2] {
        let author = author::Model { id, name: format!("author {id}"), country: None };
        author.into_active_model().reset_all().insert(&world.plain).await?;
        let book = library::book::ActiveModel {
            id: Set(id),
            title: Set(format!("book {id}")),
            isbn: Set(format!("isbn {id}")),
            author_id: Set(id),
            editor_id: Set(Some(3 - id).filter(|editor| *editor < id)),
            rank: Set(1),
        };
        book.insert(&world.plain).await?;
        let page = page::Model { id: id * 10, book_id: id, text: "text".to_owned() };
        page.into_active_model().reset_all().insert(&world.plain).await?;
    }
    everything(world).await?;
    Ok(())
}

type Everything = (Vec<Option<author::Model>>, Vec<Option<library::book::Model>>, Vec<Option<page::Model>>);

async fn everything(world: &World) -> Result<Everything, DbErr> {
    let cache = &world.autocache;
    cache.cache::<library::book::Entity>().list_by(library::book::Column::EditorId, None::<i64>).await?;
    Ok((
        cache.cache::<author::Entity>().get_many([1_i64, 2]).await?,
        cache.cache::<library::book::Entity>().get_many([1_i64, 2]).await?,
        cache.cache::<page::Entity>().get_many([10_i64, 20]).await?,
    ))
}

#[tokio::test]
async fn what_foreign_keys_take_along_is_read_anew() {
    each_world(|world| async move {
        library(&world).await?;
        // Book 2 is edited by author 1, and written by author 2.
        let delete = author::Entity::delete_many().filter(author::Column::Name.eq("author 1"));
        let (deleted, _, trips) = world.cost(delete.exec_cached(&world.db)).await;
        assert_eq!((deleted?.rows_affected, trips), (1, 2));
        let (authors, books, pages) = everything(&world).await?;
        assert!(authors[0].is_none() && books[0].is_none() && pages[0].is_none());
        assert!(authors[1].is_some() && pages[1].is_some());
        assert_eq!(books[1].as_ref().expect("book 2").editor_id, None);
        let unedited = world
            .autocache
            .cache::<library::book::Entity>()
            .list_by(library::book::Column::EditorId, None::<i64>)
            .await?;
        assert_eq!(unedited.iter().map(|book| book.id).collect::<Vec<_>>(), [2]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_delete_leaves_every_row_as_it_was() {
    each_world(|world| async move {
        library(&world).await?;
        let desk = library::desk::ActiveModel {
            author_id: Set(2),
            wood: Set("oak".to_owned()),
            ..Default::default()
        };
        desk.insert(&world.plain).await?;
        let before = everything(&world).await?;
        let refused = author::Entity::delete_many().exec_cached(&world.db).await;
        assert!(refused.is_err(), "the desk is still referred to");
        let (after, sql, _) = world.cost(everything(&world)).await;
        assert_eq!((after?, sql), (before, 0));
        Ok(())
    })
    .await;
}
