//! Forced interleavings of list reads and writes.

use super::stock::{book_of, cold_shelf, titles};
use crate::entities::library::book;
use crate::support::{Database, Place, World};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::testing::{FaultyStore, Operation};

const PLACES: [Place; 3] = [Place::Memory, Place::Redis, Place::Cluster];

/// A world whose reads and writes do not wait for one another in the database.
async fn shop(place: Place) -> Result<(World, FaultyStore, i64), DbErr> {
    let (world, store) = World::faulty(Database::Postgres, place, |builder| builder).await;
    let (author, _) = cold_shelf(&world).await?;
    Ok((world, store, author.id))
}

/// The list was read before a child was inserted, and is filled after it.
#[tokio::test]
async fn a_list_that_was_read_before_an_insert_is_not_kept() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, author) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let gate = store.hold(Operation::Fill);
        let reader = tokio::spawn({
            let cache = cache.clone();
            async move { cache.list_by(book::Column::AuthorId, author).await }
        });
        gate.reached().await;
        book_of(author, "Sanditon", 3).insert(&world.db).await?;
        gate.open();
        assert_eq!(titles(&reader.await.unwrap()?), ["Persuasion", "Emma"]);
        let list = cache.list_by(book::Column::AuthorId, author).await?;
        assert_eq!(titles(&list), ["Sanditon", "Persuasion", "Emma"], "{place:?}");
    }
    Ok(())
}

/// The insert has committed and not yet said so: readers ask the database, and fill nothing.
#[tokio::test]
async fn a_list_is_not_filled_while_a_child_is_inserted() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, author) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.list_by(book::Column::AuthorId, author).await?;
        let gate = store.hold(Operation::Finish);
        let writer = tokio::spawn({
            let db = world.db.clone();
            async move { book_of(author, "Sanditon", 3).insert(&db).await }
        });
        gate.reached().await;
        for _ in 0..2 {
            let (list, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, author)).await;
            assert_eq!(titles(&list?), ["Sanditon", "Persuasion", "Emma"]);
            // A Cluster ends the intents of lists and of rows one after the other: this list may be filled again.
            assert!(sql == 1 || place == Place::Cluster, "{place:?}");
        }
        gate.open();
        writer.await.unwrap()?;
        assert_eq!(cache.list_by(book::Column::AuthorId, author).await?.len(), 3);
    }
    Ok(())
}

/// The rows of the list were read, then one of them was changed and its entry evicted, and only then the
/// reader leases the rows: the fence tells it that its row may be old.
#[tokio::test]
async fn a_row_that_changed_since_the_list_was_read_is_not_seeded() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, store, author) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        // The first lease is the list's, the second the fence's, the third the first row's.
        let rows = store.hold_nth(Operation::Lease, 3);
        let reader = tokio::spawn({
            let cache = cache.clone();
            async move { cache.list_by(book::Column::AuthorId, author).await }
        });
        rows.reached().await;
        let mut change = book::ActiveModel { id: Set(1), ..Default::default() };
        change.title = Set("Emma, revised".to_owned());
        let changed = change.update(&world.db).await?;
        cache.invalidate(changed.id).await?;
        rows.open();
        reader.await.unwrap()?;
        assert_eq!(cache.get(changed.id).await?.title, "Emma, revised", "{place:?}");
    }
    Ok(())
}

/// Two children at once: both are there, in either order.
#[tokio::test]
async fn two_children_at_once_are_both_there() -> Result<(), DbErr> {
    for place in PLACES {
        let (world, _, author) = shop(place).await?;
        let cache = world.autocache.cache::<book::Entity>();
        for round in 0..20 {
            cache.list_by(book::Column::AuthorId, author).await?;
            let (one, two) = (format!("one {round}"), format!("two {round}"));
            let (a, b, list) = tokio::join!(
                book_of(author, &one, 1).insert(&world.db),
                book_of(author, &two, 1).insert(&world.db),
                cache.list_by(book::Column::AuthorId, author),
            );
            for done in [a.map(drop), b.map(drop), list.map(drop)] {
                done?;
            }
            let list = cache.list_by(book::Column::AuthorId, author).await?;
            assert_eq!(list.len(), 4 + 2 * round, "{place:?}");
        }
    }
    Ok(())
}

/// Another process sees at once what this one has written.
#[tokio::test]
async fn lists_are_fresh_in_every_process() -> Result<(), DbErr> {
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (author, books) = cold_shelf(&world).await?;
    let neighbour = world.neighbour().await;
    let there = neighbour.autocache.cache::<book::Entity>();
    assert_eq!(there.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
    book_of(author.id, "Sanditon", 3).insert(&world.db).await?;
    assert_eq!(there.list_by(book::Column::AuthorId, author.id).await?.len(), 3);
    let mut moved = books[0].clone().into_active_model();
    moved.author_id = Set(super::stock::an_author(&world.db, "Mary").await?.id);
    moved.update(&world.db).await?;
    assert_eq!(titles(&there.list_by(book::Column::AuthorId, author.id).await?), ["Sanditon", "Persuasion"]);
    Ok(())
}
