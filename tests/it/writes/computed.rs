//! Columns that the database fills in: the row that it returns tells the lists that it is in.

use crate::entities::slugged::{self, ActiveModel, Column, Entity, Model};
use crate::support::{World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, NotSet, QueryFilter, Set,
    TransactionTrait, Unchanged,
};
use sea_orm_autocache::prelude::*;

/// A row with the slug `a`; that there is none with the slug `b` is cached.
async fn row(world: &World) -> Result<Model, DbErr> {
    slugged::create_table(world).await;
    let new = ActiveModel { id: NotSet, title: Set("A".to_owned()), slug: NotSet };
    let row = new.insert(&world.db).await?;
    assert_eq!(row.slug.as_deref(), Some("a"));
    let cache = world.autocache.cache::<Entity>();
    assert_eq!(cache.get_by(Column::Slug, "a").await?.as_ref(), Some(&row));
    assert_eq!(cache.get_by(Column::Slug, "b").await?, None);
    Ok(row)
}

async fn is_found(world: &World, id: i64) -> Result<(), DbErr> {
    let cache = world.autocache.cache::<Entity>();
    let found = cache.get_by(Column::Slug, "b").await?;
    assert_eq!(found.map(|row| (row.id, row.title)), Some((id, "B".to_owned())));
    assert_eq!(cache.get_by(Column::Slug, "a").await?, None);
    Ok(())
}

fn retitled(row: Model) -> ActiveModel {
    ActiveModel { title: Set("B".to_owned()), ..row.into_active_model() }
}

fn known_by_id(row: &Model) -> ActiveModel {
    ActiveModel { id: Unchanged(row.id), title: Set("B".to_owned()), slug: NotSet }
}

#[tokio::test]
async fn a_save_joins_the_lists_of_the_row_that_it_returns() {
    each_world(|world| async move {
        let row = row(&world).await?;
        retitled(row.clone()).update(&world.db).await?;
        is_found(&world, row.id).await
    })
    .await;
    each_world(|world| async move {
        let row = row(&world).await?;
        known_by_id(&row).update(&world.db).await?;
        is_found(&world, row.id).await
    })
    .await;
}

#[tokio::test]
async fn so_does_a_save_in_a_transaction() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let txn = world.db.begin().await?;
        retitled(row.clone()).update(&txn).await?;
        txn.commit().await?;
        is_found(&world, row.id).await
    })
    .await;
}

#[tokio::test]
async fn so_does_a_bulk_write() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let update = Entity::update_many().col_expr(Column::Title, Expr::value("B"));
        update.filter(Column::Id.eq(row.id)).exec_cached(&world.db).await?;
        is_found(&world, row.id).await
    })
    .await;
}

#[tokio::test]
async fn so_does_an_update_without_hooks() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<Entity>();
        let other =
            ActiveModel { title: Set("C".to_owned()), ..Default::default() }.insert(&world.db).await?;
        cache.get(other.id).await?;
        Entity::update(known_by_id(&row)).exec(&world.db).await?;
        assert!(cache.contains(other.id).await?, "only this row is dropped");
        is_found(&world, row.id).await
    })
    .await;
    each_world(|world| async move {
        let row = row(&world).await?;
        let txn = world.db.begin().await?;
        Entity::update(known_by_id(&row)).exec(&txn).await?;
        txn.commit().await?;
        is_found(&world, row.id).await
    })
    .await;
}

/// Lists of columns that stay as they are stay cached.
#[tokio::test]
async fn a_save_that_changes_no_column_of_a_list_leaves_it_cached() {
    each_world(|world| async move {
        world.create_table(Entity).await;
        let new = ActiveModel { id: Set(1), title: Set("A".to_owned()), slug: Set(Some("a".to_owned())) };
        let row = new.insert(&world.plain).await?;
        let cache = world.autocache.cache::<Entity>();
        cache.get_by(Column::Slug, "a").await?;
        retitled(row).update(&world.db).await?;
        let (found, sql, _) = world.cost(cache.get_by(Column::Slug, "a")).await;
        assert_eq!((found?.map(|row| row.title), sql), (Some("B".to_owned()), 0));
        Ok(())
    })
    .await;
}
