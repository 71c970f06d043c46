//! Forced interleavings of writers with the fills of rows that were found by way of a list. Entries vanish here
//! as a store evicts them, which tells the fence nothing; an `invalidate` would.

use super::stock::cold_shelf;
use crate::entities::library::book;
use crate::support::{Database, Place, World};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, Set, TransactionTrait};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::store::Command;
use sea_orm_autocache::store::Step;
use sea_orm_autocache::testing::{FaultyStore, Gate, Operation};
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug)]
enum Kept {
    In(Place),
    /// In a store that keeps no order.
    Scattered,
}

const KEPT: [Kept; 4] =
    [Kept::In(Place::Memory), Kept::In(Place::Redis), Kept::In(Place::Cluster), Kept::Scattered];

/// A reader that has read the list and stands before the lease of its first row.
struct Shop {
    world: World,
    store: FaultyStore,
    reader: JoinHandle<Result<Vec<book::Model>, DbErr>>,
    rows: Gate,
    book: i64,
}

async fn shop(kept: Kept) -> Result<Shop, DbErr> {
    // On Postgres reads and writes do not wait for one another.
    let (world, store) = match kept {
        Kept::In(place) => World::faulty(Database::Postgres, place, |builder| builder).await,
        Kept::Scattered => World::scattered(Database::Postgres, |builder| builder).await,
    };
    let (author, books) = cold_shelf(&world).await?;
    // The first lease is the list's, the second the fence's.
    let rows = store.hold_nth(Operation::Lease, 3);
    let cache = world.autocache.cache::<book::Entity>();
    let reader = tokio::spawn(async move { cache.list_by(book::Column::AuthorId, author.id).await });
    rows.reached().await;
    Ok(Shop { world, store, reader, rows, book: books[0].id })
}

impl Shop {
    async fn evict(&self) {
        let key = self.world.autocache.cache::<book::Entity>().make_key(self.book).unwrap();
        Store::run(&self.store, vec![Command::new(key, Step::Invalidate)]).await.remove(0).unwrap();
    }

    /// The reader comes to its end: it began before the change, and may answer with either row.
    async fn read(self) -> Result<(World, book::Model), DbErr> {
        self.rows.open();
        assert_eq!(self.reader.await.unwrap()?.len(), 2);
        let found = self.world.autocache.cache::<book::Entity>().get(self.book).await?;
        Ok((self.world, found))
    }
}

async fn revise<C: ConnectionTrait>(db: &C, id: i64) -> Result<book::Model, DbErr> {
    let change =
        book::ActiveModel { id: Set(id), title: Set("Emma, revised".to_owned()), ..Default::default() };
    change.update(db).await
}

/// Nothing is left of the save but the fence that it has wiped.
#[tokio::test]
async fn a_row_that_was_saved_since_the_list_was_read_is_not_seeded() -> Result<(), DbErr> {
    for kept in KEPT {
        let shop = shop(kept).await?;
        revise(&shop.world.db, shop.book).await?;
        shop.evict().await;
        let (_, found) = shop.read().await?;
        assert_eq!(found.title, "Emma, revised", "{kept:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_that_a_transaction_saved_since_the_list_was_read_is_not_seeded() -> Result<(), DbErr> {
    for kept in KEPT {
        let shop = shop(kept).await?;
        let txn = shop.world.db.begin().await?;
        revise(&txn, shop.book).await?;
        txn.commit().await?;
        shop.evict().await;
        let (_, found) = shop.read().await?;
        assert_eq!(found.title, "Emma, revised", "{kept:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_that_was_deleted_since_the_list_was_read_is_not_seeded() -> Result<(), DbErr> {
    for kept in KEPT {
        let shop = shop(kept).await?;
        book::ActiveModel { id: Set(shop.book), ..Default::default() }.delete(&shop.world.db).await?;
        shop.evict().await;
        let (cache, id) = (shop.world.autocache.cache::<book::Entity>(), shop.book);
        shop.rows.open();
        shop.reader.await.unwrap()?;
        assert_eq!(cache.find(id).await?, None, "{kept:?}");
    }
    Ok(())
}

/// A writer that has committed and is about to wipe the fence still holds its row: between the two no reader
/// finds the row free and the fence as it was.
#[tokio::test]
async fn a_writer_wipes_the_fence_before_it_frees_its_row() -> Result<(), DbErr> {
    for kept in [Kept::In(Place::Memory), Kept::In(Place::Redis)] {
        let shop = shop(kept).await?;
        let wipe = shop.store.hold(Operation::Invalidate);
        let writer = tokio::spawn({
            let (db, id) = (shop.world.db.clone(), shop.book);
            async move { revise(&db, id).await }
        });
        wipe.reached().await;
        shop.evict().await;
        let id = shop.book;
        let (world, found) = shop.read().await?;
        // Committed, and not yet said so: either row is right.
        assert!(found.title.starts_with("Emma"));
        wipe.open();
        writer.await.unwrap()?;
        let found = world.autocache.cache::<book::Entity>().get(id).await?;
        assert_eq!(found.title, "Emma, revised", "{kept:?}");
    }
    Ok(())
}
