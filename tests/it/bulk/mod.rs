//! Bulk writes that keep the cache exact to the row.

mod deletes;
mod inserts;
mod lists;
mod transactions;
mod updates;

use crate::entities::book;
use crate::laws::cold_books;
use crate::support::{Database, World};
use sea_orm::sea_query::{Expr, IntoCondition};
use sea_orm::{DbErr, EntityTrait, QueryFilter, UpdateMany};
use sea_orm_autocache::prelude::*;

/// Four books, all in the cache; of a fifth the cache knows that it is not there.
async fn shelf(world: &World) -> Result<CacheController<book::Entity>, DbErr> {
    cold_books(world, 1..=4).await?;
    let cache = world.autocache.cache::<book::Entity>();
    cache.get_many([1, 2, 3, 4, 5]).await?;
    Ok(cache)
}

/// What the cache answers for the books 1 to 5, which must not take the database.
async fn cached(world: &World, cache: &CacheController<book::Entity>) -> Result<Vec<Option<String>>, DbErr> {
    let (rows, sql, _) = world.cost(cache.get_many([1, 2, 3, 4, 5])).await;
    assert_eq!(sql, 0, "the cache knows all of them");
    Ok(rows?.into_iter().map(|row| row.map(|row| row.title)).collect())
}

/// As [`cached`] should answer: `None` for an empty text.
fn titles(titles: [&str; 5]) -> Vec<Option<String>> {
    titles.into_iter().map(|title| (!title.is_empty()).then(|| title.to_owned())).collect()
}

fn retitle(title: &str, of: impl IntoCondition) -> UpdateMany<book::Entity> {
    book::Entity::update_many().col_expr(book::Column::Title, Expr::value(title)).filter(of)
}

/// Whether the database tells which rows a statement has written.
fn returns(world: &World) -> bool {
    world.database != Database::MariaDb
}

/// Whatever the cache answers for the books 1 to 5 is what the database holds.
async fn agrees(world: &World, cache: &CacheController<book::Entity>) -> Result<(), DbErr> {
    for (id, row) in (1..=5_i64).zip(cache.get_many([1, 2, 3, 4, 5]).await?) {
        assert_eq!(row, book::Entity::find_by_id(id).one(&world.plain).await?, "{id}");
    }
    Ok(())
}
