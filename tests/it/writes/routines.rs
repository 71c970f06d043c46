//! Functions, procedures and views that write: what a statement does not name, the program has said.

use crate::entities::book;
use crate::laws::cold_books;
use crate::support::{ALL, Database, Place, World};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Statement, StreamTrait, TransactionTrait};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::{AutocacheBuilder, UntrackedWrites};

/// What makes the routines, and what runs them.
fn routines(database: Database) -> (&'static [&'static str], &'static [&'static str]) {
    const VIEW: &str = "CREATE VIEW spine AS SELECT id, rank FROM book";
    match database {
        Database::Postgres => (
            &[
                VIEW,
                "CREATE FUNCTION raise(i BIGINT) RETURNS BIGINT LANGUAGE sql AS $$UPDATE book SET rank = rank + 1 \
                 WHERE id = i RETURNING rank::bigint$$",
            ],
            &[
                "SELECT raise(1)",
                "select coalesce(RAISE(1), 0)",
                "DO $$ BEGIN PERFORM raise(1); END $$",
                "UPDATE spine SET rank = 9 WHERE id = 1",
            ],
        ),
        Database::MariaDb => (
            &[VIEW, "CREATE PROCEDURE raise(i BIGINT) UPDATE book SET rank = rank + 1 WHERE id = i"],
            &["CALL raise(1)", "UPDATE spine SET rank = 9 WHERE id = 1"],
        ),
        Database::Sqlite => (
            &[
                VIEW,
                "CREATE TRIGGER raise INSTEAD OF UPDATE ON spine BEGIN UPDATE book SET rank = NEW.rank WHERE id = \
                 NEW.id; END",
            ],
            &["UPDATE spine SET rank = 9 WHERE id = 1"],
        ),
    }
}

fn declared(builder: AutocacheBuilder) -> AutocacheBuilder {
    builder.routine("raise", ["book"]).routine("spine", ["book"])
}

async fn agrees(world: &World, what: &str) -> Result<(), DbErr> {
    let cache = world.autocache.cache::<book::Entity>();
    for id in 1..=2 {
        let held = book::Entity::find_by_id(id).one(&world.plain).await?;
        assert_eq!(cache.find(id).await?, held, "{what}: book {id}");
    }
    Ok(())
}

async fn whatever_runs_them_writes(world: &World) -> Result<(), DbErr> {
    cold_books(world, 1..=2).await?;
    let (made, run) = routines(world.database);
    for sql in made {
        world.plain.execute_unprepared(sql).await?;
    }
    let backend = world.plain.get_database_backend();
    for sql in run {
        agrees(world, sql).await?;
        agrees(world, sql).await?;
        let statement = || Statement::from_string(backend, *sql);
        world.db.execute_unprepared(sql).await?;
        agrees(world, sql).await?;
        world.db.query_all_raw(statement()).await?;
        agrees(world, sql).await?;
        let txn = world.db.begin().await?;
        txn.execute_unprepared(sql).await?;
        txn.commit().await?;
        agrees(world, sql).await?;
        let txn = world.db.begin().await?;
        txn.stream_raw(statement()).await?.try_collect::<Vec<_>>().await?;
        txn.commit().await?;
        agrees(world, sql).await?;
        agrees(world, sql).await?;
        assert!(world.db.stream_raw(statement()).await.is_err(), "{sql}: a stream has no end to clear at");
    }
    Ok(())
}

#[tokio::test]
async fn a_statement_that_runs_a_routine_writes_its_tables() {
    for (database, place) in ALL {
        let world = World::with(database, place, declared).await;
        whatever_runs_them_writes(&world)
            .await
            .unwrap_or_else(|error| panic!("{database:?} {place:?}: {error}"));
    }
}

#[tokio::test]
async fn a_routine_is_refused_as_other_untracked_writes_are() -> Result<(), DbErr> {
    let refused = |builder| declared(builder).untracked_writes(UntrackedWrites::Refuse);
    let world = World::with(Database::Postgres, Place::Memory, refused).await;
    cold_books(&world, 1..=2).await?;
    for sql in routines(Database::Postgres).0 {
        world.plain.execute_unprepared(sql).await?;
    }
    let error = world.db.execute_unprepared("SELECT raise(1)").await.unwrap_err();
    assert_eq!(CacheErrorKind::of(&error), Some(CacheErrorKind::UntrackedWrite), "{error}");
    assert!(world.db.execute_unprepared("SELECT rank FROM book").await.is_ok(), "a read is none");
    Ok(())
}

#[tokio::test]
async fn a_routine_of_a_table_that_nobody_caches_is_an_error() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let builder =
        crate::support::builder(world.plain.clone()).app("a").backend("default", MemoryStore::new(10));
    let error = builder.routine("raise", ["bokk"]).build().unwrap_err().to_string();
    assert!(error.contains("`bokk`") && error.contains("raise"), "{error}");
}
