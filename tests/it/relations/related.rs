//! Related objects of one model: in the order asked for, cached after the first read.

use super::stock::{an_author, book_of, cold_pages, cold_shelf, titles};
use crate::entities::library::{self, author, book, book_tag, country, desk, item, node, page, shelf, tag};
use crate::support::each_world;
use sea_orm::{ActiveModelTrait, IntoActiveModel, Linked, ModelTrait, RelationDef, RelationTrait, Set};
use sea_orm_autocache::CacheErrorKind;
use sea_orm_autocache::prelude::*;

#[tokio::test]
async fn a_cold_list_is_one_statement_and_a_warm_one_is_none() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let (books, sql, _) = world.cost(author.cached_related(book::Entity)).await;
                assert_eq!((titles(&books?), sql), (vec!["Persuasion", "Emma"], 1));
                let (books, sql, trips) = world.cost(author.cached_related(book::Entity)).await;
                assert_eq!((titles(&books?), sql, trips), (vec!["Persuasion", "Emma"], 0, 2));
                let (book, sql, _) = world.cost(book::Entity::cache().get(1)).await;
                assert_eq!((book?.title.as_str(), sql), ("Emma", 0), "the list's rows are cached, too");
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_is_remembered() {
    each_world(|world| async move {
        library::create_tables(&world.plain).await;
        let author = an_author(&world.plain, "Nobody").await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (books, sql, _) = world.cost(author.cached_related(book::Entity)).await;
                    assert_eq!((books?.len(), sql), (0, expected));
                }
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_parent_costs_what_a_row_costs() {
    each_world(|world| async move {
        let (author, books) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for (expected_sql, expected_trips) in [(1, 3), (0, 1)] {
                    let (parent, sql, trips) = world.cost(books[0].cached_one(author::Entity)).await;
                    assert_eq!((parent?.as_ref(), sql, trips), (Some(&author), expected_sql, expected_trips));
                }
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn the_parent_of_a_null_key_is_nobody_and_nobody_is_asked() {
    each_world(|world| async move {
        let (_, books) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let editor = books[0].cached_one_by(book::Relation::Editor.def(), author::Entity);
                let (editor, sql, trips) = world.cost(editor).await;
                assert_eq!((editor?, sql, trips), (None, 0, 0));
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_relation_of_several_is_named() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let editor = an_author(&world.plain, "Ed").await?;
        let edited = book::ActiveModel { editor_id: Set(Some(editor.id)), ..book_of(author.id, "Edited", 9) };
        let edited = edited.insert(&world.db).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let found = edited.cached_one_by(book::Relation::Editor.def(), author::Entity).await?;
                assert_eq!(found.as_ref(), Some(&editor));
                let by_editor = || editor.cached_related_by(book::Relation::Editor.def().rev(), book::Entity);
                assert_eq!(titles(&by_editor().await?), ["Edited"]);
                let (again, sql, _) = world.cost(by_editor()).await;
                assert_eq!((titles(&again?), sql), (vec!["Edited"], 0));
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn has_one_remembers_that_there_is_none_and_follows_a_move() {
    each_world(|world| async move {
        library::create_tables(&world.plain).await;
        let (jane, mary) = (an_author(&world.plain, "Jane").await?, an_author(&world.plain, "Mary").await?);
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (desk, sql, _) = world.cost(jane.cached_one(desk::Entity)).await;
                    assert_eq!((desk?, sql), (None, expected));
                }
                let oak = desk::ActiveModel {
                    author_id: Set(jane.id),
                    wood: Set("oak".to_owned()),
                    ..Default::default()
                };
                let oak = oak.insert(&world.db).await?;
                assert_eq!(jane.cached_one(desk::Entity).await?.as_ref(), Some(&oak));
                assert_eq!(mary.cached_one(desk::Entity).await?, None);
                let mut moved = oak.clone().into_active_model();
                moved.author_id = Set(mary.id);
                let oak = moved.update(&world.db).await?;
                let (found, sql, _) = world.cost(jane.cached_one(desk::Entity)).await;
                assert_eq!((found?, sql), (None, 0), "the old owner's list heals by itself");
                assert_eq!(mary.cached_one(desk::Entity).await?.as_ref(), Some(&oak));
                let (found, sql, _) = world.cost(mary.cached_one(desk::Entity)).await;
                assert_eq!((found?, sql), (Some(oak.clone()), 0));
                oak.delete(&world.db).await?;
                let (found, sql, _) = world.cost(mary.cached_one(desk::Entity)).await;
                assert_eq!((found?, sql), (None, 0));
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn many_to_many_goes_through_the_junction_from_both_sides() {
    each_world(|world| async move {
        let (_, books) = cold_shelf(&world).await?;
        let word = |word: &str| tag::ActiveModel { word: Set(word.to_owned()), ..Default::default() };
        let (dry, wry) = (word("dry").insert(&world.db).await?, word("wry").insert(&world.db).await?);
        let link = |book: &book::Model, tag: &tag::Model| {
            book_tag::Model { book_id: book.id, tag_id: tag.id }.into_active_model().reset_all()
        };
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                assert_eq!(books[0].cached_related(tag::Entity).await?, []);
                link(&books[0], &wry).insert(&world.db).await?;
                link(&books[0], &dry).insert(&world.db).await?;
                let junction = link(&books[1], &wry).insert(&world.db).await?;
                assert_eq!(books[0].cached_related(tag::Entity).await?, [dry.clone(), wry.clone()]);
                assert_eq!(titles(&wry.cached_related(book::Entity).await?), ["Emma", "Persuasion"]);
                let (tags, sql, trips) = world.cost(books[0].cached_related(tag::Entity)).await;
                assert_eq!((tags?.len(), sql, trips), (2, 0, 3));
                junction.delete(&world.db).await?;
                let (tagged, sql, _) = world.cost(wry.cached_related(book::Entity)).await;
                assert_eq!((titles(&tagged?), sql), (vec!["Emma"], 0));
                let mut changed = dry.into_active_model();
                changed.word = Set("arid".to_owned());
                changed.update(&world.db).await?;
                let (tags, sql, _) = world.cost(books[0].cached_related(tag::Entity)).await;
                assert_eq!(
                    (tags?[0].word.as_str(), sql),
                    ("arid", 0),
                    "the row of either end shows at the other"
                );
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_tree_is_read_down_and_up() {
    each_world(|world| async move {
        library::create_tables(&world.plain).await;
        let node = |parent_id: Option<i64>, name: &str| node::ActiveModel {
            parent_id: Set(parent_id),
            name: Set(name.to_owned()),
            ..Default::default()
        };
        let root = node(None, "root").insert(&world.db).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let children = || root.cached_related_by(node::Relation::Parent.def().rev(), node::Entity);
                assert_eq!(children().await?, []);
                let leaf = node(Some(root.id), "leaf").insert(&world.db).await?;
                assert_eq!(children().await?, vec![leaf.clone()]);
                let parent = leaf.cached_one_by(node::Relation::Parent.def(), node::Entity);
                assert_eq!(parent.await?.as_ref(), Some(&root));
                let roots =
                    || async { node::Entity::cache().list_by(node::Column::ParentId, None::<i64>).await };
                assert_eq!(roots().await?, vec![root.clone()], "NULL is a value of its own");
                let second = node(None, "second").insert(&world.db).await?;
                assert_eq!(roots().await?, vec![root.clone(), second]);
                let (_, sql, _) = world.cost(roots()).await;
                assert_eq!(sql, 0);
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_may_point_to_a_unique_column() {
    each_world(|world| async move {
        library::create_tables(&world.plain).await;
        let country = country::ActiveModel { code: Set("GB".to_owned()), ..Default::default() };
        let country = country.insert(&world.plain).await?;
        let author = author::ActiveModel {
            name: Set("Jane".to_owned()),
            country: Set(Some("GB".to_owned())),
            ..Default::default()
        };
        let author = author.insert(&world.plain).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (found, sql, _) = world.cost(author.cached_one(country::Entity)).await;
                    assert_eq!((found?.as_ref(), sql), (Some(&country), expected));
                }
                assert_eq!(country.cached_related(author::Entity).await?, vec![author.clone()]);
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn composite_keys_are_followed() {
    each_world(|world| async move {
        library::create_tables(&world.plain).await;
        let shelf = shelf::Model { branch: 1, number: 2, label: "poetry".to_owned() };
        shelf.clone().into_active_model().reset_all().insert(&world.plain).await?;
        let item = |shelf, name: &str| item::ActiveModel {
            branch: Set(1),
            shelf: Set(shelf),
            name: Set(name.to_owned()),
            ..Default::default()
        };
        let ode = item(2, "ode").insert(&world.plain).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (found, sql, _) = world.cost(shelf.cached_related(item::Entity)).await;
                    assert_eq!((found?, sql), (vec![ode.clone()], expected));
                }
                assert_eq!(ode.cached_one(shelf::Entity).await?.as_ref(), Some(&shelf));
                let sonnet = item(2, "sonnet").insert(&world.db).await?;
                assert_eq!(shelf.cached_related(item::Entity).await?, [ode.clone(), sonnet]);
                Ok(())
            })
            .await
    })
    .await;
}

struct Colleagues;

impl Linked for Colleagues {
    type FromEntity = tag::Entity;
    type ToEntity = author::Entity;

    fn link(&self) -> Vec<RelationDef> {
        vec![
            book_tag::Relation::Tag.def().rev(),
            book_tag::Relation::Book.def(),
            book::Relation::Author.def(),
        ]
    }
}

#[tokio::test]
async fn a_chain_of_relations_is_followed() {
    each_world(|world| async move {
        let (author, books) = cold_shelf(&world).await?;
        let tag = tag::ActiveModel { word: Set("wry".to_owned()), ..Default::default() };
        let tag = tag.insert(&world.db).await?;
        let link = book_tag::Model { book_id: books[0].id, tag_id: tag.id };
        link.into_active_model().reset_all().insert(&world.db).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                assert_eq!(tag.cached_linked(Colleagues).await?, vec![author.clone()]);
                let (found, sql, _) = world.cost(tag.cached_linked(Colleagues)).await;
                assert_eq!((found?, sql), (vec![author.clone()], 0));
                Ok(())
            })
            .await
    })
    .await;
}

struct Pages;

impl Linked for Pages {
    type FromEntity = author::Entity;
    type ToEntity = page::Entity;

    fn link(&self) -> Vec<RelationDef> {
        vec![author::Relation::Book.def(), book::Relation::Page.def()]
    }
}

#[tokio::test]
async fn a_chain_over_an_entity_in_between_costs_a_statement_each_cold_and_none_warm() {
    each_world(|world| async move {
        let (author, books) = cold_shelf(&world).await?;
        // The later book stands first.
        let of_emma = cold_pages(&world, books[0].id, 2).await?;
        let pages = [cold_pages(&world, books[1].id, 1).await?, of_emma].concat();
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [2, 0] {
                    let (found, sql, _) = world.cost(author.cached_linked(Pages)).await;
                    assert_eq!((found?, sql), (pages.clone(), expected));
                }
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_with_a_reason() {
    each_world(|world| async move {
        let (author, books) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        let scoped = autocache.scope(async {
            let conditional = book::Relation::Author.def().on_condition(|_, right| {
                use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
                Expr::col((right, author::Column::Name)).eq("Jane").into_condition()
            });
            let refused = books[0].cached_one_by(conditional, author::Entity).await.unwrap_err();
            assert!(matches!(CacheErrorKind::of(&refused), Some(CacheErrorKind::Conditional)), "{refused}");
            let astray =
                author.cached_related_by(book::Relation::Author.def(), book::Entity).await.unwrap_err();
            assert!(
                matches!(CacheErrorKind::of(&astray), Some(CacheErrorKind::RelationMismatch)),
                "{astray}"
            );
        });
        scoped.await;
        let nowhere = author.cached_related(book::Entity).await.unwrap_err();
        assert_eq!(CacheErrorKind::of(&nowhere), Some(CacheErrorKind::NoAutocache));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_its_own_writes_are_seen() {
    use sea_orm::TransactionTrait;
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                author.cached_related(book::Entity).await?;
                let txn = world.db.begin().await?;
                book_of(author.id, "Sanditon", 3).insert(&txn).await?;
                let inside = author.cached_related_on(book::Entity, &txn).await?;
                assert_eq!(titles(&inside), ["Sanditon", "Persuasion", "Emma"]);
                txn.rollback().await?;
                let (books, sql, _) = world.cost(author.cached_related(book::Entity)).await;
                assert_eq!((titles(&books?), sql), (vec!["Persuasion", "Emma"], 0));
                Ok(())
            })
            .await
    })
    .await;
}
