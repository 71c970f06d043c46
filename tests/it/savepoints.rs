//! A transaction's savepoints, and statements that fail in it without anybody's notice: the cache follows the order of
//! statements on the connection, whatever handle they come through.

use crate::entities::book;
use crate::laws::{cold_book, titled};
use crate::support::{Database, Place, World, each_world};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Set, Statement, StreamTrait,
    TransactionTrait,
};
use std::time::Duration;

fn retitled(book: &book::Model, title: &str) -> book::ActiveModel {
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change
}

/// A cached book.
async fn shelf(world: &World) -> Result<book::Model, DbErr> {
    let book = cold_book(world, "old").await?;
    world.autocache.cache::<book::Entity>().get(book.id).await
}

async fn cached_title(world: &World, id: i64) -> Result<Option<String>, DbErr> {
    Ok(world.autocache.cache::<book::Entity>().find(id).await?.map(|book| book.title))
}

/// What the database holds, and that the cache says the same.
async fn agreed(world: &World, id: i64) -> Result<Option<String>, DbErr> {
    let truth = book::Entity::find_by_id(id).one(&world.plain).await?.map(|book| book.title);
    assert_eq!(cached_title(world, id).await?, truth, "the cache holds what was never committed");
    Ok(truth)
}

#[tokio::test]
async fn a_save_on_the_parent_belongs_to_the_savepoint_that_is_open() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        retitled(&book, "undone").update(&txn).await?;
        let born = titled("never born").insert(&txn).await?;
        savepoint.rollback().await?;
        txn.commit().await?;
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("old"));
        assert_eq!(agreed(&world, born.id).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_last_statement_of_a_row_counts_whatever_its_handle() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        let first = retitled(&book, "first").update(&savepoint).await?;
        retitled(&first, "last").update(&txn).await?;
        savepoint.commit().await?;
        txn.commit().await?;
        let (title, sql, _) = world.cost(cached_title(&world, book.id)).await;
        assert_eq!((title?.as_deref(), sql), (Some("last"), 0), "and it is published");
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("last"));
        Ok(())
    })
    .await;
}

/// A connection ends its innermost savepoint, whatever handle it is told to end.
#[tokio::test]
async fn of_two_open_savepoints_the_inner_one_ends_first() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let (one, other) = (txn.begin().await?, txn.begin().await?);
        let kept = titled("kept").insert(&one).await?;
        // This rolls back what `other` has begun.
        one.rollback().await?;
        retitled(&book, "new").update(&txn).await?;
        other.commit().await?;
        txn.commit().await?;
        agreed(&world, kept.id).await?;
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("new"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_commit_with_an_open_savepoint_is_none() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        retitled(&book, "undone").update(&txn).await?;
        txn.commit().await?;
        assert_eq!(cached_title(&world, book.id).await?.as_deref(), Some("old"), "nothing is committed yet");
        drop(savepoint);
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("old"));
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        retitled(&book, "new").update(&txn).await?;
        txn.commit().await?;
        savepoint.commit().await?;
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("new"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn nested_and_dropped_savepoints_leave_what_the_database_has() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let outer = txn.begin().await?;
        let one = retitled(&book, "one").update(&outer).await?;
        let inner = outer.begin().await?;
        retitled(&one, "two").update(&txn).await?;
        drop(inner);
        let kept = titled("kept").insert(&txn).await?;
        outer.commit().await?;
        txn.commit().await?;
        assert_eq!(agreed(&world, book.id).await?.as_deref(), Some("one"));
        assert_eq!(agreed(&world, kept.id).await?.as_deref(), Some("kept"));
        Ok(())
    })
    .await;
}

/// A save whose savepoint ends before its hook has run.
#[tokio::test]
async fn a_savepoint_that_ends_beside_a_save_publishes_nothing_of_it() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        for round in 0..20 {
            let txn = world.db.begin().await?;
            let savepoint = txn.begin().await?;
            let save = retitled(&book, &format!("round {round}")).update(&txn);
            let (saved, ended) = tokio::join!(save, savepoint.rollback());
            saved?;
            ended?;
            txn.commit().await?;
            agreed(&world, book.id).await?;
        }
        Ok(())
    })
    .await;
}

/// Postgres answers the COMMIT of a failed transaction with success, and rolls back.
#[tokio::test]
async fn a_stream_that_fails_unnoticed_publishes_nothing() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let failing = match world.database {
            Database::Postgres => "SELECT 1 / (n - 2) AS n FROM generate_series(1, 3) AS n",
            Database::Sqlite | Database::MariaDb => "SELECT * FROM nowhere",
        };
        let txn = world.db.begin().await?;
        retitled(&book, "new").update(&txn).await?;
        let statement = Statement::from_string(world.plain.get_database_backend(), failing);
        let streamed = async { txn.stream_raw(statement).await?.try_collect::<Vec<_>>().await };
        assert!(streamed.await.is_err());
        txn.commit().await?;
        agreed(&world, book.id).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_left_and_a_statement_that_is_given_up_publish_nothing() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let book = shelf(&world).await.unwrap();
    let txn = world.db.begin().await.unwrap();
    retitled(&book, "new").update(&txn).await.unwrap();
    let late = "SELECT 1 / (n - 50000) AS n FROM generate_series(1, 100000) AS n";
    let statement = Statement::from_string(world.plain.get_database_backend(), late);
    let mut stream = txn.stream_raw(statement).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    let _ = txn.commit().await;
    agreed(&world, book.id).await.unwrap();
    let txn = world.db.begin().await.unwrap();
    retitled(&book, "newer").update(&txn).await.unwrap();
    let slow = txn.execute_unprepared("SELECT pg_sleep(0.3); SELECT 1 / 0");
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    let _ = txn.commit().await;
    agreed(&world, book.id).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_was_read_to_its_end_keeps_the_rows() {
    each_world(|world| async move {
        let book = shelf(&world).await?;
        let txn = world.db.begin().await?;
        retitled(&book, "new").update(&txn).await?;
        let all: Vec<_> = book::Entity::find().stream(&txn).await?.try_collect().await?;
        assert_eq!(all.len(), 1);
        txn.commit().await?;
        let (title, sql, _) = world.cost(cached_title(&world, book.id)).await;
        assert_eq!((title?.as_deref(), sql), (Some("new"), 0));
        Ok(())
    })
    .await;
}
