//! A cache that reads through a transaction asks the transaction at each call: what it has written since shows.

use crate::entities::library::{self, author, book};
use crate::laws::absent;
use crate::support::{Database, Place, World, each_world};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, IsolationLevel, ModelTrait, Set, TransactionTrait};
use sea_orm_autocache::{CacheController, Through};

/// An author with two books, all of them in the cache, and the list of the books, too.
async fn warm_shelf(world: &World) -> Result<(CacheController<book::Entity>, Vec<book::Model>), DbErr> {
    library::create_tables(&world.plain).await;
    let author = author::Model { id: 1, name: "Jane".to_owned(), country: None };
    author.into_active_model().reset_all().insert(&world.plain).await?;
    let mut books = Vec::new();
    for title in ["Emma", "Persuasion"] {
        books.push(titled(title).insert(&world.plain).await?);
    }
    let cache = world.autocache.cache::<book::Entity>();
    cache.list_by(book::Column::AuthorId, 1_i64).await?;
    cache.get_by(book::Column::Isbn, "isbn Emma").await?;
    Ok((cache, books))
}

/// A book in the list of the one author. The later the title, the further behind.
fn titled(title: &str) -> book::ActiveModel {
    book::ActiveModel {
        title: Set(title.to_owned()),
        isbn: Set(format!("isbn {title}")),
        author_id: Set(1),
        editor_id: Set(None),
        rank: Set(-i32::from(title.as_bytes()[0])),
        ..Default::default()
    }
}

fn titles(books: &[book::Model]) -> Vec<&str> {
    books.iter().map(|book| book.title.as_str()).collect()
}

#[tokio::test]
async fn a_row_that_was_saved_since_is_answered_as_it_is() {
    each_world(|world| async move {
        let (cache, books) = warm_shelf(&world).await?;
        let txn = world.db.begin().await?;
        let inside = cache.on(&txn);
        assert_eq!(inside.get(1).await?, books[0]);
        let mut changed = books[0].clone().into_active_model();
        changed.title = Set("Emma Woodhouse".to_owned());
        let changed = changed.update(&txn).await?;
        assert_eq!(inside.get(1).await?, changed);
        assert_eq!(inside.find(1).await?.as_ref(), Some(&changed));
        assert_eq!(inside.get_many([1, 2]).await?, [Some(changed.clone()), Some(books[1].clone())]);
        assert_eq!(inside.get_by(book::Column::Isbn, "isbn Emma").await?.as_ref(), Some(&changed));
        txn.rollback().await?;
        let (read, sql, _) = world.cost(cache.get(1)).await;
        assert_eq!((read?, sql), (books[0].clone(), 0), "nothing of it is cached");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn lists_have_the_rows_that_were_inserted_since() {
    each_world(|world| async move {
        let (cache, _) = warm_shelf(&world).await?;
        let txn = world.db.begin().await?;
        let inside = cache.on(&txn);
        let by_author = || inside.list_by(book::Column::AuthorId, 1_i64);
        assert_eq!(titles(&by_author().await?), ["Emma", "Persuasion"]);
        let new = titled("Sanditon").insert(&txn).await?;
        assert_eq!(titles(&by_author().await?), ["Emma", "Persuasion", "Sanditon"]);
        let lists = inside.list_many_by(book::Column::AuthorId, [404_i64, 1]).await?;
        assert_eq!(
            lists.iter().map(|list| titles(list)).collect::<Vec<_>>(),
            [vec![], vec!["Emma", "Persuasion", "Sanditon"]]
        );
        let isbns = ["isbn Sanditon", "isbn of no book"];
        assert_eq!(inside.get_many_by(book::Column::Isbn, isbns).await?, [Some(new), None]);
        txn.rollback().await?;
        let (listed, sql, _) = world.cost(cache.list_by(book::Column::AuthorId, 1_i64)).await;
        assert_eq!((titles(&listed?), sql), (vec!["Emma", "Persuasion"], 0));
        assert_eq!(cache.get_by(book::Column::Isbn, "isbn Sanditon").await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_deleted_since_is_not_found() {
    each_world(|world| async move {
        let (cache, books) = warm_shelf(&world).await?;
        let txn = world.db.begin().await?;
        let inside = cache.on(&txn);
        assert_eq!(inside.get(1).await?, books[0]);
        books[0].clone().delete(&txn).await?;
        assert_eq!(inside.find(1).await?, None);
        assert!(absent(&inside.get(1).await, "lib_book", 1));
        assert_eq!(inside.get_many([1, 2]).await?, [None, Some(books[1].clone())]);
        assert_eq!(titles(&inside.list_by(book::Column::AuthorId, 1_i64).await?), ["Persuasion"]);
        assert_eq!(inside.get_by(book::Column::Isbn, "isbn Emma").await?, None);
        txn.commit().await?;
        let (found, sql, _) = world.cost(cache.find(1)).await;
        assert_eq!((found?, sql), (None, 0));
        Ok(())
    })
    .await;
}

/// One read of each kind.
async fn reads(cache: &CacheController<book::Entity, Through<'_>>) -> Result<(), DbErr> {
    cache.get(1).await?;
    cache.list_by(book::Column::AuthorId, 1_i64).await?;
    cache.get_by(book::Column::Isbn, "isbn Emma").await?;
    Ok(())
}

#[tokio::test]
async fn before_its_first_write_the_cache_answers_for_it_and_no_more_after_it() {
    // SQLite has no transactions that read what others commit.
    for database in [Database::Postgres, Database::MariaDb] {
        let world = World::new(database, Place::Redis).await;
        let (cache, _) = warm_shelf(&world).await.unwrap();
        let committed = Some(IsolationLevel::ReadCommitted);
        let txn = world.db.begin_with_config(committed, None).await.unwrap();
        let inside = cache.on(&txn);
        let (read, sql, _) = world.cost(reads(&inside)).await;
        assert_eq!((read, sql), (Ok(()), 0));
        titled("Sanditon").insert(&txn).await.unwrap();
        let (read, sql, trips) = world.cost(reads(&inside)).await;
        assert_eq!((read, sql, trips), (Ok(()), 3, 0));
        txn.rollback().await.unwrap();
        let (read, sql, _) = world.cost(reads(&cache.on(&world.db))).await;
        assert_eq!((read, sql), (Ok(()), 0));
    }
}
