//! Whose statement it is: only the statement of a save is taken for it.

use crate::entities::{address, blog, book};
use crate::laws::{cold_books, titled};
use crate::support::{Database, Place, World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, NotSet, Set, TransactionTrait, Unchanged,
};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::{__private as signals, UntrackedWrites};

/// Two addresses, of which the first is the default, in the cache.
async fn addresses(world: &World) -> Result<CacheController<address::Entity>, DbErr> {
    world.create_table(address::Entity).await;
    for (street, is_default) in [("one", true), ("two", false)] {
        let new =
            address::ActiveModel { id: NotSet, street: Set(street.to_owned()), is_default: Set(is_default) };
        new.insert(&world.plain).await?;
    }
    let cache = world.autocache.cache::<address::Entity>();
    cache.get_many([1, 2]).await?;
    Ok(cache)
}

fn second_is_default() -> address::ActiveModel {
    address::ActiveModel { id: Unchanged(2), street: NotSet, is_default: Set(true) }
}

async fn second_is_the_only_default(cache: &CacheController<address::Entity>) -> Result<(), DbErr> {
    let defaults = cache.get_many([1, 2]).await?.into_iter().flatten().map(|address| address.is_default);
    assert_eq!(defaults.collect::<Vec<_>>(), [false, true]);
    Ok(())
}

#[tokio::test]
async fn a_bulk_write_of_a_hook_is_seen() {
    each_world(|world| async move {
        let cache = addresses(&world).await?;
        second_is_default().update(&world.db).await?;
        second_is_the_only_default(&cache).await
    })
    .await;
    each_world(|world| async move {
        let cache = addresses(&world).await?;
        let txn = world.db.begin().await?;
        second_is_default().update(&txn).await?;
        txn.commit().await?;
        second_is_the_only_default(&cache).await
    })
    .await;
}

#[tokio::test]
async fn a_bulk_write_after_a_hook_that_has_failed_is_seen() {
    each_world(|world| async move {
        let cache = addresses(&world).await?;
        let nowhere = Set(address::NOWHERE.to_owned());
        let failing = address::ActiveModel { id: Unchanged(2), street: nowhere, is_default: NotSet };
        assert!(failing.update(&world.db).await.is_err());
        let moved = Expr::value("elsewhere");
        address::Entity::update_many().col_expr(address::Column::Street, moved).exec(&world.db).await?;
        let streets = cache.get_many([1, 2]).await?.into_iter().flatten().map(|address| address.street);
        assert_eq!(streets.collect::<Vec<_>>(), ["elsewhere", "elsewhere"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_bulk_write_beside_a_save_of_the_same_task_is_seen() {
    each_world(|world| async move {
        let cache = addresses(&world).await?;
        let moved = Expr::value("elsewhere");
        let bulk = address::Entity::update_many().col_expr(address::Column::Street, moved);
        let save = address::ActiveModel { id: Unchanged(2), street: NotSet, is_default: Set(false) };
        let (saved, written) = tokio::join!(save.update(&world.db), bulk.exec(&world.db));
        saved?;
        written?;
        assert_eq!(cache.get(1).await?.street, "elsewhere");
        assert_eq!(cache.get(2).await?.street, "elsewhere");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_bulk_write_of_a_hook_after_the_row_is_seen() {
    each_world(|world| async move {
        let cache = addresses(&world).await?;
        let crossed = Set(address::CROSSED.to_owned());
        let save = address::ActiveModel { id: Unchanged(2), street: crossed, is_default: NotSet };
        save.clone().update(&world.db).await?;
        assert_eq!(cache.get(2).await?.street, "over there");
        let txn = world.db.begin().await?;
        save.update(&txn).await?;
        txn.commit().await?;
        assert_eq!(cache.get(2).await?.street, "over there");
        Ok(())
    })
    .await;
}

/// The save's own intent stands until its own statement has ended.
#[tokio::test]
async fn a_bulk_write_that_is_refused_ends_no_save() {
    each_world(|world| async move {
        cold_books(&world, 1..=2).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(1).await?;
        let save = book::ActiveModel { id: Unchanged(1), title: Set("saved".to_owned()), rank: NotSet };
        signals::pre_save(&save, &world.db, false).await?;
        let refused = book::Entity::update_many().col_expr(book::Column::Id, Expr::value(7));
        assert!(refused.exec(&world.db).await.is_err(), "two rows cannot have one key");
        cache.get(1).await?;
        assert!(!cache.contains(1).await?, "the save is not over");
        Ok(())
    })
    .await;
}

/// An insert of other values, and one of more rows, than a hook has announced.
#[tokio::test]
async fn another_insert_is_not_taken_for_the_one_of_a_save() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        titled("zeroth").insert(&world.plain).await?;
        let cache = world.autocache.cache::<book::Entity>();
        for (saved, inserted) in [("first", vec!["other"]), ("second", vec!["second", "second"])] {
            let next = book::Entity::find().all(&world.plain).await?.len() as i64 + 1;
            assert_eq!(cache.find(next).await?, None);
            signals::pre_save(&titled(saved), &world.db, true).await?;
            book::Entity::insert_many(inserted.into_iter().map(titled)).exec(&world.db).await?;
            assert!(cache.find(next).await?.is_some(), "{next}");
        }
        Ok(())
    })
    .await;
}

/// Links that stay as they are run a hook, and send nothing.
#[tokio::test]
async fn a_bulk_delete_after_links_that_have_not_changed_is_seen() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let writer = blog::writer::ActiveModel { id: NotSet, name: Set("George".into()) };
        let writer = writer.insert(&world.plain).await?;
        let post = blog::post::ActiveModel::builder().set_writer_id(writer.id).set_title("One");
        let tags = ["a", "b", "c"].map(|word| blog::tag::ActiveModel::builder().set_word(word));
        let post = tags.into_iter().fold(post, blog::post::ActiveModelEx::add_tag).save(&world.db).await?;
        let cache = world.autocache.cache::<blog::post_tag::Entity>();
        let links: Vec<(i32, i32)> = (1..=3).map(|tag| (1, tag)).collect();
        assert_eq!(cache.get_many(links.clone()).await?.into_iter().flatten().count(), 3);
        post.save(&world.db).await?;
        assert_eq!(cache.get_many(links.clone()).await?.into_iter().flatten().count(), 3);
        blog::post_tag::Entity::delete_many().exec(&world.db).await?;
        assert_eq!(cache.get_many(links).await?.into_iter().flatten().count(), 0);
        Ok(())
    })
    .await;
}

/// Under `Refuse`, a save goes through and its statement is known for its own, whatever it sets.
#[tokio::test]
async fn saves_are_not_refused_and_bulk_writes_are() {
    for (database, place) in crate::support::ALL {
        let refuse =
            |builder: sea_orm_autocache::AutocacheBuilder| builder.untracked_writes(UntrackedWrites::Refuse);
        let world = World::with(database, place, refuse).await;
        refused_but_saves(&world).await.unwrap_or_else(|error| panic!("{database:?} {place:?}: {error}"));
    }
}

async fn refused_but_saves(world: &World) -> Result<(), DbErr> {
    blog::create_tables(&world.plain).await;
    world.create_table(book::Entity).await;
    let book = titled("one").insert(&world.db).await?;
    let book = book::ActiveModel { title: Set("two".into()), ..book.into() }.update(&world.db).await?;
    let txn = world.db.begin().await?;
    let book = book::ActiveModel { rank: Set(2), ..book.into() }.update(&txn).await?;
    txn.commit().await?;
    sea_orm::ModelTrait::delete(book, &world.db).await?;
    let writer =
        blog::writer::ActiveModel { id: NotSet, name: Set("George".into()) }.insert(&world.db).await?;
    let post = blog::post::ActiveModel::builder().set_writer_id(writer.id).set_title("One");
    let post = post.add_tag(blog::tag::ActiveModel::builder().set_word("a")).save(&world.db).await?;
    post.save(&world.db).await?;
    let link = blog::post_tag::Entity::find().one(&world.plain).await?.expect("a link");
    sea_orm::ModelTrait::delete(link, &world.db).await?;
    let refused = blog::post_tag::Entity::delete_many().exec(&world.db).await.unwrap_err();
    assert_eq!(CacheErrorKind::of(&refused), Some(CacheErrorKind::UntrackedWrite));
    let text = "INSERT INTO book (title, \"rank\") VALUES ('x', 1)"
        .replace('"', if world.database == Database::MariaDb { "`" } else { "\"" });
    let refused = world.db.execute_unprepared(&text).await.unwrap_err();
    assert_eq!(CacheErrorKind::of(&refused), Some(CacheErrorKind::UntrackedWrite));
    Ok(())
}

/// What hooks of a transaction leave ends with it.
#[tokio::test]
async fn saves_without_an_end_leave_nothing_behind_their_transaction() -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    cold_books(&world, 1..=10).await?;
    let weak = {
        let txn = world.db.begin().await?;
        for id in 1..=10 {
            let save = book::ActiveModel { id: Unchanged(id), title: Set("saved".to_owned()), rank: NotSet };
            save.update_without_returning(&txn).await?;
        }
        txn.commit().await
    };
    weak?;
    let cache = world.autocache.cache::<book::Entity>();
    assert_eq!(cache.get(3).await?.title, "saved");
    Ok(())
}
