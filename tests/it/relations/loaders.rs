//! Related objects of many models at once: one round trip for the lists and one for their rows.

use super::stock::{an_author, book_of, titles};
use crate::entities::library::{self, author, book, book_tag, tag};
use crate::support::{World, each_world};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, LoaderTrait, RelationTrait, Set};
use sea_orm_autocache::prelude::*;

/// Fifty authors, each with up to three books, of which each third has an editor.
async fn a_page(world: &World) -> Result<Vec<author::Model>, DbErr> {
    library::create_tables(&world.plain).await;
    let mut authors = Vec::new();
    for n in 0..50 {
        authors.push(an_author(&world.plain, &format!("author {n}")).await?);
    }
    let mut books = Vec::new();
    for (n, author) in authors.iter().enumerate() {
        for b in 0..n % 4 {
            let editor_id = (b == 2).then(|| authors[0].id);
            let rank = i32::try_from(b).expect("a small number");
            books.push(book::ActiveModel {
                editor_id: Set(editor_id),
                ..book_of(author.id, &format!("{n}.{b}"), rank)
            });
        }
    }
    book::Entity::insert_many(books).exec(&world.plain).await?;
    Ok(authors)
}

#[tokio::test]
async fn a_page_of_parents_costs_one_statement_cold_and_none_warm() {
    each_world(|world| async move {
        let authors = a_page(&world).await?;
        let mut expected = authors.load_many(book::Entity, &world.plain).await?;
        expected.iter_mut().for_each(|books| books.sort_by_key(|book| -book.rank));
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let (lists, sql, _) = world.cost(authors.cached_load_many(book::Entity)).await;
                assert_eq!((lists?, sql), (expected.clone(), 1));
                let (lists, sql, trips) = world.cost(authors.cached_load_many(book::Entity)).await;
                assert_eq!((lists?, sql, trips), (expected.clone(), 0, 2));
                let (lists, sql, trips) = world.cost(authors.cached_load_many(book::Entity)).await;
                assert_eq!((lists?, sql, trips), (expected.clone(), 0, 2));
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn the_parents_of_a_page_cost_one_round_trip() {
    each_world(|world| async move {
        a_page(&world).await?;
        let books = book::Entity::find().all(&world.plain).await?;
        let expected = books.load_one(author::Entity, &world.plain).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let (parents, sql, _) = world.cost(books.cached_load_one(author::Entity)).await;
                assert_eq!((parents?, sql), (expected.clone(), 1));
                let (parents, sql, trips) = world.cost(books.cached_load_one(author::Entity)).await;
                assert_eq!((parents?, sql, trips), (expected, 0, 1));
                let editors = books.cached_load_one_by(book::Relation::Editor.def(), author::Entity);
                let (editors, sql, trips) = world.cost(editors).await;
                let has_editor = |(book, editor): (&book::Model, Option<author::Model>)| {
                    assert_eq!(editor.map(|editor| editor.id), book.editor_id);
                };
                books.iter().zip(editors?).for_each(has_editor);
                assert_eq!((sql, trips), (1, 3), "the one editor has no books and was not asked for before");
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn many_to_many_costs_a_round_trip_for_each_table_on_the_way() {
    each_world(|world| async move {
        let authors = a_page(&world).await?;
        let books = book::Entity::find().all(&world.plain).await?;
        for n in 0..5 {
            let tag = tag::ActiveModel { word: Set(format!("tag {n}")), ..Default::default() };
            let tag = tag.insert(&world.plain).await?;
            let tagged = books.iter().filter(|book| book.id % 5 >= n);
            let links =
                tagged.map(|book| book_tag::ActiveModel { book_id: Set(book.id), tag_id: Set(tag.id) });
            book_tag::Entity::insert_many(links).exec(&world.plain).await?;
        }
        let mut expected = books.load_many(tag::Entity, &world.plain).await?;
        expected.iter_mut().for_each(|tags| tags.sort_by_key(|tag| tag.id));
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let (tags, sql, _) = world.cost(books.cached_load_many(tag::Entity)).await;
                assert_eq!((tags?, sql), (expected.clone(), 2), "the junction, and the tags");
                let (tags, sql, trips) = world.cost(books.cached_load_many(tag::Entity)).await;
                assert_eq!((tags?, sql, trips), (expected, 0, 3));
                assert_eq!(
                    authors[..0].cached_load_many(book::Entity).await?,
                    Vec::<Vec<book::Model>>::new()
                );
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn only_what_is_missing_is_read() {
    each_world(|world| async move {
        let authors = a_page(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                authors.cached_load_many(book::Entity).await?;
                book_of(authors[7].id, "new", 9).insert(&world.db).await?;
                let (lists, sql, _) = world.cost(authors.cached_load_many(book::Entity)).await;
                assert_eq!((titles(&lists?[7]), sql), (vec!["new", "7.2", "7.1", "7.0"], 1));
                let mut renamed = book::Entity::cache().get(1).await?.into_active_model();
                renamed.title = Set("renamed".to_owned());
                let renamed = renamed.update(&world.db).await?;
                let (lists, sql, trips) = world.cost(authors.cached_load_many(book::Entity)).await;
                assert!(lists?.iter().flatten().any(|book| *book == renamed));
                assert_eq!((sql, trips), (0, 2), "a change of a row touches no list");
                Ok(())
            })
            .await
    })
    .await;
}
