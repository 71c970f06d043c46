//! Futures that are dropped at each of their await points: no row is stale, and no key stays out of the
//! cache for longer than the hold.

use crate::entities::book;
use crate::entities::keyed::small;
use crate::laws::titled;
use crate::support::{Database, Place, World};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QuerySelect, Set, TransactionTrait,
};
use sea_orm_autocache::CacheController;
use sea_orm_autocache::testing::Operation;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const HOLD: Duration = Duration::from_millis(300);
/// What a busy machine may add to a hold.
const SLACK: Duration = Duration::from_millis(1_200);
/// No future here is polled more often.
const POLLS_MAX: usize = 200;
const WORLDS: [(Database, Place); 3] =
    [(Database::Sqlite, Place::Memory), (Database::Sqlite, Place::Redis), (Database::Postgres, Place::Redis)];

/// Polls the future so many times, as its wakers ask for it, and then drops it. What it has answered, if
/// it came to its end.
async fn drop_at_poll<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn world_of(database: Database, place: Place) -> Arc<World> {
    let world = World::with(database, place, |builder| builder.intent_ttl(HOLD)).await;
    world.create_table(book::Entity).await;
    world.create_table(small::Entity).await;
    Arc::new(world)
}

/// The row is read right now, is cached again soon, and is then what the database holds.
async fn recovers<E>(world: Arc<World>, cache: CacheController<E>, id: i64, dropped: Instant, what: String)
where
    E: sea_orm_autocache::CachedEntity + EntityTrait<Model: PartialEq + Clone + std::fmt::Debug>,
    <E::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType: TryFrom<i64, Error: std::fmt::Debug>,
{
    let pk = || <E::PrimaryKey as sea_orm::PrimaryKeyTrait>::ValueType::try_from(id).expect("a key");
    let stored = || async { E::find_by_id(pk()).one(&world.plain).await.expect("an answer") };
    loop {
        // The database may still be at work on the statement, so the row may change in between.
        let before = stored().await;
        let read = cache.find(pk()).await.expect("an answer");
        let after = stored().await;
        assert!(read == before || read == after, "{what}: {read:?} is neither {before:?} nor {after:?}");
        if cache.contains(pk()).await.expect("an answer") {
            break;
        }
        let waited = dropped.elapsed();
        assert!(waited < HOLD + SLACK, "{what}: still not cached after {waited:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (read, stored) = (cache.find(pk()).await.expect("an answer"), stored().await);
    assert_eq!(read, stored, "{what}");
}

/// Drops the future that `begin` makes for each row at its first poll, its second, and so on.
macro_rules! at_each_poll {
    ($world:ident, $row:ident = $make:expr, $future:expr, $check:expr) => {
        for (database, place) in WORLDS {
            let $world = world_of(database, place).await;
            let mut checks = JoinSet::new();
            let mut polls = 0;
            loop {
                polls += 1;
                assert!(polls < POLLS_MAX, "it never ends");
                let $row = $make.await?;
                let ended = drop_at_poll(polls, $future).await;
                let what = format!("{database:?} and {place:?}, dropped at poll {polls}");
                checks.spawn($check($world.clone(), $row, Instant::now(), what));
                if let Some(answer) = ended {
                    let _: () = answer?;
                    break;
                }
            }
            println!("{database:?} and {place:?}: {polls} polls");
            while let Some(checked) = checks.join_next().await {
                checked.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()));
            }
        }
    };
}

async fn cached_book(world: &World) -> Result<book::Model, DbErr> {
    let book = titled("Emma").insert(&world.db).await?;
    assert!(world.autocache.cache::<book::Entity>().contains(book.id).await?);
    Ok(book)
}

async fn cold_book(world: &World) -> Result<book::Model, DbErr> {
    titled("Emma").insert(&world.plain).await
}

async fn book_recovers(world: Arc<World>, book: book::Model, dropped: Instant, what: String) {
    let cache = world.autocache.cache::<book::Entity>();
    recovers(world, cache, book.id, dropped, what).await;
}

fn reranked(book: &book::Model) -> book::ActiveModel {
    book::ActiveModel { rank: Set(2), ..book.clone().into() }
}

#[tokio::test]
async fn a_save_may_be_dropped_anywhere() -> Result<(), DbErr> {
    at_each_poll!(
        world,
        book = cached_book(&world),
        async { reranked(&book).update(&world.db).await.map(drop) },
        book_recovers
    );
    Ok(())
}

#[tokio::test]
async fn a_delete_may_be_dropped_anywhere() -> Result<(), DbErr> {
    at_each_poll!(
        world,
        book = cached_book(&world),
        async { book.clone().delete(&world.db).await.map(drop) },
        book_recovers
    );
    Ok(())
}

/// Its absence is cached before.
#[tokio::test]
async fn an_insert_with_a_known_key_may_be_dropped_anywhere() -> Result<(), DbErr> {
    async fn absent(world: &World) -> Result<small::Model, DbErr> {
        let id =
            1 + small::Entity::find().all(&world.plain).await?.len() as i32 + world.counts().misses as i32;
        let cache = world.autocache.cache::<small::Entity>();
        assert_eq!(cache.find(id).await?, None);
        assert!(cache.contains(id).await?);
        Ok(small::Model { id, note: String::new() })
    }
    async fn small_recovers(world: Arc<World>, row: small::Model, dropped: Instant, what: String) {
        let cache = world.autocache.cache::<small::Entity>();
        recovers(world, cache, row.id.into(), dropped, what).await;
    }
    at_each_poll!(
        world,
        row = absent(&world),
        async { row.clone().into_active_model().reset_all().insert(&world.db).await.map(drop) },
        small_recovers
    );
    Ok(())
}

/// Its key was never asked for, as it was not known.
#[tokio::test]
async fn an_insert_whose_key_the_database_makes_may_be_dropped_anywhere() -> Result<(), DbErr> {
    fn title(polled: &str) -> std::future::Ready<Result<String, DbErr>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        std::future::ready(Ok(format!("{polled} {}", COUNT.fetch_add(1, Ordering::Relaxed))))
    }
    async fn born_or_not(world: Arc<World>, title: String, dropped: Instant, what: String) {
        // The statement may still be on its way.
        tokio::time::sleep(HOLD).await;
        let named = book::Entity::find().filter(book::Column::Title.eq(title));
        for book in named.all(&world.plain).await.expect("an answer") {
            book_recovers(world.clone(), book, dropped, what.clone()).await;
        }
    }
    at_each_poll!(
        world,
        name = title("Volume"),
        async { titled(&name).insert(&world.db).await.map(drop) },
        born_or_not
    );
    Ok(())
}

#[tokio::test]
async fn a_commit_may_be_dropped_anywhere() -> Result<(), DbErr> {
    async fn both_recover(world: Arc<World>, books: [book::Model; 2], dropped: Instant, what: String) {
        for book in books {
            book_recovers(world.clone(), book, dropped, what.clone()).await;
        }
    }
    for (database, place) in WORLDS {
        let world = world_of(database, place).await;
        let mut checks = JoinSet::new();
        for polls in 1..POLLS_MAX {
            let books = [cached_book(&world).await?, cached_book(&world).await?];
            let transaction = world.db.begin().await?;
            reranked(&books[0]).update(&transaction).await?;
            books[1].clone().delete(&transaction).await?;
            let ended = drop_at_poll(polls, transaction.commit()).await;
            let what = format!("{database:?} and {place:?}, dropped at poll {polls}");
            checks.spawn(both_recover(world.clone(), books, Instant::now(), what));
            if let Some(committed) = ended {
                committed?;
                println!("{database:?} and {place:?}: {polls} polls");
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "it never ends");
        }
        while let Some(checked) = checks.join_next().await {
            checked.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_read_may_be_dropped_anywhere() -> Result<(), DbErr> {
    at_each_poll!(
        world,
        book = cold_book(&world),
        async { world.autocache.cache::<book::Entity>().get(book.id).await.map(drop) },
        book_recovers
    );
    Ok(())
}

/// These run in the caller's own task, so no other task brings them to an end.
#[tokio::test]
async fn a_read_through_a_given_connection_may_be_dropped_anywhere() -> Result<(), DbErr> {
    at_each_poll!(
        world,
        book = cold_book(&world),
        async { world.autocache.cache::<book::Entity>().on(&world.plain).get(book.id).await.map(drop) },
        book_recovers
    );
    at_each_poll!(
        world,
        book = cached_book(&world),
        async { world.autocache.cache::<book::Entity>().refresh(book.id).await.map(drop) },
        book_recovers
    );
    Ok(())
}

#[tokio::test]
async fn a_read_of_many_may_be_dropped_anywhere() -> Result<(), DbErr> {
    at_each_poll!(
        world,
        book = cold_book(&world),
        async {
            world.autocache.cache::<book::Entity>().get_many([book.id, book.id + 5_000]).await.map(drop)
        },
        book_recovers
    );
    Ok(())
}

/// The one hole: the key of a row whose insert was dropped before its hook has run is not known, so
/// a tombstone of it stays until its TTL, or until it is invalidated.
#[tokio::test]
async fn a_dropped_insert_whose_key_the_database_makes_leaves_a_tombstone_that_was_there() -> Result<(), DbErr>
{
    for place in [Place::Memory, Place::Redis] {
        let (world, store) = World::faulty(Database::Sqlite, place, |builder| builder).await;
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.find(1).await?, None);
        let gate = store.hold(Operation::Insert);
        let db = world.db.clone();
        let insert = tokio::spawn(async move { titled("Emma").insert(&db).await });
        gate.reached().await;
        insert.abort();
        assert!(insert.await.is_err());
        assert!(book::Entity::find_by_id(1).one(&world.plain).await?.is_some(), "{place:?}");
        assert_eq!(cache.find(1).await?, None, "{place:?}");
        cache.invalidate(1).await?;
        assert_eq!(cache.get(1).await?.title, "Emma");
    }
    Ok(())
}

/// The save was given up while its statement waits for a lock: the intent must outlive whatever else goes
/// wrong in this task, for the statement will commit.
#[tokio::test]
async fn a_statement_that_is_refused_does_not_end_the_intent_of_a_save_that_was_dropped() -> Result<(), DbErr>
{
    let world = World::new(Database::Postgres, Place::Redis).await;
    world.create_table(book::Entity).await;
    let book = cached_book(&world).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let locker = world.plain.begin().await?;
    book::Entity::find_by_id(book.id).lock_exclusive().one(&locker).await?;
    let patience = Duration::from_millis(200);
    assert!(tokio::time::timeout(patience, reranked(&book).update(&world.db)).await.is_err());
    assert!(world.db.execute_unprepared("SELECT 1/0").await.is_err());
    assert_eq!(cache.get(book.id).await?.rank, 1, "not yet committed");
    locker.rollback().await?;
    let stored = || async { book::Entity::find_by_id(book.id).one(&world.plain).await };
    let begun = Instant::now();
    while stored().await? == Some(book.clone()) && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(cache.find(book.id).await?, stored().await?);
    Ok(())
}
