//! `INSERT`: the new rows are in the cache, and their absence is over.

use super::{agrees, cached, returns, shelf, titles};
use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, World, each_world};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Insert, QueryTrait, Set, TryInsert};
use sea_orm_autocache::prelude::*;

fn born(id: i64, title: &str) -> book::ActiveModel {
    book::ActiveModel { id: Set(id), ..titled(title) }
}

#[tokio::test]
async fn new_rows_are_cached_and_their_absence_is_over() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let insert = book::Entity::insert_many([born(5, "five"), born(6, "six")]);
        let (inserted, sql, trips) = world.cost(insert.exec_cached(&world.db)).await;
        assert_eq!(inserted?, 2);
        assert_eq!((sql, trips), (if returns(&world) { 1 } else { 2 }, 2));
        assert_eq!(cached(&world, &cache).await?[4].as_deref(), Some("five"));
        let (six, sql, _) = world.cost(cache.get(6)).await;
        assert_eq!((six?.title.as_str(), sql), ("six", 0));
        let one = book::Entity::insert(born(7, "seven")).exec_cached_with_returning(&world.db).await?;
        assert_eq!(one, [book::Model { id: 7, title: "seven".to_owned(), rank: 1 }]);
        let (seven, sql, _) = world.cost(cache.get(7)).await;
        assert_eq!((seven?, sql), (one[0].clone(), 0));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn keys_that_the_database_makes_are_found() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.get_many([1, 2, 3]).await?, [None, None, None]);
        let rows = book::Entity::insert_many(["a", "b", "c"].map(titled));
        let rows = rows.exec_cached_with_returning(&world.db).await?;
        assert_eq!(rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let (read, sql, _) = world.cost(cache.get_many(ids)).await;
        assert_eq!((read?, sql), (rows.into_iter().map(Some).collect(), 0));
        book::Entity::insert(titled("d")).exec_cached(&world.db).await?;
        let (read, sql, _) = world.cost(cache.get(4)).await;
        assert_eq!((read?.title.as_str(), sql), ("d", 0));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn mysql_may_count_in_steps() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    cache.get_many([1, 2, 3, 4, 5]).await.unwrap();
    let txn = sea_orm::TransactionTrait::begin(&world.db).await.unwrap();
    txn.execute_unprepared("SET @@session.auto_increment_increment = 2").await.unwrap();
    book::Entity::insert_many(["a", "b"].map(titled)).exec_cached(&txn).await.unwrap();
    txn.execute_unprepared("SET @@session.auto_increment_increment = 1").await.unwrap();
    txn.commit().await.unwrap();
    let ids: Vec<i64> =
        book::Entity::find().all(&world.plain).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, [1, 3]);
    let (read, sql, _) = world.cost(cache.get_many([1, 3])).await;
    assert!(read.unwrap().iter().all(Option::is_some) && sql == 0);
    agrees(&world, &cache).await.unwrap();
}

/// Some rows bring their key and some do not, or the key is one that MySQL replaces.
#[tokio::test]
async fn keys_that_nobody_knows_leave_nothing_stale() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    for mixed in [vec![born(5, "five"), titled("counted")], vec![born(0, "zero")]] {
        let world = &world;
        world.plain.execute_unprepared("DROP TABLE IF EXISTS book").await.unwrap();
        let cache = shelf(world).await.unwrap();
        cache.clear().await.unwrap();
        cache.get_many([1, 2, 3, 4, 5]).await.unwrap();
        let count = mixed.len() as u64;
        assert_eq!(book::Entity::insert_many(mixed).exec_cached(&world.db).await.unwrap(), count);
        agrees(world, &cache).await.unwrap();
        assert!(cache.find(5).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_insert_of_nothing_sends_nothing() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let none = || Vec::<book::ActiveModel>::new();
        let inserts = async {
            let many = book::Entity::insert_many(none()).exec_cached(&world.db).await?;
            let kept =
                book::Entity::insert_many(none()).on_conflict_do_nothing().exec_cached(&world.db).await?;
            let rows = TryInsert::many(none()).exec_cached_with_returning(&world.db).await?;
            Ok::<_, DbErr>((many, kept, rows.len()))
        };
        let (counts, sql, trips) = world.cost(inserts).await;
        assert_eq!((counts?, sql, trips), ((0, 0, 0), 0, 0));
        Ok(())
    })
    .await;
}

fn or_update_title() -> OnConflict {
    OnConflict::column(book::Column::Id).update_column(book::Column::Title).to_owned()
}

#[tokio::test]
async fn an_upsert_leaves_every_row_right() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let upsert =
            book::Entity::insert_many([born(4, "again"), born(5, "five")]).on_conflict(or_update_title());
        let affected = upsert.exec_cached(&world.db).await?;
        assert_eq!(affected, if returns(&world) { 2 } else { 3 }, "MySQL counts an updated row twice");
        if returns(&world) {
            let expected = titles(["Volume 1", "Volume 2", "Volume 3", "again", "five"]);
            assert_eq!(cached(&world, &cache).await?, expected);
        }
        assert_eq!(cache.get(4).await?.title, "again");
        agrees(&world, &cache).await?;
        let again = book::Entity::insert(born(5, "fifth")).on_conflict(or_update_title());
        let again = again.exec_cached_with_returning(&world.db).await;
        assert_eq!(again.is_ok(), returns(&world), "MySQL does not say which rows an upsert has written");
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn an_insert_that_does_nothing_leaves_every_row_right() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let insert = book::Entity::insert_many([born(4, "never"), born(5, "five")]).on_conflict_do_nothing();
        insert.exec_cached(&world.db).await?;
        agrees(&world, &cache).await?;
        assert_eq!(
            (cache.get(4).await?.title, cache.get(5).await?.title),
            ("Volume 4".into(), "five".into())
        );
        let nothing = book::Entity::insert(born(5, "never")).on_conflict_do_nothing();
        nothing.exec_cached(&world.db).await?;
        agrees(&world, &cache).await
    })
    .await;
}

/// An upsert that gives the row that is there another key.
#[tokio::test]
async fn an_upsert_of_the_primary_key_leaves_nothing_stale() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let other_key =
            OnConflict::column(book::Column::Id).value(book::Column::Id, Expr::value(5)).to_owned();
        book::Entity::insert(born(4, "x")).on_conflict(other_key).exec_cached(&world.db).await?;
        agrees(&world, &cache).await?;
        assert_eq!((cache.find(4).await?, cache.get(5).await?.title), (None, "Volume 4".to_owned()));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_replacing_or_selecting_insert_leaves_nothing_stale() {
    for database in [Database::Sqlite, Database::MariaDb] {
        let world = World::new(database, Place::Redis).await;
        let cache = shelf(&world).await.unwrap();
        let mut replace: Insert<book::ActiveModel> = book::Entity::insert(born(4, "replaced"));
        replace.query().replace();
        replace.exec_cached(&world.db).await.unwrap();
        agrees(&world, &cache).await.unwrap();
        assert_eq!(cache.get(4).await.unwrap().title, "replaced");
    }
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let mut copy: Insert<book::ActiveModel> = book::Entity::insert(book::ActiveModel::default());
        let source = sea_orm::sea_query::Query::select()
            .expr(Expr::value(5_i64))
            .column(book::Column::Title)
            .column(book::Column::Rank)
            .from(book::Entity)
            .and_where(sea_orm::sea_query::ExprTrait::eq(Expr::col(book::Column::Id), 1))
            .take();
        copy.query().columns([book::Column::Id, book::Column::Title, book::Column::Rank]);
        copy.query().select_from(source).expect("three columns");
        copy.exec_cached(&world.db).await?;
        agrees(&world, &cache).await?;
        assert_eq!(cache.get(5).await?.title, "Volume 1");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_insert_leaves_every_row_as_it_was() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let (refused, _, trips) =
            world.cost(book::Entity::insert_many([born(5, "x"), born(1, "x")]).exec_cached(&world.db)).await;
        assert!(refused.is_err());
        assert_eq!(trips, 0);
        let before = titles(["Volume 1", "Volume 2", "Volume 3", "Volume 4", ""]);
        assert_eq!(cached(&world, &cache).await?, before);
        agrees(&world, &cache).await
    })
    .await;
}
