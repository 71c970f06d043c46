//! Transactions on the cached connection: nothing before COMMIT, everything after it.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, Place, Proxy, World, each_world};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, IsolationLevel, ModelTrait,
    PaginatorTrait, Set, TransactionTrait,
};
use sea_orm_autocache::CacheController;
use std::time::Duration;

async fn shelf(world: &World) -> Result<(CacheController<book::Entity>, book::Model), DbErr> {
    world.create_table(book::Entity).await;
    let book = titled("old").insert(&world.db).await?;
    Ok((world.autocache.cache::<book::Entity>(), book))
}

fn retitled(book: &book::Model, title: &str) -> book::ActiveModel {
    let mut change = book.clone().into_active_model();
    change.title = Set(title.to_owned());
    change
}

#[tokio::test]
async fn a_commit_publishes_every_row_in_two_round_trips() {
    for rows in [1, 100, 1_000] {
        each_world(|world| async move {
            let (cache, _) = shelf(&world).await?;
            let txn = world.db.begin().await?;
            let mut ids = Vec::new();
            for n in 0..rows {
                ids.push(titled(&format!("book {n}")).insert(&txn).await?.id);
            }
            let (committed, _, trips) = world.cost(txn.commit()).await;
            committed?;
            assert_eq!(trips, 2);
            let (read, sql, trips) = world.cost(cache.get_many(ids)).await;
            let titles: Vec<String> = read?.into_iter().map(|row| row.expect("a row").title).collect();
            assert_eq!(titles, (0..rows).map(|n| format!("book {n}")).collect::<Vec<_>>());
            assert_eq!((sql, trips), (0, 1));
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn nothing_is_seen_before_the_commit_and_nothing_touched_after_a_rollback() {
    // SQLite would make the reader wait for the writer.
    for (database, place) in [(Database::Postgres, Place::Redis), (Database::MariaDb, Place::Redis)] {
        let world = World::new(database, place).await;
        let (cache, book) = shelf(&world).await.unwrap();
        let txn = world.db.begin().await.unwrap();
        let (saved, _, trips) = world.cost(retitled(&book, "new").update(&txn)).await;
        assert_eq!((saved.unwrap().title.as_str(), trips), ("new", 0));
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read.unwrap().title.as_str(), sql), ("old", 0), "uncommitted rows are not visible");
        let (rolled_back, _, trips) = world.cost(txn.rollback()).await;
        rolled_back.unwrap();
        assert_eq!(trips, 0);
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read.unwrap().title.as_str(), sql), ("old", 0));
    }
}

#[tokio::test]
async fn a_dropped_transaction_touches_nothing() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let txn = world.db.begin().await?;
        retitled(&book, "new").update(&txn).await?;
        let (_, _, trips) = world.cost(async { drop(txn) }).await;
        assert_eq!(trips, 0);
        assert_eq!(cache.get(book.id).await?.title, "old");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_last_outcome_of_a_row_counts() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let txn = world.db.begin().await?;
        let once = retitled(&book, "once").update(&txn).await?;
        let twice = retitled(&once, "twice").update(&txn).await?;
        txn.commit().await?;
        assert_eq!(cache.get(book.id).await?.title, "twice");
        let txn = world.db.begin().await?;
        let thrice = retitled(&twice, "thrice").update(&txn).await?;
        thrice.delete(&txn).await?;
        txn.commit().await?;
        let (read, sql, _) = world.cost(cache.find(book.id)).await;
        assert_eq!((read?, sql), (None, 0));
        let txn = world.db.begin().await?;
        let mut reborn = titled("reborn");
        reborn.id = Set(book.id);
        reborn.insert(&txn).await?;
        txn.commit().await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("reborn", 0), "a tombstone hides no later insert");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_savepoint_hands_its_rows_up_when_released_and_empties_their_keys_when_rolled_back() {
    each_world(|world| async move {
        let (cache, first) = shelf(&world).await?;
        let second = titled("second").insert(&world.db).await?;
        let txn = world.db.begin().await?;
        let kept = txn.begin().await?;
        retitled(&first, "kept").update(&kept).await?;
        kept.commit().await?;
        let undone = txn.begin().await?;
        retitled(&second, "undone").update(&undone).await?;
        undone.rollback().await?;
        let dropped = txn.begin().await?;
        let never = titled("never").insert(&dropped).await?;
        drop(dropped);
        let (committed, _, trips) = world.cost(txn.commit()).await;
        committed?;
        assert_eq!(trips, 2, "a savepoint costs nothing");
        let (read, sql, _) = world.cost(cache.get(first.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("kept", 0));
        let (read, sql, _) = world.cost(cache.get(second.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("second", 1), "only the database knows");
        assert_eq!(cache.find(never.id).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn closures_commit_on_ok_and_roll_back_on_err() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let (id, change) = (book.id, retitled(&book, "closed"));
        world
            .db
            .transaction::<_, _, DbErr>(|txn| Box::pin(async move { change.update(txn).await }))
            .await
            .expect("a commit");
        assert_eq!(cache.get(id).await?.title, "closed");
        let change = retitled(&book, "failed");
        let failed = world.db.transaction_async(async |txn| {
            change.update(txn).await?;
            Err::<(), _>(DbErr::Custom("no".into()))
        });
        assert!(failed.await.is_err());
        assert_eq!(cache.get(id).await?.title, "closed");
        let change = retitled(&book, "nested");
        let nested = world.db.transaction_async(async |txn| {
            txn.transaction_async(async |inner| change.update(inner).await)
                .await
                .map_err(|e| DbErr::Custom(e.to_string()))
        });
        nested.await.expect("a commit");
        assert_eq!(cache.get(id).await?.title, "nested");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_transaction_sees_its_own_writes_and_fills_nothing() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let other = titled("other").insert(&world.db).await?;
        cache.invalidate(other.id).await?;
        let txn = world.db.begin().await?;
        // Read committed: what is committed may come from the cache until something is written.
        let (read, sql, _) = world.cost(cache.on(&txn).get(book.id)).await;
        let from_cache = world.database == Database::Postgres;
        assert_eq!((read?.title.as_str(), sql), ("old", u64::from(!from_cache)));
        retitled(&book, "own").update(&txn).await?;
        let (read, sql, _) = world.cost(cache.on(&txn).get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("own", 1));
        let read = cache.on(&txn).get_many([other.id, book.id, 999]).await?;
        assert_eq!(read.iter().flatten().map(|b| b.title.as_str()).collect::<Vec<_>>(), ["other", "own"]);
        txn.rollback().await?;
        assert!(!cache.contains(other.id).await?, "a transaction fills nothing");
        assert_eq!(cache.get(book.id).await?.title, "old");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_reads_the_database_only() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (cache, book) = shelf(&world).await.unwrap();
    for level in [IsolationLevel::RepeatableRead, IsolationLevel::Serializable] {
        let txn = world.db.begin_with_config(Some(level), None).await.unwrap();
        let (read, sql, trips) = world.cost(cache.on(&txn).get(book.id)).await;
        assert_eq!((read.unwrap().title.as_str(), sql, trips), ("old", 1, 0), "{level}");
    }
}

/// A save without changes in a repeatable-read transaction returns the row of its old snapshot.
#[tokio::test]
async fn a_save_without_changes_in_an_old_snapshot_publishes_nothing() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (cache, book) = shelf(&world).await.unwrap();
    let txn = world.db.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await.unwrap();
    assert_eq!(book::Entity::find().count(&txn).await.unwrap(), 1, "the snapshot is taken");
    retitled(&book, "new").update(&world.db).await.unwrap();
    let unchanged = book.clone().into_active_model().update(&txn).await.unwrap();
    assert_eq!(unchanged.title, "old");
    let (committed, _, trips) = world.cost(txn.commit()).await;
    committed.unwrap();
    assert_eq!(trips, 0);
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read.unwrap().title.as_str(), sql), ("new", 0));
}

/// What `before_save` notes is forgotten when the hold is over: of a save that took longer it is not known
/// whether it has written, or read an old snapshot.
#[tokio::test]
async fn a_save_without_changes_that_outlives_the_hold_publishes_nothing() {
    let no_hold = |b: sea_orm_autocache::AutocacheBuilder| b.intent_ttl(Duration::from_nanos(1));
    let world = World::with(Database::Postgres, Place::Redis, no_hold).await;
    let (cache, book) = shelf(&world).await.unwrap();
    let txn = world.db.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await.unwrap();
    assert_eq!(book::Entity::find().count(&txn).await.unwrap(), 1, "the snapshot is taken");
    retitled(&book, "new").update(&world.db).await.unwrap();
    book.clone().into_active_model().update(&txn).await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(cache.get(book.id).await.unwrap().title, "new");
}

/// After an error that the program has swallowed, Postgres answers COMMIT with a silent rollback.
#[tokio::test]
async fn a_commit_after_a_swallowed_error_publishes_nothing() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (cache, book) = shelf(&world).await.unwrap();
    let txn = world.db.begin().await.unwrap();
    retitled(&book, "never committed").update(&txn).await.unwrap();
    assert!(txn.execute_unprepared("SELECT 1/0").await.is_err());
    txn.commit().await.expect("the driver hears of no failure");
    assert_eq!(cache.get(book.id).await.unwrap().title, "old");
}

/// The answer to COMMIT never comes: its outcome is unknown, so the intent stays.
#[tokio::test]
async fn a_commit_without_an_answer_leaves_the_key_to_the_database() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (cache, book) = shelf(&world).await.unwrap();
    let (address, name) = world.url().rsplit_once('/').unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let proxy = Proxy::to(port.parse().unwrap()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", proxy.port);
    let through = crate::support::world::connect(&url).await;
    let db = world.autocache.wrap(through);
    let txn = db.begin().await.unwrap();
    retitled(&book, "maybe").update(&txn).await.unwrap();
    proxy.mute_at_commit();
    let commit = tokio::time::timeout(Duration::from_millis(300), txn.commit()).await;
    assert!(commit.is_err(), "the commit is in flight");
    assert!(!cache.contains(book.id).await.unwrap());
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read.unwrap().title.as_str(), sql), ("maybe", 1), "the database has committed");
    assert!(!cache.contains(book.id).await.unwrap(), "no fill before the intent has expired");
    proxy.cut();
}

/// A deferred constraint fails at COMMIT: certainly rolled back, so the key is free at once.
#[tokio::test]
async fn a_commit_that_certainly_failed_frees_the_key() {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (cache, book) = shelf(&world).await.unwrap();
    let deferred = "ALTER TABLE book ADD CONSTRAINT one_title UNIQUE (title) DEFERRABLE INITIALLY DEFERRED";
    world.plain.execute_unprepared(deferred).await.unwrap();
    let other = titled("other").insert(&world.db).await.unwrap();
    let txn = world.db.begin().await.unwrap();
    retitled(&other, "old").update(&txn).await.unwrap();
    assert!(txn.commit().await.is_err());
    assert_eq!(cache.get(other.id).await.unwrap().title, "other");
    let (_, sql, _) = world.cost(cache.get(other.id)).await;
    assert_eq!((sql, cache.get(book.id).await.unwrap().title.as_str()), (0, "old"));
}

#[tokio::test]
async fn a_row_that_only_the_before_hook_has_told_of_is_emptied() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let txn = world.db.begin().await?;
        retitled(&book, "unreturned").update_without_returning(&txn).await?;
        txn.commit().await?;
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("unreturned", 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn models_without_all_columns_delete_their_row() {
    each_world(|world| async move {
        let (cache, book) = shelf(&world).await?;
        let only_key = book::ActiveModel { id: Set(book.id), ..Default::default() };
        let txn = world.db.begin().await?;
        only_key.delete(&txn).await?;
        txn.commit().await?;
        let (read, sql, _) = world.cost(cache.find(book.id)).await;
        assert_eq!((read?, sql), (None, 0));
        Ok(())
    })
    .await;
}
