//! Lists when something is wrong: the store is away, an entry is damaged, the entity is not cached, a
//! transaction cannot be seen.

use super::stock::{book_of, cold_shelf, titles};
use crate::entities::library::book;
use crate::support::{Database, Place, World, each_world};
use fred::interfaces::KeysInterface;
use sea_orm::{ActiveModelTrait, DbErr, ModelTrait, TransactionTrait};
use sea_orm_autocache::CacheErrorKind;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::{Fault, Operation};
use std::time::Duration;

#[tokio::test]
async fn without_a_store_the_database_answers_and_writes_go_on() -> Result<(), DbErr> {
    for place in [Place::Memory, Place::Redis] {
        let (world, store) = World::faulty(Database::Postgres, place, |builder| builder).await;
        let (author, _) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
        store.inject(Fault::Unreachable.on_any(Operation::STEPS).times(1_000));
        let sanditon = book_of(author.id, "Sanditon", 3).insert(&world.db).await?;
        let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
        assert_eq!((titles(&list?), sql), (vec!["Sanditon", "Persuasion", "Emma"], 1));
        store.heal();
        for _ in 0..500 {
            let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
            assert_eq!(titles(&list?), ["Sanditon", "Persuasion", "Emma"]);
            if sql == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
        assert_eq!((list?.len(), sql), (3, 0), "{place:?}: cached again");
        sanditon.delete(&world.db).await?;
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_strict_insert_whose_list_cannot_be_told_is_not_begun() -> Result<(), DbErr> {
    let strict = |builder: sea_orm_autocache::AutocacheBuilder| builder.consistency(Consistency::Strict);
    let (world, store) = World::faulty(Database::Postgres, Place::Redis, strict).await;
    let (author, _) = cold_shelf(&world).await?;
    let cache = world.autocache.cache::<book::Entity>();
    store.inject(Fault::Unreachable.on(Operation::Intent).once());
    let refused = book_of(author.id, "Sanditon", 3).insert(&world.db).await.unwrap_err();
    assert!(matches!(CacheErrorKind::of(&refused), Some(CacheErrorKind::NotWritten)), "{refused}");
    store.heal();
    assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
    for _ in 0..500 {
        if !world.stats().backends[0].open {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    book_of(author.id, "Sanditon", 3).insert(&world.db).await?;
    assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_replaced() -> Result<(), DbErr> {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let (author, _) = cold_shelf(&world).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let key = format!("{}:lib_book:@author_id={}", world.app, author.id);
    let redis = world.redis().await;
    for damage in ["", "V", "nonsense", "V1234567890123456789012345678901234567890"] {
        let _: () = redis.set(&key, damage, None, None, false).await.unwrap();
        for expected in [1, 0] {
            let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
            assert_eq!((list?.len(), sql), (2, expected), "{damage:?}");
        }
    }
    let row: Option<bytes::Bytes> = redis.get(cache.make_key(1).unwrap()).await.unwrap();
    let _: () = redis.set(&key, row.unwrap(), None, None, false).await.unwrap();
    assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2, "a row is no list");
    assert_eq!(world.counts().undecodable, 5);
    Ok(())
}

#[tokio::test]
async fn an_evicted_row_is_read_again_and_a_tombstone_is_not() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.list_by(book::Column::AuthorId, author.id).await?;
        cache.invalidate(1).await?;
        for expected in [1, 0] {
            let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
            assert_eq!((titles(&list?), sql), (vec!["Persuasion", "Emma"], expected));
        }
        cache.get(1).await?.delete(&world.db).await?;
        let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
        assert_eq!((titles(&list?), sql), (vec!["Persuasion"], 0));
        Ok(())
    })
    .await;
}

/// Its COMMIT cannot be seen, so the list is read from the database until the hold is over.
#[tokio::test]
async fn a_plain_transaction_leaves_no_stale_list() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                let cache = book::Entity::cache();
                assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
                let txn = world.plain.begin().await?;
                book_of(author.id, "Sanditon", 3).insert(&txn).await?;
                txn.commit().await?;
                for _ in 0..2 {
                    let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author.id)).await;
                    assert_eq!((list?.len(), sql), (3, 1));
                }
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn an_entity_that_is_not_cached_lists_from_the_database() {
    use crate::entities::library::uncached;
    each_world(|world| async move {
        world.create_table(uncached::Entity).await;
        let cache = world.autocache.cache::<uncached::Entity>();
        uncached::ActiveModel { id: sea_orm::Set(1), kind: sea_orm::Set(7) }.insert(&world.db).await?;
        for _ in 0..2 {
            let (list, sql, trips) = world.cost(cache.list_by(uncached::Column::Kind, 7)).await;
            assert_eq!((list?.len(), sql, trips), (1, 1, 0));
        }
        Ok(())
    })
    .await;
}

/// A process that has never heard of books deletes their author.
#[tokio::test]
async fn entities_are_known_before_they_are_used() -> Result<(), DbErr> {
    use crate::entities::library::author;
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (jane, _) = cold_shelf(&world).await?;
    let cache = world.autocache.cache::<book::Entity>();
    assert_eq!(cache.get_many([1_i64, 2]).await?.into_iter().flatten().count(), 2);
    let neighbour = world.neighbour().await;
    assert_eq!(neighbour.stats().entity("lib_book"), sea_orm_autocache::Counts::default());
    let there = neighbour.autocache.cache::<author::Entity>().get(jane.id).await?;
    there.delete(&neighbour.db).await?;
    assert_eq!(cache.get_many([1_i64, 2]).await?, [None, None]);
    Ok(())
}
