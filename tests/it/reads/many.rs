//! Many rows at once.

use crate::entities::{book, keyed::shelf};
use crate::laws::{cold_book, cold_books};
use crate::support::{Database, Place, World, each_world};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

#[tokio::test]
async fn misses_take_one_select_and_hits_one_trip() {
    each_world(|world| async move {
        let books = cold_books(&world, 1..=5).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let wanted: Vec<_> = books.into_iter().map(Some).collect();
        let (rows, sql, trips) = world.cost(cache.get_many(1_i64..=5)).await;
        assert_eq!((rows?, sql, trips), (wanted.clone(), 1, 3));
        let (rows, sql, trips) = world.cost(cache.get_many(1_i64..=5)).await;
        assert_eq!((rows?, sql, trips), (wanted, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn order_duplicates_and_unknown_ids_are_kept() {
    each_world(|world| async move {
        let books = cold_books(&world, 1..=5).await?;
        let row = |id: i64| books.iter().find(|book| book.id == id).cloned();
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(4).await?;
        let ids = [5_i64, 4, 99, 1, 5, 99, 4];
        let wanted: Vec<_> = ids.iter().map(|&id| row(id)).collect();
        let misses = world.counts().misses;
        let (rows, sql, trips) = world.cost(cache.get_many(ids)).await;
        assert_eq!((rows?, sql, trips), (wanted.clone(), 1, 3));
        assert_eq!(world.counts().misses - misses, 3, "5, 99 and 1, each asked for once");
        let (rows, sql, trips) = world.cost(cache.get_many(ids)).await;
        assert_eq!((rows?, sql, trips), (wanted, 0, 1), "99 is remembered as absent");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn no_ids_cost_nothing() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let (rows, sql, trips) = world.cost(cache.get_many(Vec::<i64>::new())).await;
        assert_eq!((rows?, sql, trips), (vec![], 0, 0));
        let (done, sql, trips) = world.cost(cache.invalidate_many(Vec::<i64>::new())).await;
        assert_eq!((done?, sql, trips), ((), 0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_select_asks_for_at_most_500_rows() {
    each_world(|world| async move {
        let books = cold_books(&world, 1..=1_200).await?;
        let cache = world.autocache.cache::<book::Entity>();
        // From the last to the first, so that the order is not the database's.
        let wanted: Vec<_> = books.into_iter().rev().map(Some).collect();
        let ids = || (1_i64..=1_200).rev();
        let (rows, sql, trips) = world.cost(cache.get_many(ids())).await;
        assert_eq!((sql, trips), (3, 3));
        assert!(rows? == wanted);
        let (rows, sql, trips) = world.cost(cache.get_many(ids())).await;
        assert_eq!((sql, trips), (0, 1));
        assert!(rows? == wanted);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn after_an_invalidation_only_that_row_is_loaded() {
    each_world(|world| async move {
        cold_books(&world, 1..=3).await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get_many(1_i64..=3).await?;
        cache.invalidate(2).await?;
        let before = world.counts();
        let (rows, sql, trips) = world.cost(cache.get_many(1_i64..=3)).await;
        assert!(rows?.iter().all(Option::is_some));
        let after = world.counts();
        assert_eq!((sql, trips), (1, 3));
        assert_eq!((after.hits - before.hits, after.misses - before.misses), (2, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn composite_keys_are_read_together() {
    each_world(|world| async move {
        world.create_table(shelf::Entity).await;
        let shelf = |room: &str, label: &str, number| shelf::Model {
            room: room.to_owned(),
            label: label.to_owned(),
            number,
            note: format!("{room} {label} {number}"),
        };
        // Texts that would collide if the parts were only joined.
        let shelves = [shelf("a", "b,c", 1), shelf("a,b", "c", 1), shelf("a", "b", 2)];
        for shelf in shelves.clone() {
            shelf.into_active_model().reset_all().insert(&world.plain).await?;
        }
        let cache = world.autocache.cache::<shelf::Entity>();
        let pk = |shelf: &shelf::Model| (shelf.room.clone(), shelf.label.clone(), shelf.number);
        let mut pks: Vec<_> = shelves.iter().map(pk).collect();
        pks.push(("a".to_owned(), "b".to_owned(), 3));
        let wanted: Vec<_> = shelves.into_iter().map(Some).chain([None]).collect();
        let (rows, sql, trips) = world.cost(cache.get_many(pks.clone())).await;
        assert_eq!((rows?, sql, trips), (wanted.clone(), 1, 3));
        let (rows, sql, _) = world.cost(cache.get_many(pks)).await;
        // MariaDB compares texts loosely, so absences are not remembered there.
        assert_eq!((rows?, sql), (wanted, u64::from(world.database == Database::MariaDb)));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_row_alone_costs_as_much_as_a_get() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (rows, sql, trips) = world.cost(cache.get_many([book.id])).await;
        assert_eq!((rows?, sql, trips), (vec![Some(book)], 1, 3));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn more_ids_than_one_read_of_the_store_takes_are_all_answered() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    book::Entity::insert(book::Model { id: 12_000, title: "Emma".to_owned(), rank: 1 }.into_active_model())
        .exec(&world.plain)
        .await
        .unwrap();
    let rows = cache.get_many(1_i64..=12_000).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.is_some()).count(), 1);
    assert_eq!(rows.last().unwrap().as_ref().unwrap().title, "Emma");
}
