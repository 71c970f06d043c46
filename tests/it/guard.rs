//! Writes of cached tables that no signal has announced.

use crate::entities::book;
use crate::laws::{cold_books, titled};
use crate::support::{Database, Place, World, each_world};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Set, TransactionTrait,
};
use sea_orm_autocache::prelude::*;

/// Two books in the cache.
async fn shelf(world: &World) -> Result<CacheController<book::Entity>, DbErr> {
    cold_books(world, 1..=2).await?;
    let cache = world.autocache.cache::<book::Entity>();
    cache.get_many([1, 2]).await?;
    assert!(cache.contains(1).await? && cache.contains(2).await?);
    Ok(cache)
}

async fn title(cache: &CacheController<book::Entity>, id: i64) -> Result<String, DbErr> {
    Ok(cache.get(id).await?.title)
}

#[tokio::test]
async fn a_bulk_update_leaves_no_stale_row() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("all"));
        update.exec(&world.db).await?;
        assert_eq!((title(&cache, 1).await?, title(&cache, 2).await?), ("all".into(), "all".into()));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_names_its_row_drops_that_row_only() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        book::Entity::delete_by_id(1_i64).exec(&world.db).await?;
        assert_eq!(cache.find(1).await?, None);
        assert!(cache.contains(2).await?, "the other row stays");
        let change = book::ActiveModel { id: Set(2), title: Set("one".into()), ..Default::default() };
        book::Entity::update(change).exec(&world.db).await?;
        assert_eq!(title(&cache, 2).await?, "one");
        cache.find(3).await?;
        assert!(cache.contains(3).await?, "its absence is remembered");
        book::Entity::delete_by_id(2_i64).exec(&world.db).await?;
        assert!(cache.contains(3).await?, "and stays so");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_insert_without_hooks_ends_remembered_absences() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        assert_eq!(cache.find(7).await?, None);
        let born = |id, text| book::ActiveModel { id: Set(id), ..titled(text) };
        book::Entity::insert_many([born(7, "seven"), born(8, "eight")]).exec(&world.db).await?;
        assert_eq!(title(&cache, 7).await?, "seven");
        let upsert = book::Entity::insert(born(7, "again"));
        let upsert = upsert
            .on_conflict(OnConflict::column(book::Column::Id).update_column(book::Column::Title).to_owned());
        upsert.exec(&world.db).await?;
        assert_eq!(title(&cache, 7).await?, "again");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn raw_sql_leaves_no_stale_row() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        world.db.execute_unprepared("UPDATE book SET title = 'raw' WHERE id = 1").await?;
        assert_eq!(title(&cache, 1).await?, "raw");
        assert_eq!(title(&cache, 2).await?, "Volume 2");
        Ok(())
    })
    .await;
}

/// Texts from which the table cannot be told with certainty. Each sets every title.
fn unusual_updates(database: Database) -> &'static [&'static str] {
    match database {
        Database::Sqlite => &[
            "UPDATE OR IGNORE book SET title = 'odd'",
            "UPDATE BOOK SET title = 'odd'",
            "UPDATE /* hint */ book SET title = 'odd'",
            "UPDATE book AS b SET title = 'odd'",
            "SELECT 1; UPDATE book SET title = 'odd'",
            "UPDATE book SET title = 'odd'; SELECT 1",
        ],
        Database::Postgres => &[
            "UPDATE ONLY book SET title = 'odd'",
            "UPDATE Book SET title = 'odd'",
            r#"UPDATE "public" . "book" SET title = 'odd'"#,
            "WITH x AS (UPDATE book SET title = 'odd' RETURNING id) SELECT * FROM x",
            "SELECT ';'; UPDATE book SET title = 'odd'",
        ],
        Database::MariaDb => &[
            "UPDATE LOW_PRIORITY book SET title = 'odd'",
            "UPDATE bookshelf, book SET book.title = 'odd'",
            "UPDATE bookshelf JOIN book ON 1 = 1 SET book.title = 'odd'",
        ],
    }
}

#[tokio::test]
async fn raw_sql_of_an_unusual_form_leaves_no_stale_row() {
    each_world(|world| async move {
        world.db.execute_unprepared("CREATE TABLE bookshelf (id INT)").await?;
        world.db.execute_unprepared("INSERT INTO bookshelf VALUES (1)").await?;
        let cache = shelf(&world).await?;
        for sql in unusual_updates(world.database) {
            world.plain.execute_unprepared("UPDATE book SET title = 'usual'").await?;
            cache.invalidate_many([1, 2]).await?;
            assert_eq!((title(&cache, 1).await?, title(&cache, 2).await?), ("usual".into(), "usual".into()));
            world.db.execute_unprepared(sql).await?;
            assert_eq!(
                (title(&cache, 1).await?, title(&cache, 2).await?),
                ("odd".into(), "odd".into()),
                "{sql}"
            );
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_that_gets_another_key_leaves_neither_stale() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        assert_eq!(cache.find(9).await?, None);
        let moved = book::Entity::update_many().col_expr(book::Column::Id, Expr::value(9_i64));
        moved.filter(book::Column::Id.eq(1_i64)).exec(&world.db).await?;
        assert_eq!(title(&cache, 9).await?, "Volume 1");
        assert_eq!(cache.find(1).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_insert_from_a_select_of_one_row_is_no_write_of_that_row() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        assert_eq!(cache.find(9).await?, None);
        let mut copy = Query::select();
        copy.expr(Expr::value(9_i64)).columns([book::Column::Title, book::Column::Rank]);
        copy.from(book::Entity).and_where(Expr::col((book::Entity, book::Column::Id)).eq(1_i64));
        let mut insert = Query::insert();
        insert.into_table(book::Entity);
        insert.columns([book::Column::Id, book::Column::Title, book::Column::Rank]);
        insert.select_from(copy).map_err(|error| DbErr::Custom(error.to_string()))?;
        world.db.execute(&insert).await?;
        assert_eq!(title(&cache, 9).await?, "Volume 1");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn in_a_transaction_unannounced_writes_count_when_it_commits() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("bulk"));
        update.filter(book::Column::Id.eq(1)).exec(&txn).await?;
        book::Entity::delete_by_id(2_i64).exec(&txn).await?;
        txn.commit().await?;
        assert_eq!(title(&cache, 1).await?, "bulk");
        assert_eq!(cache.find(2).await?, None);
        let txn = world.db.begin().await?;
        book::Entity::delete_many().exec(&txn).await?;
        txn.rollback().await?;
        assert!(cache.contains(1).await?, "a rollback touches nothing");
        assert_eq!(title(&cache, 1).await?, "bulk");
        Ok(())
    })
    .await;
}

/// The statement of a dropped future may still commit, so the entity is owed until the hold is over.
#[tokio::test]
async fn a_bulk_update_that_was_dropped_leaves_no_stale_row() {
    let hold = std::time::Duration::from_millis(300);
    let world = World::with(Database::Postgres, Place::Redis, |builder| builder.intent_ttl(hold)).await;
    let cache = shelf(&world).await.unwrap();
    let lock = world.plain.begin().await.unwrap();
    lock.execute_unprepared("SELECT * FROM book WHERE id = 2 FOR UPDATE").await.unwrap();
    let update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("late"));
    let patience = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, update.exec(&world.db)).await.is_err(), "it waits for the lock");
    lock.rollback().await.unwrap();
    for _ in 0..100 {
        if world.stats().backends[0].queued == 0 {
            break;
        }
        tokio::time::sleep(patience).await;
    }
    for id in [1, 2] {
        let row = book::Entity::find_by_id(id).one(&world.plain).await.unwrap();
        assert_eq!(cache.find(id).await.unwrap(), row);
    }
}

#[tokio::test]
async fn a_policy_may_refuse_or_only_warn() {
    let with = |policy| World::with(Database::Sqlite, Place::Memory, move |b| b.untracked_writes(policy));
    let update = || book::Entity::update_many().col_expr(book::Column::Title, Expr::value("all"));
    let world = with(UntrackedWrites::Refuse).await;
    let cache = shelf(&world).await.unwrap();
    let error = update().exec(&world.db).await.unwrap_err();
    assert_eq!(CacheErrorKind::of(&error), Some(CacheErrorKind::UntrackedWrite), "{error}");
    assert!(error.to_string().contains("`book` is cached"), "{error}");
    let txn = world.db.begin().await.unwrap();
    assert!(update().exec(&txn).await.is_err());
    drop(txn);
    titled("announced").insert(&world.db).await.expect("a signal has told of it");
    assert_eq!(title(&cache, 1).await.unwrap(), "Volume 1");
    let world = with(UntrackedWrites::Warn).await;
    let cache = shelf(&world).await.unwrap();
    update().exec(&world.db).await.unwrap();
    assert_eq!(title(&cache, 1).await.unwrap(), "Volume 1", "the caller sees to it");
    cache.invalidate_many([1, 2]).await.unwrap();
    assert_eq!(title(&cache, 1).await.unwrap(), "all");
}

#[tokio::test]
async fn statements_on_other_tables_and_reads_drop_nothing() {
    each_world(|world| async move {
        let cache = shelf(&world).await?;
        world.db.execute_unprepared("CREATE TABLE bookshelf (id INT)").await?;
        let (inserted, _, trips) =
            world.cost(world.db.execute_unprepared("INSERT INTO bookshelf VALUES (1)")).await;
        inserted?;
        book::Entity::find().all(&world.db).await?;
        assert_eq!(trips, 0);
        assert!(cache.contains(1).await? && cache.contains(2).await?);
        Ok(())
    })
    .await;
}
