//! Bulk writes in transactions of the caller's: nothing before COMMIT, all of it afterwards.

use super::{agrees, cached, retitle, shelf, titles};
use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, World, each_world};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, TransactionTrait,
};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{Fault, Operation};
use std::time::Duration;

/// An update, an insert and a delete.
async fn stir(db: &CachedTransaction) -> Result<(), DbErr> {
    retitle("new", book::Column::Id.lte(2)).exec_cached(db).await?;
    let five = book::ActiveModel { id: Set(5), ..titled("five") };
    book::Entity::insert_many([five]).exec_cached(db).await?;
    book::Entity::delete_many().filter(book::Column::Id.eq(3)).exec_cached(db).await.map(drop)
}

const BEFORE: [&str; 5] = ["Volume 1", "Volume 2", "Volume 3", "Volume 4", ""];
const AFTER: [&str; 5] = ["new", "new", "", "Volume 4", "five"];

#[tokio::test]
async fn a_commit_publishes_and_a_rollback_does_not() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let (stirred, _, trips) = world.cost(stir(&txn)).await;
        stirred?;
        assert_eq!(trips, 0);
        txn.rollback().await?;
        assert_eq!(cached(&world, &cache).await?, titles(BEFORE));
        let txn = world.db.begin().await?;
        stir(&txn).await?;
        let (committed, _, trips) = world.cost(txn.commit()).await;
        committed?;
        assert_eq!(trips, 2);
        assert_eq!(cached(&world, &cache).await?, titles(AFTER));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_counts_if_it_is_released() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        stir(&savepoint).await?;
        savepoint.rollback().await?;
        txn.commit().await?;
        agrees(&world, &cache).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        stir(&savepoint).await?;
        savepoint.commit().await?;
        txn.commit().await?;
        assert_eq!(cached(&world, &cache).await?, titles(AFTER));
        agrees(&world, &cache).await
    })
    .await;
}

#[tokio::test]
async fn the_last_write_of_a_row_counts() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let txn = world.db.begin().await?;
        stir(&txn).await?;
        let saved = book::ActiveModel {
            id: sea_orm::Unchanged(1),
            title: Set("saved".to_owned()),
            ..Default::default()
        };
        saved.update(&txn).await?;
        retitle("bulk", book::Column::Id.eq(5_i64)).exec_cached(&txn).await?;
        txn.commit().await?;
        assert_eq!(cached(&world, &cache).await?, titles(["saved", "new", "", "Volume 4", "bulk"]));
        agrees(&world, &cache).await
    })
    .await;
}

/// The policy is for statements that run no hooks.
#[tokio::test]
async fn a_bulk_write_is_announced_whatever_the_policy() {
    let world =
        World::with(Database::Sqlite, Place::Memory, |b| b.untracked_writes(UntrackedWrites::Refuse)).await;
    let cache = shelf(&world).await.unwrap();
    let refused = retitle("x", book::Column::Id.eq(1)).exec(&world.db).await.unwrap_err();
    assert!(refused.to_string().contains(".exec_cached(&db)"), "{refused}");
    retitle("x", book::Column::Id.eq(1)).exec_cached(&world.db).await.unwrap();
    assert_eq!(cached(&world, &cache).await.unwrap()[0].as_deref(), Some("x"));
}

/// A statement that failed inside a transaction that commits all the same.
#[tokio::test]
async fn a_refused_statement_in_a_transaction_leaves_nothing_stale() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let txn = world.db.begin().await?;
        stir(&txn).await?;
        let twice = book::ActiveModel { id: Set(1), ..titled("twice") };
        assert!(book::Entity::insert_many([twice]).exec_cached(&txn).await.is_err());
        // Postgres rolls back, and says that it has committed.
        txn.commit().await?;
        agrees(&world, &cache).await
    })
    .await;
}

/// The future is dropped while its statement waits for a lock, and the transaction commits all the same.
#[tokio::test]
async fn a_dropped_statement_in_a_transaction_leaves_nothing_stale() {
    for database in [Database::Postgres, Database::MariaDb] {
        let world = World::new(database, Place::Redis).await;
        let cache = shelf(&world).await.unwrap();
        let lock = world.plain.begin().await.unwrap();
        lock.execute_unprepared("SELECT * FROM book WHERE id = 2 FOR UPDATE").await.unwrap();
        let txn = world.db.begin().await.unwrap();
        let update = retitle("late", book::Column::Id.lte(2)).exec_cached(&txn);
        assert!(
            tokio::time::timeout(Duration::from_millis(100), update).await.is_err(),
            "it waits for the lock"
        );
        lock.rollback().await.unwrap();
        txn.commit().await.unwrap();
        agrees(&world, &cache).await.unwrap();
    }
}

/// Under `Strict`, a bulk write of which the store could not be told beforehand is rolled back.
#[tokio::test]
async fn a_strict_write_that_is_not_announced_is_not_committed() {
    let strict = |b: sea_orm_autocache::AutocacheBuilder| b.consistency(Consistency::Strict);
    let (world, store) = World::faulty(Database::Sqlite, Place::Memory, strict).await;
    let cache = shelf(&world).await.unwrap();
    store.inject(Fault::Unreachable.on(Operation::Intent).times(10));
    let error = retitle("x", book::Column::Id.eq(1)).exec_cached(&world.db).await.unwrap_err();
    assert!(matches!(CacheErrorKind::of(&error), Some(CacheErrorKind::NotWritten)), "{error}");
    store.heal();
    assert_eq!(
        book::Entity::find_by_id(1_i64).one(&world.plain).await.unwrap().expect("a row").title,
        "Volume 1"
    );
    drop(cache);
}

#[tokio::test]
async fn bulk_writes_can_be_spawned() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let cache = shelf(&world).await.unwrap();
    let db = world.db.clone();
    let task = tokio::spawn(async move {
        retitle("one", book::Column::Id.eq(1)).exec_cached(&db).await?;
        book::Entity::insert(book::ActiveModel { id: Set(5), ..titled("five") }).exec_cached(&db).await?;
        let txn = db.begin().await?;
        let gone = book::Entity::delete_many().filter(book::Column::Id.eq(3));
        let gone = gone.exec_cached_with_returning(&txn).await?;
        txn.commit().await?;
        Ok::<_, DbErr>(gone.len())
    });
    assert_eq!(task.await.unwrap().unwrap(), 1);
    agrees(&world, &cache).await.unwrap();
}
