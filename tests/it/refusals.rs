//! Statements that the database answers with an error, and have changed something all the same; clears that the store
//! does not acknowledge.

use crate::entities::book;
use crate::laws::cold_books;
use crate::support::{Database, Place, Proxy, Redis, World, builder, each_world};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, TransactionTrait};
use sea_orm_autocache::prelude::*;

/// Two books in the cache.
async fn shelf(world: &World) -> Result<(), DbErr> {
    cold_books(world, 1..=2).await?;
    world.autocache.cache::<book::Entity>().get_many([1, 2]).await?;
    Ok(())
}

async fn agrees(world: &World, what: &str) -> Result<(), DbErr> {
    let cached = world.autocache.cache::<book::Entity>().get_many([1, 2, 10]).await?;
    let cached: Vec<_> = cached.into_iter().flatten().collect();
    let truth = book::Entity::find().order_by_asc(book::Column::Id).all(&world.plain).await?;
    assert_eq!(cached, truth, "{what}");
    Ok(())
}

#[tokio::test]
async fn a_text_that_fails_after_it_has_changed_something_leaves_no_stale_row() {
    each_world(|world| async move {
        shelf(&world).await?;
        let texts: &[&str] = match world.database {
            Database::Postgres => {
                &["BEGIN; UPDATE book SET title = 'changed' WHERE id = 1; COMMIT; SELECT 1 / 0"]
            }
            Database::Sqlite => &[
                "UPDATE book SET title = 'changed' WHERE id = 1; INSERT INTO nowhere VALUES (1)",
                "UPDATE OR FAIL book SET title = 'half', id = 10",
            ],
            Database::MariaDb => {
                &["UPDATE book SET title = 'changed' WHERE id = 1; INSERT INTO nowhere VALUES (1)"]
            }
        };
        for text in texts {
            assert!(world.db.execute_unprepared(text).await.is_err(), "{text}");
            agrees(&world, text).await?;
        }
        Ok(())
    })
    .await;
}

/// A table whose engine takes nothing back.
#[tokio::test]
async fn a_statement_that_fails_half_way_leaves_no_stale_row() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    shelf(&world).await.unwrap();
    world.plain.execute_unprepared("ALTER TABLE book ENGINE = MyISAM").await.unwrap();
    let half = || {
        book::Entity::update_many()
            .col_expr(book::Column::Title, Expr::value("half"))
            .col_expr(book::Column::Id, Expr::value(10))
    };
    assert!(half().exec(&world.db).await.is_err());
    agrees(&world, "alone").await.unwrap();
    let txn = world.db.begin().await.unwrap();
    assert!(half().filter(Expr::col(book::Column::Id).ne(10)).exec_cached(&txn).await.is_err());
    txn.commit().await.unwrap();
    agrees(&world, "in a transaction").await.unwrap();
}

#[tokio::test]
async fn what_the_database_takes_back_clears_nothing() -> Result<(), DbErr> {
    let world = World::new(Database::Postgres, Place::Redis).await;
    shelf(&world).await?;
    let clash = book::Entity::update_many().col_expr(book::Column::Id, Expr::value(10));
    assert!(clash.exec(&world.db).await.is_err());
    let (read, sql, _) = world.cost(world.autocache.cache::<book::Entity>().get_many([1, 2])).await;
    assert_eq!((read?.len(), sql), (2, 0));
    Ok(())
}

/// Under `Strict` a clear that the store has not acknowledged is an error, as the end of a write is.
#[tokio::test]
async fn an_unconfirmed_clear_is_no_success_under_strict() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let world = World::new(Database::Postgres, Place::Redis).await;
    cold_books(&world, 1..=2).await?;
    for (consistency, is_error) in [(Consistency::Available, false), (Consistency::Strict, true)] {
        let store = RedisStore::connect(&proxy.url()).await.unwrap();
        let settings = builder(world.plain.clone()).app(&world.app).consistency(consistency);
        let autocache = settings.backend("default", store).build()?;
        let db = autocache.connection();
        let update = || book::Entity::update_many().col_expr(book::Column::Rank, Expr::value(7));
        autocache.cache::<book::Entity>().get(1).await?;
        proxy.close();
        let unconfirmed = |result: Result<(), DbErr>, what: &str| {
            let kind = result.as_ref().err().and_then(CacheErrorKind::of);
            assert_eq!(
                kind,
                is_error.then_some(CacheErrorKind::Unconfirmed),
                "{consistency:?}, {what}: {result:?}"
            );
        };
        unconfirmed(update().exec(&db).await.map(|_| ()), "alone");
        let txn = db.begin().await?;
        update().exec(&txn).await?;
        unconfirmed(txn.commit().await, "in a transaction");
        proxy.open();
    }
    Ok(())
}
