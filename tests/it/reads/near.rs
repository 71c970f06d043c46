//! Hits of a store in this process that are answered by the row's number, past its key: they end when the
//! store's own do. Without a statement, each of these reads would be the row as it was.

use crate::entities::book;
use crate::laws::{absent, titled};
use crate::support::{Database, Place, World};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait, Set, TransactionTrait,
};
use sea_orm_autocache::AutocacheBuilder;
use sea_orm_autocache::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

type Books = CacheController<book::Entity>;

/// A cache of its own over a fresh table. Reads of a row are counted by the world.
async fn shelf(
    store: MemoryStore,
    settings: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
) -> (World, CachedConnection, Books) {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let builder = crate::support::builder(world.plain.clone()).app("near").backend("default", store);
    let autocache = settings(builder).build().unwrap();
    let (db, cache) = (autocache.connection(), autocache.cache());
    (world, db, cache)
}

async fn roomy() -> (World, CachedConnection, Books) {
    shelf(MemoryStore::new(10_000), |builder| builder).await
}

/// A row that was read until the store is not asked for it any more.
async fn read_often(cache: &Books, db: &CachedConnection, title: &str) -> Result<book::Model, DbErr> {
    let book = titled(title).insert(db).await?;
    for _ in 0..3 {
        assert_eq!(cache.get(book.id).await?, book);
    }
    Ok(book)
}

/// One of a flood of rows. A flood that is not read evicts nothing that was read.
async fn read_once(cache: &Books, db: &CachedConnection, number: i32) -> Result<(), DbErr> {
    let book = titled(&format!("book {number}")).insert(db).await?;
    cache.get(book.id).await.map(|_| ())
}

fn retitled(book: &book::Model, title: &str) -> book::ActiveModel {
    book::ActiveModel { title: Set(title.to_owned()), ..book.clone().into_active_model() }
}

/// Changes the row where no signal tells of it.
async fn change_unseen(world: &World, book: &book::Model, title: &str) -> Result<(), DbErr> {
    let sql = format!("UPDATE book SET title = '{title}' WHERE id = {}", book.id);
    world.plain.execute_unprepared(&sql).await.map(|_| ())
}

#[tokio::test]
async fn hits_are_counted_one_by_one() -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let book = read_often(&cache, &world.db, "Emma").await?;
    let hits = world.counts().hits;
    for read in 1..=5 {
        let (found, sql, trips) = world.cost(cache.find(book.id)).await;
        assert_eq!((found?, sql, trips), (Some(book.clone()), 0, 1));
        let (bound, sql, trips) = world.cost(cache.on(&world.db).get(book.id)).await;
        assert_eq!((bound?, sql, trips), (book.clone(), 0, 1));
        assert_eq!(world.counts().hits, hits + 2 * read);
    }
    Ok(())
}

#[tokio::test]
async fn a_save_ends_them() -> Result<(), DbErr> {
    let (_world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    for title in ["Persuasion", "Lady Susan"] {
        let saved = retitled(&book, title).update(&db).await?;
        for _ in 0..3 {
            assert_eq!(cache.get(book.id).await?, saved);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_delete_ends_them() -> Result<(), DbErr> {
    let (_world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    let id = book.id;
    book.delete(&db).await?;
    assert!(absent(&cache.get(id).await, "book", id));
    assert_eq!(cache.find(id).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_commit_ends_them() -> Result<(), DbErr> {
    let (_world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    let transaction = db.begin().await?;
    retitled(&book, "Persuasion").update(&transaction).await?;
    transaction.commit().await?;
    assert_eq!(cache.get(book.id).await?.title, "Persuasion");
    Ok(())
}

#[tokio::test]
async fn an_intent_ends_them() -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let book = read_often(&cache, &world.db, "Emma").await?;
    // The end of a plain transaction is not seen, so its intent stands beyond it.
    let write = async {
        let transaction = world.plain.begin().await?;
        retitled(&book, "Persuasion").update(&transaction).await?;
        transaction.commit().await
    };
    world.autocache.scope(write).await?;
    for _ in 0..3 {
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("Persuasion", 1));
    }
    Ok(())
}

#[tokio::test]
async fn an_invalidation_ends_them() -> Result<(), DbErr> {
    let (world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    change_unseen(&world, &book, "Persuasion").await?;
    assert_eq!(cache.get(book.id).await?.title, "Emma", "the change ran no hooks");
    cache.invalidate(book.id).await?;
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?.title.as_str(), sql), ("Persuasion", 1));
    Ok(())
}

#[tokio::test]
async fn a_refresh_ends_them() -> Result<(), DbErr> {
    let (world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    change_unseen(&world, &book, "Persuasion").await?;
    assert_eq!(cache.refresh(book.id).await?.title, "Persuasion");
    assert_eq!(cache.get(book.id).await?.title, "Persuasion");
    Ok(())
}

#[tokio::test]
async fn a_clear_ends_them() -> Result<(), DbErr> {
    let (world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    change_unseen(&world, &book, "Persuasion").await?;
    cache.clear().await?;
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?.title.as_str(), sql), ("Persuasion", 1));
    Ok(())
}

#[tokio::test]
async fn an_unannounced_statement_ends_them() -> Result<(), DbErr> {
    let (_world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    db.execute_unprepared("UPDATE book SET title = 'Persuasion'").await?;
    assert_eq!(cache.get(book.id).await?.title, "Persuasion");
    Ok(())
}

#[tokio::test]
async fn their_time_does() -> Result<(), DbErr> {
    let timeout = Duration::from_millis(300);
    let (world, db, cache) = shelf(MemoryStore::new(10_000), |builder| builder.ttl(timeout)).await;
    let book = read_often(&cache, &db, "Emma").await?;
    change_unseen(&world, &book, "Persuasion").await?;
    tokio::time::sleep(timeout).await;
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?.title.as_str(), sql), ("Persuasion", 1));
    Ok(())
}

#[tokio::test]
async fn an_eviction_ends_them() -> Result<(), DbErr> {
    let (world, db, cache) = shelf(MemoryStore::new(50), |builder| builder).await;
    let book = read_often(&cache, &db, "Emma").await?;
    for number in 0..1_000 {
        read_once(&cache, &db, number).await?;
    }
    // A write of a row that is not in the store finds nothing to take away.
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?, sql), (book.clone(), 1));
    let saved = retitled(&book, "Persuasion").update(&db).await?;
    assert_eq!(cache.get(book.id).await?, saved);
    Ok(())
}

#[tokio::test]
async fn a_row_that_is_read_by_its_number_only_survives_a_flood() -> Result<(), DbErr> {
    let (world, db, cache) = shelf(MemoryStore::new(200), |builder| builder).await;
    let hot = read_often(&cache, &db, "Emma").await?;
    let idle = read_often(&cache, &db, "Lady Susan").await?;
    for number in 0..2_000 {
        read_once(&cache, &db, number).await?;
        if number % 20 == 0 {
            let (read, sql, _) = world.cost(cache.get(hot.id)).await;
            assert_eq!((read?, sql), (hot.clone(), 0), "after {number} inserts");
        }
    }
    let (read, sql, _) = world.cost(cache.get(idle.id)).await;
    assert_eq!((read?, sql), (idle, 1));
    Ok(())
}

#[tokio::test]
async fn a_row_that_may_not_be_read_is_not_read_by_its_number() -> Result<(), DbErr> {
    let (world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    // A transaction that has written sees what it has written, and no other reader does.
    let transaction = db.begin().await?;
    let saved = retitled(&book, "Persuasion").update(&transaction).await?;
    assert_eq!(cache.on(&transaction).get(book.id).await?, saved);
    transaction.rollback().await?;
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read?, sql), (book, 0));
    Ok(())
}

/// A reader never sees a version that is older than one that was saved before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_a_writer_never_see_a_row_from_before_a_save() -> Result<(), DbErr> {
    let (_world, db, cache) = roomy().await;
    let book = read_often(&cache, &db, "Emma").await?;
    let saved = Arc::new(AtomicI32::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (cache, saved) = (cache.clone(), saved.clone());
        readers.spawn(async move {
            let mut read = 0;
            while read < 300 {
                let before = saved.load(Ordering::Acquire);
                read = cache.get(book.id).await.unwrap().rank;
                assert!(read >= before, "version {read} after {before} had been saved");
                tokio::task::yield_now().await;
            }
        });
    }
    for rank in 1..=300 {
        book::ActiveModel { rank: Set(rank), ..book.clone().into_active_model() }.update(&db).await?;
        saved.store(rank, Ordering::Release);
        tokio::task::yield_now().await;
    }
    readers.join_all().await;
    let found = book::Entity::find_by_id(book.id).one(&db).await?.expect("a row");
    assert_eq!(cache.get(book.id).await?, found);
    Ok(())
}
