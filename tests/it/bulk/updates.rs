//! `UPDATE`: every row that it has changed is in the cache as it is now.

use super::{agrees, cached, retitle, returns, shelf, titles};
use crate::entities::{book, keyed::shelf as place, keyed::word};
use crate::support::{Database, World, each_world};
use sea_orm::sea_query::{CommonTableExpression, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter, QueryTrait, Set, Unchanged,
};
use sea_orm_autocache::prelude::*;

#[tokio::test]
async fn changed_rows_are_read_from_the_cache() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let update = retitle("new", book::Column::Id.is_in([1, 3]));
        let (updated, sql, trips) = world.cost(update.exec_cached(&world.db)).await;
        assert_eq!(updated?.rows_affected, 2);
        assert_eq!((sql, trips), (if returns(&world) { 1 } else { 3 }, 2));
        assert_eq!(cached(&world, &cache).await?, titles(["new", "Volume 2", "new", "Volume 4", ""]));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn rows_come_back_on_every_database() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let update =
            book::Entity::update_many().col_expr(book::Column::Rank, Expr::col(book::Column::Rank).add(1));
        let mut rows = update.exec_cached_with_returning(&world.db).await?;
        rows.sort_by_key(|row| row.id);
        let (read, sql, _) = world.cost(cache.get_many([1, 2, 3, 4])).await;
        assert_eq!((read?, sql), (rows.iter().cloned().map(Some).collect(), 0));
        assert!(rows.iter().all(|row| row.rank == 2) && rows.len() == 4);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_update_of_no_row_touches_nothing() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let (updated, _, trips) =
            world.cost(retitle("x", book::Column::Id.eq(77)).exec_cached(&world.db)).await;
        assert_eq!((updated?.rows_affected, trips), (0, 0));
        let nothing_to_set = book::Entity::update_many().exec_cached(&world.db);
        let (updated, sql, trips) = world.cost(nothing_to_set).await;
        assert_eq!((updated?.rows_affected, sql, trips), (0, 0, 0));
        assert_eq!(
            cached(&world, &cache).await?,
            titles(["Volume 1", "Volume 2", "Volume 3", "Volume 4", ""])
        );
        Ok(())
    })
    .await;
}

/// Conditions with whatever may stand in the text of a statement.
#[tokio::test]
async fn conditions_of_every_kind_find_their_rows() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let quoted = "it's a \"quote\" ` WHERE ? $1 (";
        retitle(quoted, book::Column::Title.eq("Volume 1")).exec_cached(&world.db).await?;
        assert_eq!(cached(&world, &cache).await?[0].as_deref(), Some(quoted));
        let back = Condition::any().add(book::Column::Title.eq(quoted)).add(book::Column::Id.eq(2));
        let constant = Condition::all().add(back).add(Expr::cust("'it''s WHERE ( ' <> 'x'"));
        assert_eq!(retitle("both", constant).exec_cached(&world.db).await?.rows_affected, 2);
        assert_eq!(cached(&world, &cache).await?, titles(["both", "both", "Volume 3", "Volume 4", ""]));
        let largest = Query::select()
            .expr(Expr::col(book::Column::Id).max())
            .from(book::Entity)
            .and_where(Expr::col(book::Column::Rank).eq(1))
            .take();
        // MySQL does not let a subquery read the table that is written, unless it is one of its own.
        let ids = Query::select().expr(Expr::cust("*")).from_subquery(largest, "largest").take();
        let update = retitle("last", book::Column::Id.in_subquery(ids)).filter(book::Column::Rank.lt(2));
        assert_eq!(update.exec_cached(&world.db).await?.rows_affected, 1);
        assert_eq!(cached(&world, &cache).await?, titles(["both", "both", "Volume 3", "last", ""]));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn a_limit_counts_where_the_database_knows_it() {
    let world = World::new(Database::MariaDb, crate::support::Place::Redis).await;
    let cache = shelf(&world).await.unwrap();
    let mut update = retitle("first", book::Column::Rank.eq(1));
    QueryTrait::query(&mut update).order_by(book::Column::Id, sea_orm::Order::Desc).limit(2);
    assert_eq!(update.exec_cached(&world.db).await.unwrap().rows_affected, 2);
    let expected = titles(["Volume 1", "Volume 2", "first", "first", ""]);
    assert_eq!(cached(&world, &cache).await.unwrap(), expected);
    agrees(&world, &cache).await.unwrap();
}

#[tokio::test]
async fn one_row_by_its_model() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let change =
            book::ActiveModel { id: Unchanged(2), title: Set("one".to_owned()), ..Default::default() };
        let row = book::Entity::update(change).exec_cached(&world.db).await?;
        assert_eq!((row.id, row.title.as_str()), (2, "one"));
        assert_eq!(cached(&world, &cache).await?, titles(["Volume 1", "one", "Volume 3", "Volume 4", ""]));
        let unchanged = book::ActiveModel { id: Unchanged(2), ..Default::default() };
        assert_eq!(book::Entity::update(unchanged).exec_cached(&world.db).await?, row);
        let missing =
            book::ActiveModel { id: Unchanged(9), title: Set("x".to_owned()), ..Default::default() };
        let missing = book::Entity::update(missing).exec_cached(&world.db).await;
        assert_eq!(missing, Err(DbErr::RecordNotUpdated));
        let keyless = book::ActiveModel { title: Set("x".to_owned()), ..Default::default() };
        assert!(book::Entity::update(keyless).exec_cached(&world.db).await.is_err());
        Ok(())
    })
    .await;
}

/// A row that gets another key leaves the old one and ends the absence of the new one.
#[tokio::test]
async fn an_update_of_the_primary_key_leaves_nothing_stale() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let update = book::Entity::update_many().col_expr(book::Column::Id, Expr::value(5));
        let updated = update.filter(book::Column::Id.eq(4)).exec_cached(&world.db).await?;
        assert_eq!(updated.rows_affected, 1);
        agrees(&world, &cache).await?;
        assert_eq!(cache.get(5).await?.title, "Volume 4");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn composite_and_text_keys_are_found() {
    each_world(|world| async move {
        world.create_table(place::Entity).await;
        let place = |label: &str, number| place::Model {
            room: "r,1".to_owned(),
            label: label.to_owned(),
            number,
            note: "old".to_owned(),
        };
        let places = [place("a'b", 1), place("a'b", 2), place("c", 1)];
        let rows = places.iter().cloned().map(|place| place.into_active_model().reset_all());
        assert_eq!(place::Entity::insert_many(rows).exec_cached(&world.db).await?, 3);
        let update = place::Entity::update_many().col_expr(place::Column::Note, Expr::value("new"));
        let updated = update.filter(place::Column::Label.eq("a'b")).exec_cached(&world.db).await?;
        assert_eq!(updated.rows_affected, 2);
        let cache = world.autocache.cache::<place::Entity>();
        let pks = places.iter().map(|place| (place.room.clone(), place.label.clone(), place.number));
        let (read, sql, _) = world.cost(cache.get_many(pks)).await;
        let notes: Vec<String> = read?.into_iter().map(|row| row.expect("a place").note).collect();
        assert_eq!((notes, sql), (vec!["new".to_owned(), "new".to_owned(), "old".to_owned()], 0));

        world.create_table(word::Entity).await;
        let word = |id: &str| word::Model { id: id.to_owned(), note: "old".to_owned() };
        let rows = [word("Abc"), word("x y:z")].map(|word| word.into_active_model().reset_all());
        word::Entity::insert_many(rows).exec_cached(&world.db).await?;
        let cache = world.autocache.cache::<word::Entity>();
        // MariaDB takes another spelling for the same word.
        let spelling = if world.database == Database::MariaDb { "aBC" } else { "Abc" };
        let update = word::Entity::update_many().col_expr(word::Column::Note, Expr::value("new"));
        update.filter(word::Column::Id.eq(spelling)).exec_cached(&world.db).await?;
        let (read, sql, _) = world.cost(cache.get("Abc")).await;
        assert_eq!((read?.note, sql), ("new".to_owned(), 0));
        assert_eq!(cache.get("x y:z").await?.note, "old");
        Ok(())
    })
    .await;
}

/// The statement says more than one table, or something before it: the rows are not known.
#[tokio::test]
async fn what_cannot_be_read_empties_the_entity() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let mut update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("all"));
        if returns(&world) {
            let one = Query::select().expr(Expr::value(1)).take();
            let mut cte = CommonTableExpression::new();
            cte.query(one).table_name("one");
            QueryTrait::query(&mut update).with_cte(cte);
        } else {
            update = update.filter(Expr::cust(r"'a\'b' <> 'c'"));
        }
        assert_eq!(update.exec_cached(&world.db).await?.rows_affected, 4);
        for id in 1..=4 {
            assert!(!cache.contains(id).await?);
        }
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn a_refused_update_leaves_every_row_as_it_was() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let unique = "CREATE UNIQUE INDEX one_rank ON book (title(50))";
        let unique = if returns(&world) { &unique.replace("(50)", "") } else { unique };
        world.plain.execute_unprepared(unique).await?;
        let update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("same"));
        let (failed, _, trips) = world.cost(update.exec_cached(&world.db)).await;
        assert!(failed.is_err());
        assert_eq!(trips, 0);
        assert_eq!(
            cached(&world, &cache).await?,
            titles(["Volume 1", "Volume 2", "Volume 3", "Volume 4", ""])
        );
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn two_at_once_leave_the_later_one() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        for round in 0..10 {
            let one = retitle(&format!("one {round}"), book::Column::Id.lte(3)).exec_cached(&world.db);
            let other = retitle(&format!("other {round}"), book::Column::Id.gte(2)).exec_cached(&world.db);
            let (one, other) = tokio::join!(one, other);
            // A deadlock ends one of them.
            assert!(one.is_ok() || other.is_ok());
            agrees(&world, &cache).await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_rows_take_two_round_trips() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let new = |id| book::Model { id, title: format!("{id}"), rank: 1 }.into_active_model().reset_all();
        let (inserted, _, trips) =
            world.cost(book::Entity::insert_many((1..=900_i64).map(new)).exec_cached(&world.db)).await;
        assert_eq!((inserted?, trips), (900, 2));
        let update = book::Entity::update_many().col_expr(book::Column::Rank, Expr::value(7));
        let (updated, _, trips) = world.cost(update.exec_cached(&world.db)).await;
        assert_eq!((updated?.rows_affected, trips), (900, 2));
        let (rows, sql, _) = world.cost(world.autocache.cache::<book::Entity>().get_many(1..=900_i64)).await;
        assert!(rows?.into_iter().flatten().filter(|row| row.rank == 7).count() == 900 && sql == 0);
        Ok(())
    })
    .await;
}
