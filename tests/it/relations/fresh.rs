//! Lists after writes: by themselves, in transactions, in savepoints, rolled back.

use super::stock::{an_author, book_of, cold_shelf, titles};
use crate::entities::library::book;
use crate::support::{World, each_world};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel, ModelTrait, Set, TransactionTrait};

async fn list(world: &World, author_id: i64) -> Result<Vec<String>, DbErr> {
    let books = world.autocache.cache::<book::Entity>().list_by(book::Column::AuthorId, author_id).await?;
    Ok(books.into_iter().map(|book| book.title).collect())
}

/// The list as the database has it.
async fn truth(world: &World, author_id: i64) -> Result<Vec<String>, DbErr> {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
    let books = book::Entity::find().filter(book::Column::AuthorId.eq(author_id));
    let books = books.order_by_desc(book::Column::Rank).order_by_asc(book::Column::Id);
    Ok(books.all(&world.plain).await?.into_iter().map(|book| book.title).collect())
}

/// Inserts, moves, promotes and deletes on whatever connection.
async fn stir<C: ConnectionTrait>(db: &C, books: &[book::Model], to: i64) -> Result<(), DbErr> {
    let sanditon = book_of(books[0].author_id, "Sanditon", 3).insert(db).await?;
    let mut promoted = books[1].clone().into_active_model();
    promoted.rank = Set(9);
    promoted.update(db).await?;
    let mut moved = books[0].clone().into_active_model();
    moved.author_id = Set(to);
    moved.update(db).await?;
    sanditon.delete(db).await?;
    book_of(to, "Lady Susan", 0).insert(db).await.map(drop)
}

#[tokio::test]
async fn lists_follow_writes_by_themselves() {
    each_world(|world| async move {
        let (jane, books) = cold_shelf(&world).await?;
        let mary = an_author(&world.db, "Mary").await?;
        assert_eq!((list(&world, jane.id).await?.len(), list(&world, mary.id).await?.len()), (2, 0));
        stir(&world.db, &books, mary.id).await?;
        for author in [jane.id, mary.id] {
            assert_eq!(list(&world, author).await?, truth(&world, author).await?);
            let (_, sql, _) = world.cost(list(&world, author)).await;
            assert_eq!(sql, 0);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn lists_follow_a_commit_and_not_a_rollback() {
    each_world(|world| async move {
        let (jane, books) = cold_shelf(&world).await?;
        let mary = an_author(&world.db, "Mary").await?;
        list(&world, jane.id).await?;
        list(&world, mary.id).await?;
        let txn = world.db.begin().await?;
        stir(&txn, &books, mary.id).await?;
        txn.rollback().await?;
        let (found, sql, _) = world.cost(list(&world, jane.id)).await;
        assert_eq!((found?, sql), (vec!["Persuasion".to_owned(), "Emma".to_owned()], 0));
        let txn = world.db.begin().await?;
        stir(&txn, &books, mary.id).await?;
        let (committed, _, trips) = world.cost(txn.commit()).await;
        committed?;
        assert_eq!(trips, 2);
        for author in [jane.id, mary.id] {
            assert_eq!(list(&world, author).await?, truth(&world, author).await?);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn lists_follow_savepoints() {
    each_world(|world| async move {
        let (jane, books) = cold_shelf(&world).await?;
        let mary = an_author(&world.db, "Mary").await?;
        list(&world, jane.id).await?;
        list(&world, mary.id).await?;
        let txn = world.db.begin().await?;
        let savepoint = txn.begin().await?;
        stir(&savepoint, &books, mary.id).await?;
        savepoint.rollback().await?;
        let savepoint = txn.begin().await?;
        book_of(mary.id, "Mathilda", 5).insert(&savepoint).await?;
        savepoint.commit().await?;
        txn.commit().await?;
        for author in [jane.id, mary.id] {
            assert_eq!(list(&world, author).await?, truth(&world, author).await?);
        }
        assert_eq!(list(&world, mary.id).await?, ["Mathilda"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_of_other_columns_touches_no_list() {
    each_world(|world| async move {
        let (jane, books) = cold_shelf(&world).await?;
        list(&world, jane.id).await?;
        let before = world.counts();
        let mut renamed = books[0].clone().into_active_model();
        renamed.title = Set("Emma, revised".to_owned());
        renamed.update(&world.db).await?;
        assert_eq!(world.counts().invalidations, before.invalidations);
        let (found, sql, _) = world.cost(list(&world, jane.id)).await;
        assert_eq!((found?, sql), (vec!["Persuasion".to_owned(), "Emma, revised".to_owned()], 0));
        Ok(())
    })
    .await;
}

/// A model that was made by hand says nothing of the columns it does not set.
#[tokio::test]
async fn a_partial_model_that_sets_a_part_of_an_index_is_followed() {
    each_world(|world| async move {
        let (jane, _) = cold_shelf(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let by = (book::Column::AuthorId, book::Column::Rank);
        assert_eq!(cache.list_by(by, (jane.id, 2)).await?.len(), 1);
        book::ActiveModel { id: Set(1), rank: Set(2), ..Default::default() }.update(&world.db).await?;
        assert_eq!(titles(&cache.list_by(by, (jane.id, 2)).await?), ["Emma", "Persuasion"]);
        let txn = world.db.begin().await?;
        book::ActiveModel { id: Set(2), rank: Set(1), ..Default::default() }.update(&txn).await?;
        book::ActiveModel { id: Set(1), rank: Set(1), ..Default::default() }.update(&txn).await?;
        txn.commit().await?;
        assert_eq!(titles(&cache.list_by(by, (jane.id, 1)).await?), ["Emma", "Persuasion"]);
        assert_eq!(cache.list_by(by, (jane.id, 2)).await?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_unannounced_move_leaves_no_stale_list() {
    use sea_orm::EntityTrait;
    each_world(|world| async move {
        let (jane, books) = cold_shelf(&world).await?;
        let mary = an_author(&world.db, "Mary").await?;
        list(&world, jane.id).await?;
        list(&world, mary.id).await?;
        let mut moved = books[0].clone().into_active_model();
        moved.author_id = Set(mary.id);
        book::Entity::update(moved).exec(&world.db).await?;
        assert_eq!(list(&world, mary.id).await?, ["Emma"]);
        assert_eq!(list(&world, jane.id).await?, ["Persuasion"]);
        book::Entity::insert(book_of(mary.id, "Mathilda", 2)).exec(&world.db).await?;
        assert_eq!(list(&world, mary.id).await?, ["Mathilda", "Emma"]);
        book::Entity::delete_by_id(1).exec(&world.db).await?;
        assert_eq!(list(&world, mary.id).await?, ["Mathilda"]);
        Ok(())
    })
    .await;
}
