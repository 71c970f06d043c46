//! Many tasks on one key.

use crate::entities::book;
use crate::laws::cold_book;
use crate::support::{Database, Place, World, each_world};
use sea_orm::DbErr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What so many tasks read, each in a task of its own.
fn readers(world: &World, id: i64, tasks: usize) -> JoinSet<Result<Option<book::Model>, DbErr>> {
    let cache = world.autocache.cache::<book::Entity>();
    let mut readers = JoinSet::new();
    for _ in 0..tasks {
        let cache = cache.clone();
        readers.spawn(async move { cache.find(id).await });
    }
    readers
}

async fn all_read(readers: JoinSet<Result<Option<book::Model>, DbErr>>, wanted: Option<&book::Model>) {
    for read in readers.join_all().await {
        assert_eq!(read.unwrap().as_ref(), wanted);
    }
}

#[tokio::test]
async fn a_thousand_tasks_on_a_cold_key_send_one_statement() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let reading = all_read(readers(&world, book.id, 1_000), Some(&book));
        let ((), sql, _) = world.cost(reading).await;
        assert_eq!(sql, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_thousand_tasks_on_an_absent_row_send_one_statement() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let ((), sql, _) = world.cost(all_read(readers(&world, 404, 1_000), None)).await;
        assert_eq!(sql, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn two_processes_on_a_cold_key_send_a_statement_each_at_most() {
    for database in [Database::Sqlite, Database::Postgres, Database::MariaDb] {
        let here = World::new(database, Place::Redis).await;
        let there = here.neighbour().await;
        let book = cold_book(&here, "Emma").await.unwrap();
        let before = here.sql();
        let (first, second) = (readers(&here, book.id, 200), readers(&there, book.id, 200));
        tokio::join!(all_read(first, Some(&book)), all_read(second, Some(&book)));
        assert!(here.sql() - before <= 1 && there.sql() <= 1, "{database:?}");
    }
}

#[tokio::test]
async fn a_reader_that_gives_up_takes_nobodys_answer_with_it() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let world = Arc::new(world);
        let cache = world.autocache.cache::<book::Entity>();
        let leader = {
            let cache = cache.clone();
            let id = book.id;
            tokio::spawn(async move { cache.get(id).await })
        };
        tokio::task::yield_now().await;
        let follower = readers(&world, book.id, 5);
        leader.abort();
        all_read(follower, Some(&book)).await;
        Ok(())
    })
    .await;
}
