//! Lists after bulk writes.

use crate::entities::library::{self, author, book};
use crate::support::{Database, World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};
use sea_orm_autocache::prelude::*;

fn book(id: i64, author_id: i64) -> book::ActiveModel {
    book::ActiveModel {
        id: Set(id),
        title: Set(format!("book {id}")),
        isbn: Set(format!("isbn {id}")),
        author_id: Set(author_id),
        editor_id: Set(None),
        rank: Set(1),
    }
}

/// Three authors; the first has two books, the second one, the third none.
async fn library(world: &World) -> Result<(), DbErr> {
    library::create_tables(&world.plain).await;
    for id in 1..=3 {
        let author = author::Model { id, name: format!("author {id}"), country: None };
        author.into_active_model().reset_all().insert(&world.plain).await?;
    }
    book::Entity::insert_many([book(1, 1), book(2, 1), book(3, 2)]).exec(&world.plain).await?;
    for author in 1..=3 {
        list(world, author).await?;
    }
    Ok(())
}

async fn list(world: &World, author: i64) -> Result<Vec<i64>, DbErr> {
    let books = world.autocache.cache::<book::Entity>().list_by(book::Column::AuthorId, author).await?;
    Ok(books.into_iter().map(|book| book.id).collect())
}

#[tokio::test]
async fn rows_that_move_join_their_new_list() {
    each_world(|world| async move {
        library(&world).await?;
        let update = book::Entity::update_many().col_expr(book::Column::AuthorId, Expr::value(3));
        update.filter(book::Column::AuthorId.eq(1)).exec_cached(&world.db).await?;
        let (second, sql, _) = world.cost(list(&world, 2)).await;
        assert_eq!((second?, sql), (vec![3], 0), "nothing was said of this list");
        let (first, sql, _) = world.cost(list(&world, 1)).await;
        assert_eq!((first?, sql), (vec![], 0), "its members say that they have left");
        assert_eq!(list(&world, 3).await?, [1, 2]);
        Ok(())
    })
    .await;
}

/// Where the rows are known from before, the lists that they stay in are not read again.
#[tokio::test]
async fn an_update_of_other_columns_leaves_lists_right() {
    each_world(|world| async move {
        library(&world).await?;
        let update = book::Entity::update_many().col_expr(book::Column::Title, Expr::value("new"));
        update.exec_cached(&world.db).await?;
        for (author, books) in [(1, vec![1, 2]), (2, vec![3]), (3, vec![])] {
            let (read, sql, _) = world.cost(list(&world, author)).await;
            assert_eq!(read?, books);
            assert!(sql == 0 || world.database != Database::MariaDb && author != 3, "{sql} statements");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn new_rows_join_their_lists_and_deleted_ones_leave_them() {
    each_world(|world| async move {
        library(&world).await?;
        book::Entity::insert_many([book(4, 3), book(5, 2)]).exec_cached(&world.db).await?;
        assert_eq!((list(&world, 2).await?, list(&world, 3).await?), (vec![3, 5], vec![4]));
        let (first, sql, _) = world.cost(list(&world, 1)).await;
        assert_eq!((first?, sql), (vec![1, 2], 0));
        book::Entity::delete_many().filter(book::Column::Id.is_in([1, 5])).exec_cached(&world.db).await?;
        for (author, books) in [(1, vec![2]), (2, vec![3]), (3, vec![4])] {
            let (read, sql, _) = world.cost(list(&world, author)).await;
            assert_eq!((read?, sql), (books, 0));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_that_gets_another_key_stays_in_its_list() {
    each_world(|world| async move {
        library(&world).await?;
        let update = book::Entity::update_many().col_expr(book::Column::Id, Expr::value(7));
        update.filter(book::Column::Id.eq(3)).exec_cached(&world.db).await?;
        assert_eq!(list(&world, 2).await?, [7]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_upsert_that_moves_a_row_leaves_no_list_wrong() {
    use sea_orm::sea_query::OnConflict;
    each_world(|world| async move {
        library(&world).await?;
        let conflict = OnConflict::column(book::Column::Id).update_column(book::Column::AuthorId).to_owned();
        book::Entity::insert_many([book(1, 3), book(9, 2)])
            .on_conflict(conflict)
            .exec_cached(&world.db)
            .await?;
        assert_eq!((list(&world, 1).await?, list(&world, 2).await?), (vec![2], vec![3, 9]));
        assert_eq!(list(&world, 3).await?, [1]);
        Ok(())
    })
    .await;
}
