//! A plain connection whose statements the cache sees once they have run.

use crate::entities::{author, book, library, slugged};
use crate::laws::{cold_books, titled};
use crate::support::{ALL, Database, Log, Place, World, each_world};
use futures_util::TryStreamExt;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ModelTrait,
    QueryFilter, QueryOrder, Set, Statement, StreamTrait, TransactionTrait, UpdateMany,
};
use sea_orm_autocache::AutocacheBuilder;
use sea_orm_autocache::prelude::*;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the cache waits for a `COMMIT` that it cannot see.
const TTL: Duration = Duration::from_secs(1);

/// Runs a law in every world, with this TTL.
async fn each_short_world<F: Future<Output = Result<(), DbErr>>>(ttl: Duration, law: impl Fn(World) -> F) {
    for (database, place) in ALL {
        let world = World::with(database, place, |builder| builder.transaction_intent_ttl(ttl)).await;
        println!("in a world of {database:?} and {place:?}");
        law(world).await.unwrap_or_else(|error| panic!("with {database:?} and {place:?}: {error}"));
    }
}

fn cache_of(world: &World) -> CacheController<book::Entity> {
    world.autocache.cache::<book::Entity>()
}

/// Two books in the cache, and the absence of another.
async fn shelf(world: &World) -> Result<CacheController<book::Entity>, DbErr> {
    cold_books(world, 1..=2).await?;
    filled(world).await
}

async fn filled(world: &World) -> Result<CacheController<book::Entity>, DbErr> {
    let cache = cache_of(world);
    for _ in 0..50 {
        cache.get_many([1, 2, 7]).await?;
        if cache.contains(1).await? && cache.contains(2).await? && cache.contains(7).await? {
            return Ok(cache);
        }
        // A clear may be under way.
        sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing is cached");
}

async fn truth(world: &World) -> Result<Vec<book::Model>, DbErr> {
    book::Entity::find().order_by_asc(book::Column::Id).all(&world.plain).await
}

async fn agrees(world: &World, what: &str) -> Result<(), DbErr> {
    // The cache first: nothing that runs in the background may have come between.
    let cached = cache_of(world).get_many([1, 2, 7, 10, 20]).await?;
    let cached: Vec<_> = cached.into_iter().flatten().collect();
    assert_eq!(cached, truth(world).await?, "{what}");
    Ok(())
}

/// Waits until the cache agrees with the database.
async fn comes_to_agree(world: &World, within: Duration) -> Result<(), DbErr> {
    let until = Instant::now() + within;
    loop {
        let cached = cache_of(world).get_many([1, 2, 7]).await?;
        let cached: Vec<_> = cached.into_iter().flatten().collect();
        if cached == truth(world).await? {
            return Ok(());
        }
        assert!(Instant::now() < until, "{cached:?} is still answered");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until nothing is owed to the store any more.
async fn settled(world: &World) {
    for _ in 0..500 {
        if world.stats().backends[0].queued == 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("something is owed for ever");
}

fn retitled(title: &str) -> UpdateMany<book::Entity> {
    book::Entity::update_many().col_expr(book::Column::Title, Expr::value(title))
}

fn raw(world: &World, sql: &str) -> Statement {
    Statement::from_string(world.plain.get_database_backend(), sql)
}

/// A write that answers with rows.
fn returning(world: &World, title: &str) -> Statement {
    match world.database {
        Database::MariaDb => raw(world, "DELETE FROM book WHERE id = 1 RETURNING id"),
        _ => raw(world, &format!("UPDATE book SET title = '{title}' WHERE id = 1 RETURNING id")),
    }
}

const WRITES: [&str; 8] =
    ["all rows", "a row", "an insert", "a text", "RETURNING", "a stream", "a deletion", "half a statement"];

async fn write(world: &World, db: &DatabaseConnection, what: &str) -> Result<(), DbErr> {
    match what {
        "all rows" => _ = retitled(what).exec(db).await?,
        "a row" => _ = retitled(what).filter(book::Column::Id.eq(1_i64)).exec(db).await?,
        "an insert" => {
            let born = book::ActiveModel { id: Set(7), ..titled(what) };
            book::Entity::insert(born).exec(db).await?;
        }
        "a text" => _ = db.execute_raw(raw(world, "UPDATE book SET title = 'a text'")).await?,
        "RETURNING" => assert!(db.query_one_raw(returning(world, what)).await?.is_some()),
        "a stream" => {
            let born =
                raw(world, "INSERT INTO book (id, title, rank) VALUES (10, 'a stream', 1) RETURNING id");
            let rows: Vec<_> = db.stream_raw(born).await?.try_collect().await?;
            assert_eq!(rows.len(), 1);
        }
        "a deletion" => _ = book::Entity::delete_by_id(2_i64).exec(db).await?,
        // The first row has changed before the second one fails.
        "half a statement" if world.database == Database::Sqlite => {
            let half = raw(world, "UPDATE OR FAIL book SET title = 'half', id = 20");
            assert!(db.execute_raw(half).await.is_err());
        }
        _ => {}
    }
    Ok(())
}

#[tokio::test]
async fn what_it_has_written_is_fresh_when_its_call_returns() {
    each_short_world(TTL / 10, |world| async move {
        cold_books(&world, 1..=2).await?;
        let db = world.autocache.observed();
        for what in WRITES {
            cache_of(&world).get_many([1, 2, 7, 10, 20]).await?;
            write(&world, &db, what).await?;
            agrees(&world, what).await?;
            settled(&world).await;
            agrees(&world, what).await?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn rows_are_cached_again_when_no_commit_can_come() {
    each_short_world(TTL, |world| async move {
        let cache = shelf(&world).await?;
        let db = world.autocache.observed();
        retitled("one").filter(book::Column::Id.eq(1_i64)).exec(&db).await?;
        assert!(cache.contains(2).await?, "the statement names its row");
        retitled("all").exec(&db).await?;
        let queued = world.stats().backends[0].queued;
        retitled("all").exec(&db).await?;
        assert_eq!(world.stats().backends[0].queued, queued, "the last statement speaks for all");
        settled(&world).await;
        filled(&world).await?;
        let (read, sql, _) = world.cost(cache.get(1)).await;
        assert_eq!((read?.title.as_str(), sql), ("all", 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn reads_and_other_tables_drop_nothing() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        world.plain.execute_unprepared("CREATE TABLE bookshelf (id INT)").await?;
        let db = world.autocache.observed();
        book::Entity::find().all(&db).await?;
        book::Entity::find_by_id(1).one(&db).await?;
        book::Entity::find().stream(&db).await?.try_collect::<Vec<_>>().await?;
        db.query_one_raw(raw(&world, "SELECT id FROM book")).await?;
        db.execute_raw(raw(&world, "INSERT INTO bookshelf VALUES (1)")).await?;
        assert_eq!(world.stats().backends[0].queued, 0);
        assert!(cache.contains(1).await? && cache.contains(2).await? && cache.contains(7).await?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn another_process_is_told_at_once() {
    for (database, place) in ALL.into_iter().filter(|(_, place)| place.is_shared()) {
        let world = World::new(database, place).await;
        shelf(&world).await.unwrap();
        let (other, db) = (world.neighbour().await, world.autocache.observed());
        for what in ["a row", "all rows", "an insert", "a deletion"] {
            filled(&other).await.unwrap();
            write(&world, &db, what).await.unwrap();
            // Far less than the TTL.
            comes_to_agree(&other, Duration::from_secs(3)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_transaction_is_fresh_here_at_once_and_elsewhere_within_the_ttl() {
    each_short_world(TTL, |world| async move {
        shelf(&world).await?;
        let others = if world.place.is_shared() { Some(world.neighbour().await) } else { None };
        for what in ["a row", "all rows"] {
            settled(&world).await;
            cache_of(&world).get_many([1, 2]).await?;
            let txn = world.autocache.observed().begin().await?;
            let update = retitled(&format!("{what}, committed"));
            match what {
                "a row" => update.filter(book::Column::Id.eq(1_i64)).exec(&txn).await?,
                _ => update.exec(&txn).await?,
            };
            // SQLite has one connection here, which the transaction holds.
            if let Some(other) = others.as_ref().filter(|world| world.database != Database::Sqlite) {
                sleep(Duration::from_millis(100)).await;
                // A reader fills the old rows.
                let old = filled(other).await?.get(1).await?;
                assert_ne!(old.title, format!("{what}, committed"));
            }
            txn.commit().await?;
            agrees(&world, what).await?;
            if let Some(other) = &others {
                comes_to_agree(other, TTL + Duration::from_secs(2)).await?;
            }
        }
        let txn = world.autocache.observed().begin().await?;
        retitled("never").exec(&txn).await?;
        txn.rollback().await?;
        agrees(&world, "a rollback").await
    })
    .await;
}

#[tokio::test]
async fn hooks_do_on_it_what_they_do_on_a_plain_connection() {
    each_short_world(TTL, |world| async move {
        let cache = shelf(&world).await?;
        let db = world.autocache.observed();
        let within = world.autocache.scope(async {
            let emma = book::ActiveModel { id: Set(5), ..titled("Emma") }.insert(&db).await?;
            let (read, sql, _) = world.cost(cache.get(emma.id)).await;
            assert_eq!((read?.title.as_str(), sql), ("Emma", 0), "published");
            let changed = book::ActiveModel { title: Set("Emma II".to_owned()), ..emma.clone().into() };
            changed.update(&db).await?;
            let (read, sql, _) = world.cost(cache.get(emma.id)).await;
            assert_eq!((read?.title.as_str(), sql), ("Emma II", 0), "published");
            emma.clone().delete(&db).await?;
            let (found, sql, _) = world.cost(cache.find(emma.id)).await;
            assert_eq!((found?, sql), (None, 0), "published");
            assert_eq!(world.stats().backends[0].queued, 0, "nothing is done twice");
            let txn = db.begin().await?;
            let row = book::ActiveModel { id: Set(2), title: Set("saved".to_owned()), ..Default::default() };
            row.update(&txn).await?;
            assert_eq!(world.stats().backends[0].queued, 0, "nothing is done twice");
            txn.commit().await?;
            agrees(&world, "a save in a transaction").await
        });
        within.await?;
        // Without a scope hooks know no Autocache, but the connection does.
        for title in ["first", "second"] {
            settled(&world).await;
            cache.get_many([1, 2]).await?;
            let row = book::ActiveModel { id: Set(1), title: Set(title.to_owned()), ..Default::default() };
            row.update(&db).await?;
            agrees(&world, title).await?;
        }
        Ok(())
    })
    .await;
}

/// A hook announces its statement on every plain connection, and most have nobody who sees it.
#[tokio::test]
async fn a_save_elsewhere_is_not_taken_for_the_same_statement_here() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let (scope, db) = (world.autocache.clone(), world.autocache.observed());
        let row = book::ActiveModel { id: Set(1), title: Set("again".to_owned()), ..Default::default() };
        scope.scope(row.clone().update(&world.plain)).await?;
        world.plain.execute_unprepared("UPDATE book SET title = 'between' WHERE id = 1").await?;
        cache.invalidate(1).await?;
        assert_eq!(cache.get(1).await?.title, "between");
        book::Entity::update(row).exec(&db).await?;
        assert_eq!(cache.get(1).await?.title, "again");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_would_refuse_warns_once_and_invalidates() {
    let log = Log::default();
    let _listening = log.listen(tracing::Level::WARN);
    for (database, place) in ALL {
        let world = World::with(database, place, |b| b.untracked_writes(UntrackedWrites::Refuse)).await;
        shelf(&world).await.unwrap();
        let db = world.autocache.observed();
        for title in ["one", "two"] {
            retitled(title).exec(&db).await.unwrap();
            agrees(&world, title).await.unwrap();
        }
    }
    let text = log.text();
    assert_eq!(text.matches("cannot refuse it on an observed connection").count(), 1, "{text}");
}

#[tokio::test]
async fn a_bulk_write_of_one_entity_leaves_the_others_in_the_cache() {
    each_world(|world| async move {
        shelf(&world).await?;
        world.create_table(author::Entity).await;
        let author = author::ActiveModel { id: Set(1), name: Set("Jane".to_owned()) };
        author::Entity::insert(author).exec(&world.plain).await?;
        let authors = world.autocache.cache::<author::Entity>();
        authors.get(1).await?;
        retitled("all").exec(&world.autocache.observed()).await?;
        assert!(world.stats().backends[0].queued > 0);
        let (found, sql, _) = world.cost(authors.get_many([1, 1])).await;
        assert_eq!((found?.len(), sql), (2, 0));
        let (found, sql, _) = world.cost(authors.get(1)).await;
        assert_eq!((found?.name.as_str(), sql), ("Jane", 0));
        let (found, sql, _) = world.cost(cache_of(&world).get_many([1, 2])).await;
        assert_eq!((found?.len(), sql), (2, 1), "these are read from the database");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn lists_and_rows_that_follow_are_fresh() {
    each_world(|world| async move {
        slugged::create_table(&world).await;
        world.plain.execute_unprepared("INSERT INTO slugged (title) VALUES ('A')").await?;
        let cache = world.autocache.cache::<slugged::Entity>();
        let db = world.autocache.observed();
        cache.get(1).await?;
        assert_eq!(cache.get_by(slugged::Column::Slug, "b").await?, None);
        let moved = slugged::Entity::update_many().col_expr(slugged::Column::Title, Expr::value("B"));
        moved.filter(slugged::Column::Id.eq(1_i64)).exec(&db).await?;
        assert!(cache.get_by(slugged::Column::Slug, "b").await?.is_some());
        library::create_tables(&world.plain).await;
        let author =
            library::author::ActiveModel { id: Set(1), name: Set("Jane".to_owned()), country: Set(None) };
        library::author::Entity::insert(author).exec(&world.plain).await?;
        let book = library::book::ActiveModel {
            id: Set(1),
            title: Set("Emma".to_owned()),
            isbn: Set("1".to_owned()),
            author_id: Set(1),
            editor_id: Set(None),
            rank: Set(1),
        };
        library::book::Entity::insert(book).exec(&world.plain).await?;
        let books = world.autocache.cache::<library::book::Entity>();
        books.get(1).await?;
        library::author::Entity::delete_by_id(1_i64).exec(&db).await?;
        assert_eq!(
            library::book::Entity::find_by_id(1).one(&world.plain).await?,
            None,
            "the database cascades"
        );
        assert_eq!(books.find(1).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_routine_writes_is_fresh() {
    let declared = |builder: AutocacheBuilder| builder.routine("retitle", ["book"]);
    let world = World::with(Database::Postgres, Place::Redis, declared).await;
    shelf(&world).await.unwrap();
    let routine =
        "CREATE FUNCTION retitle() RETURNS VOID LANGUAGE sql AS $$UPDATE book SET title = 'by routine'$$";
    world.plain.execute_unprepared(routine).await.unwrap();
    world.autocache.observed().query_all_raw(raw(&world, "SELECT retitle()")).await.unwrap();
    agrees(&world, "a routine").await.unwrap();
}
