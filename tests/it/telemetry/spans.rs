//! Spans, as a subscriber sees them.

use crate::entities::{book, library};
use crate::laws::{cold_book, titled};
use crate::support::{Act, Database, Place, Seen, Spans, World};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set, TransactionTrait};
use sea_orm_autocache::prelude::*;
use std::future::Future;

/// What the future answers, and the spans of it: each as its level and name, and its attributes, shortened.
async fn spans_of<T>(future: impl Future<Output = T>) -> (T, Vec<String>) {
    let spans = Spans::listen();
    let answer = future.await;
    let seen = spans.seen();
    let told = |seen: Seen| {
        let order = [
            "db.system.name",
            "db.operation.name",
            "db.collection.name",
            "db.operation.batch.size",
            "autocache.outcome",
            "error.type",
        ];
        let values =
            order.iter().filter_map(|name| seen.attributes.get(name).map(|value| format!(" {value}")));
        format!("{} {}{}", seen.level, seen.name, values.collect::<String>())
    };
    (answer, seen.into_iter().map(told).collect())
}

#[tokio::test]
async fn reads_that_ask_the_store_have_a_span_with_their_outcome() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    world.create_table(library::book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book miss", "DEBUG autocache.load"]);
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book hit"]);
    let (_, spans) = spans_of(cache.get_many([book.id, book.id + 1])).await;
    assert_eq!(spans, ["DEBUG autocache.read redis MGET book 2", "DEBUG autocache.load"]);
    let (_, spans) = spans_of(cache.find(book.id + 1)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book tombstone"]);
    let transaction = world.db.begin().await.unwrap();
    titled("Persuasion").insert(&transaction).await.unwrap();
    let (_, spans) = spans_of(cache.on(&transaction).find(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book bypass"]);
    transaction.rollback().await.unwrap();
    let lists = world.autocache.cache::<library::book::Entity>();
    let (_, spans) = spans_of(lists.list_by(library::book::Column::AuthorId, 1)).await;
    assert_eq!(spans, ["DEBUG autocache.list redis MGET lib_book 1", "DEBUG autocache.load"]);
}

#[tokio::test]
async fn a_hit_in_memory_has_no_span() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read memory GET book miss", "DEBUG autocache.load"]);
    cache.get(book.id).await.unwrap();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, [""; 0]);
}

#[tokio::test]
async fn writes_commits_and_bulk_writes_have_spans() {
    for (database, system) in [(Database::Sqlite, "sqlite"), (Database::Postgres, "postgresql")] {
        let world = World::new(database, Place::Redis).await;
        let book = cold_book(&world, "Emma").await.unwrap();
        let change = || book::ActiveModel { rank: Set(2), ..book.clone().into() };
        let (_, spans) = spans_of(change().update(&world.db)).await;
        assert_eq!(spans, ["DEBUG autocache.finish redis PUBLISH book"]);
        let transaction = world.db.begin().await.unwrap();
        change().update(&transaction).await.unwrap();
        let (_, spans) = spans_of(transaction.commit()).await;
        assert_eq!(spans, [format!("INFO autocache.commit {system} COMMIT")]);
        let raise = book::Entity::update_many().col_expr(book::Column::Rank, Expr::value(3));
        let (_, spans) = spans_of(raise.filter(book::Column::Id.eq(book.id)).exec_cached(&world.db)).await;
        let commit = format!("INFO autocache.commit {system} COMMIT");
        assert_eq!(spans, [format!("INFO autocache.bulk {system} UPDATE book"), commit]);
    }
}

#[tokio::test]
async fn an_error_is_named_by_its_kind_and_not_by_its_text() {
    let strict = |b: sea_orm_autocache::AutocacheBuilder| b.consistency(Consistency::Strict);
    let (world, meddler) = World::meddled(Database::Sqlite, Place::Memory, strict).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let transaction = world.db.begin().await.unwrap();
    book::ActiveModel { rank: Set(2), ..book.into() }.update(&transaction).await.unwrap();
    meddler.act(|_| true, Act::Refuse, 1);
    let (committed, spans) = spans_of(transaction.commit()).await;
    assert!(committed.is_err());
    assert_eq!(spans, ["INFO autocache.commit sqlite COMMIT NotWritten"]);
    let cache = world.autocache.cache::<library::book::Entity>();
    let (read, spans) = spans_of(cache.find(1)).await;
    assert!(read.is_err(), "there is no such table");
    let read = spans.iter().find(|span| span.contains("autocache.read")).unwrap();
    assert!(read.ends_with(" Query") || read.ends_with(" Exec"), "{read}");
}
