//! Deletes that the database carries on to other rows.

use super::stock::{an_author, book_of, cold_pages, cold_shelf};
use crate::entities::library::{author, book, country, node, page};
use crate::support::{Database, Place, World, each_world};
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

async fn nodes(world: &World, sql: &str) -> Result<(), DbErr> {
    warm(world).await?;
    world.plain.execute_unprepared("CREATE INDEX node_parent ON lib_node (parent_id)").await?;
    world.plain.execute_unprepared(sql).await?;
    Ok(())
}

/// More levels than are followed.
#[tokio::test]
async fn a_chain_of_any_length_goes_with_its_root() {
    each_world(|world| async move {
        // InnoDB follows fewer levels than the cache, and refuses the delete.
        if world.database == Database::MariaDb {
            return Ok(());
        }
        let rows: Vec<String> = (1..=60)
            .map(|id| format!("({id}, {}, 'n')", if id == 1 { "NULL".into() } else { (id - 1).to_string() }))
            .collect();
        let rows = rows.join(", ");
        nodes(&world, &format!("INSERT INTO lib_node (id, parent_id, name) VALUES {rows}")).await?;
        let cache = world.autocache.cache::<node::Entity>();
        let again = format!("INSERT INTO lib_node (id, parent_id, name) VALUES {rows}");
        for in_transaction in [false, true] {
            assert_eq!(cache.get_many(1..=60_i64).await?.into_iter().flatten().count(), 60);
            let root = cache.get(1).await?;
            if in_transaction {
                let txn = world.db.begin().await?;
                root.delete(&txn).await?;
                txn.commit().await?;
            } else {
                root.delete(&world.db).await?;
            }
            let left = node::Entity::find().all(&world.plain).await?.len();
            assert_eq!(cache.get_many(1..=60_i64).await?.into_iter().flatten().count(), left);
            node::Entity::delete_many().exec(&world.plain).await?;
            world.plain.execute_unprepared(&again).await?;
            cache.clear().await?;
        }
        Ok(())
    })
    .await;
}

/// More children than a statement takes values.
#[tokio::test]
async fn a_row_of_many_children_can_be_deleted() -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let sql = "INSERT INTO lib_node (id, parent_id, name) WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 \
               FROM n WHERE id <= 40000) SELECT id, CASE WHEN id = 1 THEN NULL ELSE 1 END, 'n' FROM n";
    nodes(&world, sql).await?;
    let cache = world.autocache.cache::<node::Entity>();
    let root = cache.get(1).await?;
    cache.get(40_001).await?;
    let txn = world.db.begin().await?;
    root.delete(&txn).await?;
    txn.commit().await?;
    assert_eq!(cache.find(40_001).await?, None);
    Ok(())
}

/// In a transaction as without one: a table that cannot be read is no reason to fail.
#[tokio::test]
async fn a_delete_in_a_transaction_goes_on_where_its_children_cannot_be_read() {
    each_world(|world| async move {
        world.create_table(country::Entity).await;
        world.create_table(author::Entity).await;
        let author = an_author(&world.db, "Jane").await?;
        let id = author.id;
        let txn = world.db.begin().await?;
        author.delete(&txn).await?;
        let ed = an_author(&txn, "Ed").await?;
        txn.commit().await?;
        let cache = world.autocache.cache::<author::Entity>();
        assert_eq!(cache.find(id).await?, None);
        assert_eq!(cache.find(ed.id).await?, author::Entity::find_by_id(ed.id).one(&world.plain).await?);
        Ok(())
    })
    .await;
}

/// `FOR UPDATE` takes the right to update, which a role that may delete need not have.
#[tokio::test]
async fn a_role_that_may_not_update_can_delete() -> Result<(), DbErr> {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (jane, _) = warm(&world).await?;
    let role = format!("{}_reader", world.app);
    for sql in [
        format!("CREATE ROLE {role}"),
        format!("GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
    ] {
        world.plain.execute_unprepared(&sql).await?;
    }
    let txn = world.db.begin().await?;
    txn.execute_unprepared(&format!("SET LOCAL ROLE {role}")).await?;
    jane.delete(&txn).await?;
    txn.commit().await?;
    assert_eq!(book::Entity::find().all(&world.plain).await?, []);
    agrees_with_the_database(&world).await
}

/// A program with several databases says which entities live elsewhere.
#[tokio::test]
async fn no_child_is_looked_for_that_is_left_out() -> Result<(), DbErr> {
    let world = World::with(Database::Sqlite, Place::Memory, |builder| builder.without(book::Entity)).await;
    let (jane, _) = cold_shelf(&world).await?;
    book::Entity::delete_many().exec(&world.plain).await?;
    let txn = world.db.begin().await?;
    let (deleted, sql, _) = world.cost(jane.delete(&txn)).await;
    deleted?;
    assert_eq!(sql, 1);
    txn.commit().await
}
