//! A program's own connection type around ours.

use crate::entities::book;
use crate::laws::titled;
use crate::support::each_world;
use async_trait::async_trait;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, ExecResult, ModelTrait, QueryResult, Set, Statement,
    TransactionTrait,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts statements. Forwards only what a connection must.
struct Counting<'c, C> {
    inner: &'c C,
    statements: AtomicU64,
}

impl<'c, C> Counting<'c, C> {
    fn around(inner: &'c C) -> Self {
        Self { inner, statements: AtomicU64::new(0) }
    }

    fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Counting<'_, C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.count();
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.count();
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.count();
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.count();
        self.inner.query_all_raw(statement).await
    }
}

fn reranked(book: &book::Model, rank: i32) -> book::ActiveModel {
    book::ActiveModel { rank: Set(rank), ..book.clone().into() }
}

#[tokio::test]
async fn hooks_find_a_cached_connection_through_a_wrapper() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let db = Counting::around(&world.db);
        let cache = world.autocache.cache::<book::Entity>();
        let before = world.sql();
        let (book, _, trips) = world.cost(titled("Emma").insert(&db)).await;
        let book = book?;
        assert_eq!(trips, 1);
        let (changed, _, trips) = world.cost(reranked(&book, 2).update(&db)).await;
        assert_eq!(trips, 2);
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (changed?, 0));
        let id = book.id;
        book.delete(&db).await?;
        let (read, sql, _) = world.cost(cache.find(id)).await;
        assert_eq!((read?, sql), (None, 0));
        let sent = db.statements.load(Ordering::Relaxed);
        assert_eq!(sent, world.sql() - before, "every statement came through it");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn hooks_find_a_cached_transaction_through_two_wrappers() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        let transaction = world.db.begin().await?;
        let (changed, _, trips) = {
            let outer = Counting::around(&transaction);
            let db = Counting::around(&outer);
            world.cost(reranked(&book, 2).update(&db)).await
        };
        assert_eq!(trips, 0);
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (changed?, 0));
        let transaction = world.db.begin().await?;
        reranked(&book, 3).update(&Counting::around(&transaction)).await?;
        transaction.rollback().await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.rank, sql), (2, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn reads_through_a_wrapper_are_those_of_what_it_wraps() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        let db = Counting::around(&world.db);
        let (read, sql, trips) = world.cost(cache.on(&db).get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 0, 1));
        let transaction = world.db.begin().await?;
        reranked(&book, 2).update(&transaction).await?;
        assert_eq!(cache.on(&Counting::around(&transaction)).get(book.id).await?.rank, 2, "its own write");
        transaction.rollback().await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_wrapper_around_a_plain_connection_is_taken_for_a_transaction() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        let db = Counting::around(&world.plain);
        world.autocache.scope(reranked(&book, 2).update(&db)).await?;
        for _ in 0..2 {
            assert_eq!(cache.get(book.id).await?.rank, 2);
            assert!(!cache.contains(book.id).await?);
        }
        Ok(())
    })
    .await;
}
