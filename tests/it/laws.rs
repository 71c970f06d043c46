//! What many tests say in the same words.

use crate::entities::book;
use crate::support::World;
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, Set};
use std::fmt::Debug;
use std::ops::RangeInclusive;

/// A book that is not in the database yet.
pub fn titled(title: &str) -> book::ActiveModel {
    book::ActiveModel { title: Set(title.to_owned()), rank: Set(1), ..Default::default() }
}

/// A book that the cache has not heard of, in a fresh table.
pub async fn cold_book(world: &World, title: &str) -> Result<book::Model, DbErr> {
    world.create_table(book::Entity).await;
    titled(title).insert(&world.plain).await
}

/// As [`cold_book`], many.
pub async fn cold_books(world: &World, ids: RangeInclusive<i64>) -> Result<Vec<book::Model>, DbErr> {
    world.create_table(book::Entity).await;
    let book = |id| book::Model { id, title: format!("Volume {id}"), rank: 1 };
    let books: Vec<_> = ids.map(book).collect();
    let rows = books.iter().cloned().map(|book| book.into_active_model().reset_all());
    book::Entity::insert_many(rows).exec(&world.plain).await?;
    Ok(books)
}

/// Whether this says that there is no such row, naming the model and not the key, which may be a secret.
pub fn absent<T>(read: &Result<T, DbErr>, model: &str, pk: impl Debug) -> bool {
    let named = |text: &str| text.contains(model) && !text.contains(&format!("{pk:?}"));
    matches!(read, Err(DbErr::RecordNotFound(text)) if named(text))
}
