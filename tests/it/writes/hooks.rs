//! Hooks of the user's own, which the cache's signals stand around.

use crate::entities::hooked;
use crate::support::{Database, Place, World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelBehavior, ActiveModelTrait, DbErr, EntityTrait, ModelTrait, Set};

fn named(title: &str) -> hooked::ActiveModel {
    hooked::ActiveModel { title: Set(title.to_owned()), ..ActiveModelTrait::default() }
}

fn renamed(row: &hooked::Model, title: &str) -> hooked::ActiveModel {
    hooked::ActiveModel { title: Set(title.to_owned()), ..row.clone().into() }
}

async fn row(world: &World) -> Result<hooked::Model, DbErr> {
    world.create_table(hooked::Entity).await;
    named("calm").insert(&world.db).await
}

#[tokio::test]
async fn saves_with_hooks_of_ones_own_keep_the_cache_right() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let (read, sql, trips) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql, trips), (row.clone(), 0, 1));
        let (changed, _, trips) = world.cost(renamed(&row, "calmer").update(&world.db)).await;
        assert_eq!(trips, 2);
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql), (changed?, 0));
        let id = row.id;
        row.delete(&world.db).await?;
        let (found, sql, _) = world.cost(cache.find(id)).await;
        assert_eq!((found?, sql), (None, 0));
        Ok(())
    })
    .await;
}

#[test]
fn a_new_model_is_what_the_user_says() {
    let new = <hooked::ActiveModel as ActiveModelBehavior>::new();
    assert_eq!(new.title, Set("untitled".to_owned()));
}

/// The intent is placed, and the row published, for the model that the hook returns.
#[tokio::test]
async fn the_cache_sees_what_a_hook_makes_of_a_model() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let (changed, _, trips) = world.cost(renamed(&row, hooked::SHOUT).update(&world.db)).await;
        assert_eq!((changed?.title.as_str(), trips), ("LOUD", 2));
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?.title.as_str(), sql), ("LOUD", 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_refuses_leaves_nothing_in_the_cache() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let (refused, sql, trips) = world.cost(renamed(&row, hooked::REFUSED).update(&world.db)).await;
        assert_eq!((refused.is_err(), sql, trips), (true, 0, 0));
        let kept = renamed(&row, hooked::KEPT).update(&world.db).await?;
        let (refused, sql, trips) = world.cost(kept.clone().delete(&world.db)).await;
        assert_eq!((refused.is_err(), sql, trips), (true, 0, 0));
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql), (kept, 0));
        Ok(())
    })
    .await;
}

/// What is written is published before the user's own hook.
#[tokio::test]
async fn a_hook_that_fails_after_the_row_is_written_leaves_what_is_written() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        assert!(renamed(&row, hooked::FAILS).update(&world.db).await.is_err());
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?.title.as_str(), sql), (hooked::FAILS, 0));
        assert!(cache.get(row.id).await?.delete(&world.db).await.is_err());
        let (found, sql, _) = world.cost(cache.find(row.id)).await;
        assert_eq!((found?, sql), (None, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_row_of_the_database_is_cached_not_the_one_a_hook_returns() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        assert_eq!(renamed(&row, hooked::SHOUTED).update(&world.db).await?.title, "SHOUTED");
        let (read, sql, trips) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?.title.as_str(), sql, trips), (hooked::SHOUTED, 0, 1));
        let stored = hooked::Entity::find_by_id(row.id).one(&world.plain).await?;
        assert_eq!(cache.find(row.id).await?, stored);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_without_changes_under_own_hooks_costs_nothing() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let same: hooked::ActiveModel = row.clone().into();
        let (saved, _, trips) = world.cost(same.update(&world.db)).await;
        assert_eq!((saved?, trips), (row.clone(), 0));
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql), (row, 0));
        Ok(())
    })
    .await;
}

/// Another process has never used the entity, and writes its table in bulk.
#[tokio::test]
async fn an_entity_with_hooks_of_its_own_is_known_before_it_is_used() -> Result<(), DbErr> {
    for database in [Database::Sqlite, Database::Postgres, Database::MariaDb] {
        let world = World::new(database, Place::Redis).await;
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        assert_eq!(cache.get(row.id).await?, row);
        let neighbour = world.neighbour().await;
        let bulk = hooked::Entity::update_many().col_expr(hooked::Column::Title, Expr::value("moved"));
        bulk.exec(&neighbour.db).await?;
        assert_eq!(cache.get(row.id).await?.title, "moved", "{database:?}");
    }
    Ok(())
}
