//! Rows that are found by way of a list, in a store that keeps no order: the fence has an intent beside the rows.

use super::stock::{an_author, book_of, cold_shelf};
use crate::entities::library::{author, book};
use crate::support::{Database, Place, World};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    Set, TransactionTrait,
};
use sea_orm_autocache::Counts;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::store::{Command, Found, Slot, Step, decode_slot};
use sea_orm_autocache::testing::{Fault, FaultyStore, Gate, Operation};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(15);
const ENDS: [Operation; 2] = [Operation::Finish, Operation::Invalidate];

struct Shop {
    world: World,
    store: FaultyStore,
    author: i64,
    book: i64,
    other: i64,
    row: String,
    fence: String,
}

async fn shop() -> Result<Shop, DbErr> {
    // On Postgres reads and writes do not wait for one another.
    let (world, store) = World::scattered(Database::Postgres, |builder| builder).await;
    let (author, books) = cold_shelf(&world).await?;
    let row = world.autocache.cache::<book::Entity>().make_key(books[0].id).unwrap();
    let fence = format!("{}:lib_book:@", world.app);
    Ok(Shop { store, author: author.id, book: books[0].id, other: books[1].id, row, fence, world })
}

impl Shop {
    fn cache(&self) -> CacheController<book::Entity> {
        self.world.autocache.cache::<book::Entity>()
    }

    /// The first byte of what a key holds; a space for nothing.
    async fn kind(&self, key: &str) -> char {
        match self.store.get(key).await.unwrap() {
            Found::Bytes(bytes) => char::from(bytes[0]),
            Found::Memory(_) => 'V',
            _ => ' ',
        }
    }

    async fn writers_on(&self, key: &str) -> usize {
        let Found::Bytes(bytes) = self.store.get(key).await.unwrap() else { return 0 };
        match decode_slot(&bytes, |_| ()) {
            Slot::Intent(intents) => intents.holders.len(),
            _ => 0,
        }
    }

    async fn until(&self, key: &str, kind: char) {
        let begun = Instant::now();
        while self.kind(key).await != kind {
            assert!(begun.elapsed() < PATIENCE, "{key} is no {kind}, but {}", self.kind(key).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn hold(&self, operations: impl IntoIterator<Item = Operation>, key: &str) -> Gate {
        let gate = Gate::new();
        self.store.inject(Fault::Hold(gate.clone()).on_any(operations).key(key).once());
        gate
    }

    fn list(&self) -> JoinHandle<Result<Vec<book::Model>, DbErr>> {
        let (cache, author) = (self.cache(), self.author);
        tokio::spawn(async move { cache.list_by(book::Column::AuthorId, author).await })
    }

    fn revise(&self) -> JoinHandle<Result<book::Model, DbErr>> {
        let (db, id) = (self.world.db.clone(), self.book);
        tokio::spawn(async move { revised(id).update(&db).await })
    }

    async fn lock(&self) -> Result<DatabaseTransaction, DbErr> {
        let lock = self.world.plain.begin().await?;
        lock.execute_unprepared("SELECT * FROM lib_book FOR UPDATE").await?;
        Ok(lock)
    }

    /// Entries and leases go; a write at work publishes nothing.
    async fn empty(&self, keys: [&str; 2]) {
        let commands = keys.map(|key| Command::new(key.to_owned(), Step::Invalidate)).into();
        Store::run(&self.store, commands).await.into_iter().for_each(|reply| drop(reply.unwrap()));
    }

    /// Statements that it takes to read the book.
    async fn statements(&self) -> Result<u64, DbErr> {
        let (found, sql, _) = self.world.cost(self.cache().get(self.book)).await;
        found.map(|_| sql)
    }

    /// The writer has been told of its commit, its row is free, and the fence does not know yet. The reader fills
    /// what it may, and the writer comes to its end.
    async fn read_before_the_fence_knows(
        &self,
        rows: Gate,
        reader: JoinHandle<Result<Vec<book::Model>, DbErr>>,
        end: Gate,
        writer: JoinHandle<Result<book::Model, DbErr>>,
    ) -> Result<(), DbErr> {
        end.reached().await;
        self.until(&self.row, 'V').await;
        self.store.forget(&self.row).await.unwrap();
        rows.open();
        assert_eq!(reader.await.unwrap()?.len(), 2);
        end.open();
        writer.await.unwrap()?;
        assert_eq!(self.cache().get(self.book).await?.title, "Emma, revised");
        Ok(())
    }
}

fn revised(id: i64) -> book::ActiveModel {
    book::ActiveModel { id: Set(id), title: Set("Emma, revised".to_owned()), ..Default::default() }
}

#[tokio::test]
async fn the_rows_of_a_list_are_cached() -> Result<(), DbErr> {
    let shop = shop().await?;
    shop.list().await.unwrap()?;
    assert_eq!(shop.statements().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_row_whose_fence_ends_after_it_is_not_seeded() -> Result<(), DbErr> {
    let shop = shop().await?;
    let rows = shop.hold([Operation::Lease], &shop.row);
    let reader = shop.list();
    rows.reached().await;
    let end = shop.hold(ENDS, &shop.fence);
    let writer = shop.revise();
    shop.read_before_the_fence_knows(rows, reader, end, writer).await
}

/// The row has changed behind the cache's back, and the program says so.
#[tokio::test]
async fn an_invalidation_wipes_the_fence_before_it_frees_the_row() -> Result<(), DbErr> {
    let shop = shop().await?;
    let rows = shop.hold([Operation::Lease], &shop.row);
    let reader = shop.list();
    rows.reached().await;
    revised(shop.book).update(&shop.world.plain).await?;
    let end = shop.hold([Operation::Invalidate], &shop.fence);
    let (cache, id) = (shop.cache(), shop.book);
    let invalidation = tokio::spawn(async move { cache.invalidate(id).await });
    end.reached().await;
    // Were the row to be freed now, this would be the moment.
    tokio::time::sleep(Duration::from_millis(50)).await;
    rows.open();
    assert_eq!(reader.await.unwrap()?.len(), 2);
    end.open();
    invalidation.await.unwrap()?;
    assert_eq!(shop.cache().get(shop.book).await?.title, "Emma, revised");
    Ok(())
}

#[tokio::test]
async fn while_a_writer_is_at_work_a_list_fills_no_row() -> Result<(), DbErr> {
    let shop = shop().await?;
    let lock = shop.lock().await?;
    let writer = shop.revise();
    shop.until(&shop.fence, 'W').await;
    assert_eq!(shop.list().await.unwrap()?.len(), 2);
    assert_eq!(shop.kind(&shop.cache().make_key(shop.other).unwrap()).await, ' ');
    lock.rollback().await?;
    writer.await.unwrap()?;
    assert_eq!(shop.cache().get(shop.book).await?.title, "Emma, revised");
    Ok(())
}

/// The reader has been told of another's mark. When it looks, an intent stands there, and it stands there until after
/// the rows are free.
#[tokio::test]
async fn the_intent_of_a_writer_is_no_mark() -> Result<(), DbErr> {
    let shop = shop().await?;
    let mary = an_author(&shop.world.plain, "Mary").await?;
    shop.cache().list_by(book::Column::AuthorId, mary.id).await?;
    let rows = shop.hold([Operation::Lease], &shop.row);
    let look = shop.hold([Operation::Get], &shop.fence);
    let reader = shop.list();
    look.reached().await;
    let lock = shop.lock().await?;
    let writer = shop.revise();
    shop.until(&shop.fence, 'W').await;
    look.open();
    // It leases no row, or this would be the moment.
    let _ = tokio::time::timeout(Duration::from_millis(300), rows.reached()).await;
    let end = shop.hold(ENDS, &shop.fence);
    lock.rollback().await?;
    shop.read_before_the_fence_knows(rows, reader, end, writer).await
}

#[tokio::test]
async fn without_its_intent_the_fence_is_wiped_before_a_row_is_freed() -> Result<(), DbErr> {
    let shop = shop().await?;
    shop.store.inject(Fault::Refused.on(Operation::Intent).key(&shop.fence).once());
    let end = shop.hold(ENDS, &shop.fence);
    let writer = shop.revise();
    end.reached().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(shop.kind(&shop.row).await, 'W');
    end.open();
    writer.await.unwrap()?;
    assert_eq!((shop.statements().await?, shop.world.stats().backends[0].queued), (0, 0));
    Ok(())
}

/// Neither the write nor the journal frees the row before.
#[tokio::test]
async fn a_row_is_not_freed_while_its_fence_cannot_be_wiped() -> Result<(), DbErr> {
    let shop = shop().await?;
    shop.store
        .inject(Fault::Refused.on_any([Operation::Intent, Operation::Finish]).key(&shop.fence).times(2));
    let delivery = shop.hold([Operation::Invalidate], &shop.fence);
    shop.revise().await.unwrap()?;
    delivery.reached().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(shop.kind(&shop.row).await, 'W');
    delivery.open();
    shop.until(&shop.row, ' ').await;
    assert_eq!(shop.cache().get(shop.book).await?.title, "Emma, revised");
    Ok(())
}

/// Until then a reader could set a mark.
#[tokio::test]
async fn a_writer_whose_intent_was_lost_from_the_fence_empties_its_row_at_last() -> Result<(), DbErr> {
    let shop = shop().await?;
    let end = shop.hold(ENDS, &shop.fence);
    let writer = shop.revise();
    end.reached().await;
    shop.until(&shop.row, 'V').await;
    shop.store.forget(&shop.fence).await.unwrap();
    end.open();
    writer.await.unwrap()?;
    assert_eq!(shop.kind(&shop.row).await, ' ');
    Ok(())
}

#[tokio::test]
async fn a_writer_that_ends_leaves_the_fence_to_the_next_list() -> Result<(), DbErr> {
    let shop = shop().await?;
    let db = &shop.world.db;
    // Refused by the database; rolled back; committed; each time with intents before.
    let orphan = book::ActiveModel { id: Set(shop.book), author_id: Set(9_999), ..Default::default() };
    orphan.update(db).await.unwrap_err();
    assert_eq!(shop.kind(&shop.fence).await, ' ');
    let txn = db.begin().await?;
    revised(shop.book).update(&txn).await?;
    txn.commit().await?;
    assert_eq!(shop.kind(&shop.fence).await, ' ');
    shop.cache().invalidate(shop.book).await?;
    shop.list().await.unwrap()?;
    assert_eq!(shop.statements().await?, 0);
    Ok(())
}

/// Its rows have their intents, so the fence is left to others.
#[tokio::test]
async fn a_write_whose_commit_is_not_seen_keeps_lists_from_no_other_row() -> Result<(), DbErr> {
    let shop = shop().await?;
    let autocache = shop.world.autocache.clone();
    autocache
        .scope(async {
            let txn = shop.world.plain.begin().await?;
            let mary = an_author(&txn, "Mary").await?;
            book_of(mary.id, "Frankenstein", 1).insert(&txn).await?;
            txn.commit().await
        })
        .await?;
    shop.list().await.unwrap()?;
    assert_eq!(shop.statements().await?, 0);
    Ok(())
}

/// Each step on the fence walks through all intents that stand there.
#[tokio::test]
async fn of_many_writers_at_once_few_share_the_fence() -> Result<(), DbErr> {
    const WRITERS: usize = 12;
    let shop = shop().await?;
    let lock = shop.lock().await?;
    let writers: Vec<_> = (0..WRITERS).map(|_| shop.revise()).collect();
    let begun = Instant::now();
    while shop.writers_on(&shop.row).await < WRITERS {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(shop.writers_on(&shop.fence).await, 8);
    lock.rollback().await?;
    for writer in writers {
        writer.await.unwrap()?;
    }
    assert_eq!((shop.kind(&shop.fence).await, shop.kind(&shop.row).await), (' ', ' '));
    let (_, _, trips) = shop.world.cost(async { revised(shop.book).update(&shop.world.db).await }).await;
    assert_eq!(trips, 2, "the fence is free again");
    Ok(())
}

/// What a program does all day.
async fn work(world: &World) -> Result<(Vec<u64>, Counts), DbErr> {
    let (jane, books) = cold_shelf(world).await?;
    let (db, mut trips) = (&world.db, Vec::new());
    let mut note = |(done, _, cost): (Result<(), DbErr>, u64, u64)| {
        trips.push(cost);
        done
    };
    note(world.cost(async { revised(books[0].id).update(db).await.map(drop) }).await)?;
    note(world.cost(async { book_of(jane.id, "Sanditon", 3).insert(db).await.map(drop) }).await)?;
    note(world.cost(async { books[1].clone().delete(db).await.map(drop) }).await)?;
    let in_one = async {
        let txn = db.begin().await?;
        for title in ["Emma", "Emma again"] {
            let mut book = books[0].clone().into_active_model();
            book.title = Set(title.to_owned());
            book.update(&txn).await?;
            book_of(jane.id, title, 4).insert(&txn).await?;
        }
        txn.commit().await
    };
    note(world.cost(in_one).await)?;
    note(world.cost(async { jane.clone().delete(db).await.map(drop) }).await)?;
    assert_eq!(world.autocache.cache::<author::Entity>().find(jane.id).await?, None);
    Ok((trips, world.counts()))
}

#[tokio::test]
async fn writes_take_as_many_round_trips_and_count_as_much_as_where_order_is_kept() -> Result<(), DbErr> {
    let (ordered, _) = World::faulty(Database::Postgres, Place::Memory, |builder| builder).await;
    let (scattered, _) = World::scattered(Database::Postgres, |builder| builder).await;
    assert_eq!(work(&scattered).await?, work(&ordered).await?);
    Ok(())
}

/// Readers and writers at once, of lists and rows that vanish: what the cache holds afterwards is what the database
/// holds.
#[tokio::test]
async fn after_many_lists_and_writes_at_once_no_row_is_old() -> Result<(), DbErr> {
    let shop = shop().await?;
    let list = format!("{}:lib_book:@author_id={}", shop.world.app, shop.author);
    let pause = async |micros: u64| tokio::time::sleep(Duration::from_micros(micros)).await;
    for round in 0..60 {
        let write = async |part: u64| {
            pause(700 * part).await;
            let title = Set(format!("{round} {part}"));
            let change = book::ActiveModel { id: Set(shop.book), title, ..Default::default() };
            change.update(&shop.world.db).await.map(drop)
        };
        let read = async |part: u64| {
            for turn in 0..4 {
                pause(300 * part).await;
                shop.empty([&shop.row, &list]).await;
                shop.cache().list_by(book::Column::AuthorId, shop.author).await?;
                pause(200 * turn).await;
            }
            Ok::<_, DbErr>(())
        };
        let (one, two, a, b, c) = tokio::join!(write(1), write(3), read(1), read(2), read(3));
        [one, two, a, b, c].into_iter().collect::<Result<Vec<()>, DbErr>>()?;
        let truth = book::Entity::find_by_id(shop.book).one(&shop.world.plain).await?.unwrap();
        assert_eq!(shop.cache().get(shop.book).await?.title, truth.title, "in round {round}");
    }
    Ok(())
}
