//! Lookups by declared columns.

use super::stock::{book_of, cold_shelf, titles};
use crate::entities::library::{book, page};
use crate::outage::until;
use crate::support::{Database, Place, each_world};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, ModelTrait, Set};
use sea_orm_autocache::CacheErrorKind;
use std::time::Duration;

#[tokio::test]
async fn a_unique_column_finds_its_row_and_remembers_that_there_is_none() {
    each_world(|world| async move {
        let (author, books) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        for (expected_sql, warm) in [(1, false), (0, true)] {
            let (found, sql, trips) = world.cost(cache.get_by(book::Column::Isbn, "isbn Emma")).await;
            assert_eq!((found?.as_ref(), sql), (Some(&books[0]), expected_sql));
            assert!(!warm || trips == 2, "{trips}");
            let (none, sql, _) = world.cost(cache.get_by(book::Column::Isbn, "isbn Sanditon")).await;
            assert_eq!((none?, sql), (None, expected_sql));
        }
        let sanditon = book_of(author.id, "Sanditon", 3).insert(&world.db).await?;
        assert_eq!(cache.get_by(book::Column::Isbn, "isbn Sanditon").await?.as_ref(), Some(&sanditon));
        let mut renumbered = sanditon.into_active_model();
        renumbered.isbn = Set("new".to_owned());
        let renumbered = renumbered.update(&world.db).await?;
        let (gone, sql, _) = world.cost(cache.get_by(book::Column::Isbn, "isbn Sanditon")).await;
        assert_eq!((gone?, sql), (None, 0), "the old value heals by itself");
        assert_eq!(cache.get_by(book::Column::Isbn, "new").await?.as_ref(), Some(&renumbered));
        renumbered.delete(&world.db).await?;
        let (gone, sql, _) = world.cost(cache.get_by(book::Column::Isbn, "new")).await;
        assert_eq!((gone?, sql), (None, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_values_cost_one_statement_and_two_round_trips() {
    each_world(|world| async move {
        let (_, books) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let isbns = || ["isbn Persuasion", "nothing", "isbn Emma", "isbn Persuasion"];
        let expected = [Some(&books[1]), None, Some(&books[0]), Some(&books[1])];
        let (found, sql, _) = world.cost(cache.get_many_by(book::Column::Isbn, isbns())).await;
        assert_eq!((found?.iter().map(Option::as_ref).collect::<Vec<_>>(), sql), (expected.to_vec(), 1));
        let (found, sql, trips) = world.cost(cache.get_many_by(book::Column::Isbn, isbns())).await;
        assert_eq!(
            (found?.iter().map(Option::as_ref).collect::<Vec<_>>(), sql, trips),
            (expected.to_vec(), 0, 2)
        );
        assert_eq!(cache.get_many_by(book::Column::Isbn, [] as [&str; 0]).await?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn several_columns_are_a_tuple_in_any_order() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let by = (book::Column::AuthorId, book::Column::Rank);
        assert_eq!(titles(&cache.list_by(by, (author.id, 2)).await?), ["Persuasion"]);
        let turned = (book::Column::Rank, book::Column::AuthorId);
        let (found, sql, _) = world.cost(cache.list_by(turned, (2, author.id))).await;
        assert_eq!((titles(&found?), sql), (vec!["Persuasion"], 0));
        let mut promoted = cache.get(1).await?.into_active_model();
        promoted.rank = Set(2);
        promoted.update(&world.db).await?;
        assert_eq!(titles(&cache.list_by(by, (author.id, 2)).await?), ["Emma", "Persuasion"]);
        let lists = cache.list_many_by(by, [(author.id, 1), (author.id, 2)]).await?;
        assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_lookup_without_an_index_says_what_to_declare() {
    each_world(|world| async move {
        cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let error = cache.list_by(book::Column::Title, "Emma").await.unwrap_err();
        assert!(error.to_string().contains("Index::many([Column::Title])"), "{error}");
        let error = cache.get_by(book::Column::AuthorId, 1).await.unwrap_err();
        assert!(error.to_string().contains("Index::unique([Column::AuthorId])"), "{error}");
        let error = cache.list_by(book::Column::AuthorId, (1, 2)).await.unwrap_err();
        assert!(matches!(CacheErrorKind::of(&error), Some(CacheErrorKind::WrongValueCount)), "{error}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_unique_null_names_no_row_and_nobody_is_asked() {
    each_world(|world| async move {
        cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (none, sql, trips) = world.cost(cache.get_by(book::Column::Isbn, None::<String>)).await;
        assert_eq!((none?, sql, trips), (None, 0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_list_beyond_its_limit_is_answered_by_the_database_and_counted() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let book = book_of(author.id, "Long", 1).insert(&world.plain).await?;
        for chunk in (0..1_001_i64).collect::<Vec<_>>().chunks(400) {
            let page = |n: &i64| page::ActiveModel {
                id: Set(n + 1),
                book_id: Set(book.id),
                text: Set(format!("page {n}")),
            };
            use sea_orm::EntityTrait;
            page::Entity::insert_many(chunk.iter().map(page)).exec(&world.plain).await?;
        }
        let cache = world.autocache.cache::<page::Entity>();
        for _ in 0..2 {
            let before = world.counts().oversized;
            let (pages, sql, _) = world.cost(cache.list_by(page::Column::BookId, book.id)).await;
            assert_eq!((pages?.len(), sql, world.counts().oversized - before), (1_001, 1, 1));
        }
        cache.get(1_001).await?.delete(&world.db).await?;
        let (pages, sql, _) = world.cost(cache.list_by(page::Column::BookId, book.id)).await;
        assert_eq!((pages?.len(), sql), (1_000, 1));
        // In a Cluster each row is a call of its own: a busy machine is too late to fill all of them the first time.
        let limit = if world.place == Place::Cluster { Duration::from_secs(15) } else { Duration::ZERO };
        until(limit, "a hit", || async {
            let (pages, sql, _) = world.cost(cache.list_by(page::Column::BookId, book.id)).await;
            assert_eq!(pages.expect("rows").len(), 1_000);
            sql == 0
        })
        .await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_no_signal_has_told_of_is_dropped_by_value() {
    each_world(|world| async move {
        let (author, _) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
        book_of(author.id, "Sanditon", 3).insert(&world.plain).await?;
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 2);
        cache.invalidate_by(book::Column::AuthorId, author.id).await?;
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 3);
        book_of(author.id, "Lady Susan", 4).insert(&world.plain).await?;
        cache.clear().await?;
        assert_eq!(cache.list_by(book::Column::AuthorId, author.id).await?.len(), 4);
        Ok(())
    })
    .await;
}

/// Text on MariaDB compares without regard to case: only a column that is declared exact is cached there.
#[tokio::test]
async fn text_is_compared_as_the_index_says() {
    use crate::entities::library::{author, country};
    each_world(|world| async move {
        let (_, books) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        assert_eq!(
            cache.get_by(book::Column::Isbn, "ISBN EMMA").await?,
            None,
            "exact, whatever the collation"
        );
        assert_eq!(cache.get_by(book::Column::Isbn, "isbn Emma").await?.as_ref(), Some(&books[0]));
        let authors = world.autocache.cache::<author::Entity>();
        country::ActiveModel { code: Set("gb".to_owned()), ..Default::default() }
            .insert(&world.plain)
            .await?;
        author::ActiveModel { country: Set(Some("gb".to_owned())), ..cold_author() }
            .insert(&world.plain)
            .await?;
        let loose = world.database == Database::MariaDb;
        for warm in [false, true] {
            let (found, sql, _) = world.cost(authors.list_by(author::Column::Country, "GB")).await;
            assert_eq!(found?.len(), usize::from(loose));
            assert_eq!(sql, u64::from(loose || !warm), "what compares loosely is not cached");
        }
        Ok(())
    })
    .await;
}

fn cold_author() -> crate::entities::library::author::ActiveModel {
    crate::entities::library::author::ActiveModel { name: Set("Georgette".to_owned()), ..Default::default() }
}

#[tokio::test]
async fn a_herd_at_a_cold_list_asks_the_database_once() -> Result<(), DbErr> {
    use crate::support::{Place, World};
    let world = World::new(Database::Postgres, Place::Redis).await;
    let (author, _) = cold_shelf(&world).await?;
    let cache = world.autocache.cache::<book::Entity>();
    let before = world.sql();
    let readers = (0..1_000).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.list_by(book::Column::AuthorId, author.id).await })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(titles(&reader.await.unwrap()?), ["Persuasion", "Emma"]);
    }
    assert_eq!(world.sql() - before, 1);
    Ok(())
}
