//! Reading through a given connection.

use crate::entities::book;
use crate::laws::cold_book;
use crate::support::{Database, Place, World, each_world};
use sea_orm::TransactionTrait;

#[tokio::test]
async fn a_given_connection_to_the_primary_fills_and_hits() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();

        let (read, sql, trips) = world.cost(cache.on(&world.plain).get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 1, 3));
        let (read, sql, trips) = world.cost(cache.on(&world.plain).find(book.id)).await;
        assert_eq!((read?, sql, trips), (Some(book.clone()), 0, 1));

        cache.invalidate(book.id).await?;
        let (read, sql, trips) = world.cost(cache.on(&world.db).get_many([book.id, 404])).await;
        assert_eq!((read?, sql, trips), (vec![Some(book.clone()), None], 1, 3));
        let (read, sql, trips) = world.cost(cache.on(&world.db).get(book.id)).await;
        assert_eq!((read?, sql, trips), (book, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_connection_of_another_autocache_is_only_read() {
    let here = World::new(Database::Postgres, Place::Redis).await;
    let there = World::new(Database::Postgres, Place::Redis).await;
    let book = cold_book(&here, "Emma").await.unwrap();
    cold_book(&there, "Persuasion").await.unwrap();
    let cache = here.autocache.cache::<book::Entity>();
    assert_eq!(cache.get(book.id).await.unwrap().title, "Emma");
    let bound = cache.on(&there.db);
    let (read, _, trips) = here.cost(bound.get(book.id)).await;
    assert_eq!((read.unwrap().title.as_str(), trips), ("Persuasion", 0));
    assert_eq!(cache.get(book.id).await.unwrap().title, "Emma");
}

#[tokio::test]
async fn a_plain_transaction_is_only_read() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let transaction = world.plain.begin().await?;
        for _ in 0..2 {
            let (read, sql, trips) = world.cost(cache.on(&transaction).get(book.id)).await;
            assert_eq!((read?, sql, trips), (book.clone(), 1, 0));
        }
        transaction.rollback().await?;
        assert!(!cache.contains(book.id).await?);
        Ok(())
    })
    .await;
}
