//! What the library holds, in the words of these tests.

use crate::entities::library::{self, author, book, page};
use crate::support::World;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Set};

/// An author in the database. Through whichever connection.
pub async fn an_author<C: ConnectionTrait>(db: &C, name: &str) -> Result<author::Model, DbErr> {
    author::ActiveModel { name: Set(name.to_owned()), ..Default::default() }.insert(db).await
}

pub fn book_of(author_id: i64, title: &str, rank: i32) -> book::ActiveModel {
    book::ActiveModel {
        title: Set(title.to_owned()),
        isbn: Set(format!("isbn {title}")),
        author_id: Set(author_id),
        editor_id: Set(None),
        rank: Set(rank),
        ..Default::default()
    }
}

/// An author with two books, of which the cache has not heard.
pub async fn cold_shelf(world: &World) -> Result<(author::Model, Vec<book::Model>), DbErr> {
    library::create_tables(&world.plain).await;
    let author = an_author(&world.plain, "Jane").await?;
    let emma = book_of(author.id, "Emma", 1).insert(&world.plain).await?;
    let persuasion = book_of(author.id, "Persuasion", 2).insert(&world.plain).await?;
    Ok((author, vec![emma, persuasion]))
}

/// Pages of a book, of which the cache has not heard.
pub async fn cold_pages(world: &World, book_id: i64, count: i64) -> Result<Vec<page::Model>, DbErr> {
    let page = |n| page::Model { id: book_id * 100 + n, book_id, text: format!("page {n}") };
    let pages: Vec<_> = (1..=count).map(page).collect();
    let rows = pages.iter().cloned().map(|page| page.into_active_model().reset_all());
    page::Entity::insert_many(rows).exec(&world.plain).await?;
    Ok(pages)
}

pub fn titles(books: &[book::Model]) -> Vec<&str> {
    books.iter().map(|book| book.title.as_str()).collect()
}
