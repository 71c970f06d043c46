//! Whoever writes a table writes for all its entities, and for those that depend on it.

use crate::entities::twins::{self, coded, item, shelf};
use crate::support::{ALL, Database, Place, World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait, NotSet,
    QueryFilter, Set, TransactionTrait,
};
use sea_orm_autocache::UntrackedWrites;
use sea_orm_autocache::prelude::*;
use std::time::Duration;

/// Two items on shelf 1, all that is known of them in the cache, and that shelf 2 is empty.
async fn items(world: &World) -> Result<item::Model, DbErr> {
    twins::create_tables(world).await;
    for code in [10, 20] {
        let new = item::ActiveModel { id: NotSet, code: Set(code), shelf: Set(1) };
        new.insert(&world.plain).await?;
    }
    agrees(world).await?;
    agrees(world).await?;
    world.autocache.cache::<item::Entity>().get(1).await
}

/// Every entity answers what the database holds.
async fn agrees(world: &World) -> Result<(), DbErr> {
    let cache = world.autocache.cache::<item::Entity>();
    for id in 1..=3 {
        assert_eq!(cache.find(id).await?, item::Entity::find_by_id(id).one(&world.plain).await?, "item {id}");
    }
    let cache = world.autocache.cache::<coded::Entity>();
    for code in [10, 11, 20, 30] {
        let held = coded::Entity::find_by_id(code).one(&world.plain).await?;
        assert_eq!(cache.find(code).await?, held, "code {code}");
    }
    for on in [1, 2] {
        let held = coded::Entity::find().filter(coded::Column::Shelf.eq(on)).all(&world.plain).await?;
        let mut listed = cache.list_by(coded::Column::Shelf, on).await?;
        listed.sort_by_key(|row| row.code);
        assert_eq!(listed, held, "shelf {on}");
        let held = shelf::Entity::find_by_id(on).one(&world.plain).await?;
        assert_eq!(world.autocache.cache::<shelf::Entity>().find(on).await?, held, "view of shelf {on}");
    }
    Ok(())
}

fn moved(row: item::Model) -> item::ActiveModel {
    item::ActiveModel { code: Set(11), shelf: Set(2), ..row.into_active_model() }
}

fn born() -> item::ActiveModel {
    item::ActiveModel { id: NotSet, code: Set(30), shelf: Set(2) }
}

async fn saves_and_deletes<C: ConnectionTrait>(world: &World, db: &C) -> Result<(), DbErr> {
    let row = items(world).await?;
    let row = moved(row).update(db).await?;
    born().insert(db).await?;
    row.delete(db).await?;
    Ok(())
}

#[tokio::test]
async fn saves_and_deletes_of_one_entity_are_those_of_all() {
    each_world(|world| async move {
        let row = items(&world).await?;
        let row = moved(row).update(&world.db).await?;
        agrees(&world).await?;
        born().insert(&world.db).await?;
        agrees(&world).await?;
        row.delete(&world.db).await?;
        agrees(&world).await
    })
    .await;
}

#[tokio::test]
async fn so_are_those_on_a_plain_connection() {
    each_world(|world| async move {
        let row = items(&world).await?;
        let autocache = world.autocache.clone();
        let row = autocache.scope(moved(row).update(&world.plain)).await?;
        agrees(&world).await?;
        autocache.scope(born().insert(&world.plain)).await?;
        agrees(&world).await?;
        autocache.scope(row.delete(&world.plain)).await?;
        agrees(&world).await
    })
    .await;
}

#[tokio::test]
async fn so_are_those_in_a_transaction() {
    each_world(|world| async move {
        items(&world).await?;
        let txn = world.db.begin().await?;
        let row = item::Entity::find_by_id(1).one(&txn).await?.expect("an item");
        let row = moved(row).update(&txn).await?;
        born().insert(&txn).await?;
        txn.commit().await?;
        agrees(&world).await?;
        let txn = world.db.begin().await?;
        row.delete(&txn).await?;
        txn.commit().await?;
        agrees(&world).await
    })
    .await;
}

#[tokio::test]
async fn so_are_bulk_writes() {
    each_world(|world| async move {
        items(&world).await?;
        let update = item::Entity::update_many().col_expr(item::Column::Shelf, Expr::value(2));
        update.filter(item::Column::Id.eq(1)).exec_cached(&world.db).await?;
        agrees(&world).await?;
        item::Entity::insert(born()).exec_cached(&world.db).await?;
        agrees(&world).await?;
        item::Entity::delete_many().filter(item::Column::Code.eq(10)).exec_cached(&world.db).await?;
        agrees(&world).await
    })
    .await;
}

#[tokio::test]
async fn so_are_untracked_writes() {
    each_world(|world| async move {
        items(&world).await?;
        item::Entity::update_many().col_expr(item::Column::Shelf, Expr::value(2)).exec(&world.db).await?;
        agrees(&world).await?;
        coded::Entity::delete_by_id(10).exec(&world.db).await?;
        agrees(&world).await?;
        item::Entity::insert(born()).exec(&world.db).await?;
        agrees(&world).await
    })
    .await;
}

/// One round trip for the intents, one for the ends, for all entities of the table.
#[tokio::test]
async fn a_save_costs_no_round_trip_more() {
    each_world(|world| async move {
        let row = items(&world).await?;
        let cache = world.autocache.cache::<coded::Entity>();
        let change = item::ActiveModel { shelf: Set(2), ..row.into_active_model() };
        let (saved, _, trips) = world.cost(change.update(&world.db)).await;
        saved?;
        // The view's entity is cleared besides.
        assert!(trips <= 2 + 2, "{trips} round trips");
        assert!(cache.contains(20).await?, "a row that was not written stays cached");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn saves_are_not_refused() {
    for (database, place) in ALL {
        let world = World::with(database, place, |b| b.untracked_writes(UntrackedWrites::Refuse)).await;
        let db = world.db.clone();
        saves_and_deletes(&world, &db).await.unwrap_or_else(|error| panic!("{database:?}: {error}"));
        agrees(&world).await.expect("an answer");
    }
}

/// A world whose intents are short, its items, and a transaction that keeps writers of item 1 waiting.
async fn locked(intent_ttl: Duration) -> (World, item::Model, sea_orm::DatabaseTransaction) {
    let world = World::with(Database::Postgres, Place::Redis, |b| b.intent_ttl(intent_ttl)).await;
    let row = items(&world).await.expect("items");
    let lock = world.plain.begin().await.expect("a transaction");
    lock.execute_unprepared("SELECT * FROM item WHERE id = 1 FOR UPDATE").await.expect("a lock");
    (world, row, lock)
}

/// What is queued for the cache has been delivered.
async fn delivered(world: &World) {
    for _ in 0..100 {
        if world.stats().backends[0].queued == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the queue is not delivered");
}

/// Its intents have ended, and readers have cached what was in the database. Its note may be gone, too: other writes
/// take away those whose time is over.
#[tokio::test]
async fn so_is_a_delete_that_takes_longer_than_its_intent_stands() {
    for forgotten in [false, true] {
        let (world, row, lock) = locked(Duration::from_millis(60)).await;
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if forgotten {
                born().insert(&world.db).await?;
                delivered(&world).await;
            }
            agrees(&world).await?;
            agrees(&world).await?;
            lock.rollback().await
        };
        let (deleted, ended) = futures_util::join!(row.delete(&world.db), meanwhile);
        deleted.expect("a delete");
        ended.expect("an answer");
        delivered(&world).await;
        agrees(&world).await.expect("an answer");
    }
}

/// The statement may still commit: the intents stand for a while, and what has none is cleared after it.
#[tokio::test]
async fn so_is_a_save_that_was_dropped() {
    let (world, row, lock) = locked(Duration::from_millis(300)).await;
    let patience = Duration::from_millis(100);
    let saving = tokio::time::timeout(patience, moved(row).update(&world.db)).await;
    assert!(saving.is_err(), "it waits for the lock");
    lock.rollback().await.expect("no lock");
    tokio::time::sleep(Duration::from_millis(300)).await;
    delivered(&world).await;
    agrees(&world).await.expect("an answer");
}
