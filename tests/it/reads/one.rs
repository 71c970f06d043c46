//! One row: hits, misses, absences.

use crate::entities::book;
use crate::laws::{absent, cold_book, titled};
use crate::support::{Database, Place, World, each_world};
use fred::interfaces::KeysInterface;
use sea_orm::{ActiveModelTrait, ModelTrait, Set};

#[tokio::test]
async fn a_saved_row_is_read_without_sql() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let saved = titled("Emma").insert(&world.db).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(saved.id)).await;
        assert_eq!((read?, sql, trips), (saved, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_is_absent_without_sql() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let saved = titled("Emma").insert(&world.db).await?;
        let id = saved.id;
        saved.delete(&world.db).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(id)).await;
        assert!(absent(&read, "book", id));
        assert_eq!((sql, trips), (0, 1));
        let (found, sql, trips) = world.cost(cache.find(id)).await;
        assert_eq!((found?, sql, trips), (None, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_miss_reads_the_database_once_and_the_next_read_hits() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 1, 3));
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 0, 1));
        let (found, sql, trips) = world.cost(cache.find(book.id)).await;
        assert_eq!((found?, sql, trips), (Some(book), 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_absence_is_asked_for_once() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(404)).await;
        assert!(absent(&read, "book", 404));
        assert_eq!((sql, trips), (1, 3));
        let (read, sql, trips) = world.cost(cache.get(404)).await;
        assert!(absent(&read, "book", 404));
        assert_eq!((sql, trips), (0, 1));
        assert_eq!(cache.find(404).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn creating_the_row_ends_a_remembered_absence() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!((cache.find(1).await?, cache.find(7).await?), (None, None));
        // The database makes the key of the first; the second brings its own.
        let first = titled("Emma").insert(&world.db).await?;
        let (read, sql, _) = world.cost(cache.get(first.id)).await;
        assert_eq!((first.id, read?), (1, first));
        assert!(sql <= 1, "at most one read finds the new row");
        let known = book::ActiveModel { id: Set(7), ..titled("Persuasion") };
        let second = known.insert(&world.db).await?;
        let (read, sql, trips) = world.cost(cache.get(7)).await;
        assert_eq!((read?, sql, trips), (second, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_key_removed_by_hand_costs_one_read() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    world.create_table(book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let redis = world.redis().await;
    let saved = titled("Emma").insert(&world.db).await.unwrap();
    let remove =
        async |id: i64| assert_eq!(redis.del::<u64, _>(cache.make_key(id).unwrap()).await.unwrap(), 1);

    remove(saved.id).await;
    let (read, sql, _) = world.cost(cache.get(saved.id)).await;
    assert_eq!((read.unwrap(), sql), (saved.clone(), 1));

    let id = saved.id;
    saved.delete(&world.db).await.unwrap();
    remove(id).await;
    let (read, sql, _) = world.cost(cache.get(id)).await;
    assert!(absent(&read, "book", id));
    assert_eq!(sql, 1);
}

#[tokio::test]
async fn a_refresh_reads_the_database_and_replaces_the_entry() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        // A change that no signal has told of.
        let changed = book::ActiveModel { rank: Set(9), ..book.clone().into() }.update(&world.plain).await?;
        assert_eq!(cache.get(book.id).await?, book);
        let (refreshed, sql, trips) = world.cost(cache.refresh(book.id)).await;
        assert_eq!((refreshed?, sql, trips), (changed.clone(), 1, 3));
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (changed, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_refresh_finds_and_remembers_an_absence() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await?;
        let id = book.id;
        book.delete(&world.plain).await?;
        assert!(absent(&cache.refresh(id).await, "book", id));
        let (found, sql, trips) = world.cost(cache.find(id)).await;
        assert_eq!((found?, sql, trips), (None, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn contains_tells_what_a_get_would_cost() {
    each_world(|world| async move {
        let book = cold_book(&world, "Emma").await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (known, sql, trips) = world.cost(cache.contains(book.id)).await;
        assert_eq!((known?, sql, trips), (false, 0, 1));
        cache.get(book.id).await?;
        assert!(cache.contains(book.id).await?);
        cache.find(404).await?;
        assert!(cache.contains(404).await?, "a remembered absence answers too");
        cache.invalidate(book.id).await?;
        assert!(!cache.contains(book.id).await?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_hit_needs_no_database_connection() {
    for place in [Place::Memory, Place::Redis] {
        let world = World::new(Database::Sqlite, place).await;
        let book = cold_book(&world, "Emma").await.unwrap();
        let cache = world.autocache.cache::<book::Entity>();
        cache.get(book.id).await.unwrap();
        assert_eq!(cache.find(404).await.unwrap(), None);
        world.plain.close_by_ref().await.unwrap();
        assert_eq!(cache.get(book.id).await.unwrap(), book);
        assert_eq!(cache.find(404).await.unwrap(), None);
        assert!(cache.get(405).await.is_err(), "the database is gone");
    }
}
