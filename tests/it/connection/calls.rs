//! Every way in which SeaORM writes a row, on every kind of connection: what the cache holds then.
//! The table in docs/guide/write_calls.md says the same.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{ALL, Database, World, each_world};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, Set, TransactionTrait,
};
use sea_orm_autocache::Consistency;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Update,
    SaveOfOld,
    SaveOfNew,
    Insert,
    InsertWithKey,
    Delete,
    ModelDelete,
    UpdateWithoutReturning,
    EntityInsert,
    EntityInsertMany,
    EntityUpdate,
    EntityUpdateMany,
    EntityDelete,
    EntityDeleteById,
    EntityDeleteMany,
    Upsert,
    Raw,
}

/// What the cache makes of a row that it held as it was before the call, or whose absence it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It holds what the call has made.
    Published,
    /// It holds nothing; the next read fills.
    Emptied,
    /// It holds a write intent: reads go to the database until the hold is over.
    Bypassed,
    /// It holds what was there before.
    Stale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cached,
    CachedTransaction,
    /// Plain ones, with an Autocache in scope.
    Plain,
    PlainTransaction,
    /// A plain one, with no Autocache anywhere.
    Alone,
}

use After::{Bypassed, Emptied, Published, Stale};

const KINDS: [Kind; 5] =
    [Kind::Cached, Kind::CachedTransaction, Kind::Plain, Kind::PlainTransaction, Kind::Alone];

/// No hook tells of it: our own connections see the statement itself.
const UNANNOUNCED: [After; 5] = [Emptied, Emptied, Stale, Stale, Stale];

const TABLE: [(Call, [After; 5]); 17] = [
    (Call::Update, [Published, Published, Published, Bypassed, Stale]),
    (Call::SaveOfOld, [Published, Published, Published, Bypassed, Stale]),
    (Call::SaveOfNew, [Emptied, Published, Emptied, Bypassed, Stale]),
    (Call::Insert, [Emptied, Published, Emptied, Bypassed, Stale]),
    (Call::InsertWithKey, [Published, Published, Published, Bypassed, Stale]),
    (Call::Delete, [Published, Published, Published, Bypassed, Stale]),
    (Call::ModelDelete, [Published, Published, Published, Bypassed, Stale]),
    (Call::UpdateWithoutReturning, [Bypassed, Emptied, Bypassed, Bypassed, Stale]),
    (Call::EntityInsert, UNANNOUNCED),
    (Call::EntityInsertMany, UNANNOUNCED),
    (Call::EntityUpdate, UNANNOUNCED),
    (Call::EntityUpdateMany, UNANNOUNCED),
    (Call::EntityDelete, UNANNOUNCED),
    (Call::EntityDeleteById, UNANNOUNCED),
    (Call::EntityDeleteMany, UNANNOUNCED),
    (Call::Upsert, UNANNOUNCED),
    (Call::Raw, UNANNOUNCED),
];

impl Call {
    /// Whether it makes a row that was not there.
    fn makes(self) -> bool {
        use Call::{EntityInsert, EntityInsertMany, Insert, InsertWithKey, SaveOfNew};
        matches!(self, SaveOfNew | Insert | InsertWithKey | EntityInsert | EntityInsertMany)
    }
}

/// Writes the row with this key, which the next row that the database numbers will have, if the call makes one.
async fn perform<C: ConnectionTrait>(call: Call, db: &C, old: &book::Model) -> Result<(), DbErr> {
    let id = old.id;
    let changed = book::ActiveModel { rank: Set(2), ..old.clone().into() };
    let whole = changed.clone().reset_all();
    match call {
        Call::Update => changed.update(db).await.map(drop),
        Call::SaveOfOld => changed.save(db).await.map(drop),
        Call::SaveOfNew => titled("new").save(db).await.map(drop),
        Call::Insert => titled("new").insert(db).await.map(drop),
        Call::InsertWithKey => whole.insert(db).await.map(drop),
        Call::Delete => old.clone().into_active_model().delete(db).await.map(drop),
        Call::ModelDelete => old.clone().delete(db).await.map(drop),
        Call::UpdateWithoutReturning => changed.update_without_returning(db).await.map(drop),
        Call::EntityInsert => book::Entity::insert(whole).exec(db).await.map(drop),
        Call::EntityInsertMany => book::Entity::insert_many([whole]).exec(db).await.map(drop),
        Call::EntityUpdate => book::Entity::update(changed).exec(db).await.map(drop),
        Call::EntityUpdateMany => {
            let update = book::Entity::update_many().col_expr(book::Column::Rank, Expr::value(2));
            update.filter(book::Column::Id.eq(id)).exec(db).await.map(drop)
        }
        Call::EntityDelete => book::Entity::delete(changed).exec(db).await.map(drop),
        Call::EntityDeleteById => book::Entity::delete_by_id(id).exec(db).await.map(drop),
        Call::EntityDeleteMany => {
            book::Entity::delete_many().filter(book::Column::Id.eq(id)).exec(db).await.map(drop)
        }
        Call::Upsert => {
            let replace = OnConflict::column(book::Column::Id).update_column(book::Column::Rank).to_owned();
            book::Entity::insert(whole).on_conflict(replace).exec(db).await.map(drop)
        }
        Call::Raw => {
            db.execute_unprepared(&format!("UPDATE book SET rank = 2 WHERE id = {id}")).await.map(drop)
        }
    }
}

async fn perform_on(kind: Kind, call: Call, world: &World, old: &book::Model) -> Result<(), DbErr> {
    let scope = world.autocache.clone();
    match kind {
        Kind::Cached => perform(call, &world.db, old).await,
        Kind::CachedTransaction => {
            let transaction = world.db.begin().await?;
            perform(call, &transaction, old).await?;
            transaction.commit().await
        }
        Kind::Plain => scope.scope(perform(call, &world.plain, old)).await,
        Kind::PlainTransaction => {
            let written = scope.scope(async {
                let transaction = world.plain.begin().await?;
                perform(call, &transaction, old).await?;
                transaction.commit().await
            });
            written.await
        }
        Kind::Alone => perform(call, &world.plain, old).await,
    }
}

async fn after(world: &World, id: i64) -> Result<After, DbErr> {
    let cache = world.autocache.cache::<book::Entity>();
    let row = book::Entity::find_by_id(id).one(&world.plain).await?;
    let held = cache.contains(id).await?;
    let fresh = cache.find(id).await? == row;
    Ok(match (fresh, held) {
        (false, _) => Stale,
        (true, true) => Published,
        (true, false) if cache.contains(id).await? => Emptied,
        (true, false) => Bypassed,
    })
}

/// A row that the cache holds, or the key of the next one, whose absence it holds.
async fn held(world: &World, call: Call) -> Result<book::Model, DbErr> {
    let cache = world.autocache.cache::<book::Entity>();
    if world.database == Database::Postgres {
        // It numbers on from where it was, although the next key may have been given to it by then.
        let number = "SELECT setval('book_id_seq', (SELECT last_value + 2 FROM book_id_seq))";
        world.plain.execute_unprepared(number).await?;
    }
    let row = titled("old").insert(&world.plain).await?;
    let old = if call.makes() { book::Model { id: row.id + 1, ..row } } else { row };
    // A busy server may answer too late for the first read to fill.
    for _ in 0..100 {
        assert_eq!(cache.find(old.id).await?.is_none(), call.makes());
        if cache.contains(old.id).await? {
            return Ok(old);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{call:?}: {} is never cached; {:?}", old.id, world.stats())
}

#[tokio::test]
async fn each_write_leaves_in_the_cache_what_the_table_says() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let mut differing = Vec::new();
        for (call, expected) in TABLE {
            for (kind, expected) in KINDS.into_iter().zip(expected) {
                let old = held(&world, call).await?;
                perform_on(kind, call, &world, &old).await?;
                let found = after(&world, old.id).await?;
                if found != expected {
                    differing.push((call, kind, found));
                }
            }
        }
        assert!(differing.is_empty(), "{differing:#?}");
        Ok(())
    })
    .await;
}

/// Where the absent row was not asked for before.
#[tokio::test]
async fn an_insert_into_an_empty_key_is_published_at_once() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        for kind in [Kind::Cached, Kind::CachedTransaction, Kind::Plain] {
            let next = titled("old").insert(&world.plain).await?.id + 1;
            perform_on(kind, Call::Insert, &world, &book::Model { id: next, title: String::new(), rank: 0 })
                .await?;
            assert_eq!(after(&world, next).await?, Published, "{kind:?}");
        }
        Ok(())
    })
    .await;
}

/// `invalidate` is what repairs the rows of writes that nothing has told of.
#[tokio::test]
async fn an_invalidation_repairs_what_no_hook_has_told_of() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        for call in [Call::EntityInsert, Call::EntityUpdateMany, Call::EntityDeleteById, Call::Raw] {
            let old = held(&world, call).await?;
            perform(call, &world.plain, &old).await?;
            assert_eq!(after(&world, old.id).await?, Stale, "{call:?}");
            cache.invalidate(old.id).await?;
            assert_eq!(after(&world, old.id).await?, Emptied, "{call:?}");
        }
        Ok(())
    })
    .await;
}

/// `Strict` has no race in which the new row could be older than what stands.
#[tokio::test]
async fn under_strict_an_insert_whose_key_the_database_makes_only_empties_its_key() {
    let strict = |builder: sea_orm_autocache::AutocacheBuilder| builder.consistency(Consistency::Strict);
    for (database, place) in ALL {
        let world = World::with(database, place, strict).await;
        world.create_table(book::Entity).await;
        let written = async {
            for (call, asked) in [(Call::Insert, false), (Call::SaveOfNew, true)] {
                let next = titled("old").insert(&world.plain).await?.id + 1;
                let cache = world.autocache.cache::<book::Entity>();
                if asked {
                    assert_eq!(cache.find(next).await?, None);
                }
                let row = book::Model { id: next, title: String::new(), rank: 0 };
                perform_on(Kind::Cached, call, &world, &row).await?;
                assert_eq!(after(&world, next).await?, Emptied, "{call:?} with {database:?} and {place:?}");
            }
            Ok::<_, DbErr>(())
        };
        written.await.unwrap();
    }
}
