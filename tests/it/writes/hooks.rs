//! Hooks of the user's own around the signals.

use crate::entities::hooked;
use crate::support::{World, each_world};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, ModelTrait, Set};

fn named(title: &str) -> hooked::ActiveModel {
    hooked::ActiveModel { title: Set(title.to_owned()), ..Default::default() }
}

async fn row(world: &World) -> Result<hooked::Model, DbErr> {
    world.create_table(hooked::Entity).await;
    named("calm").insert(&world.db).await
}

#[tokio::test]
async fn hooks_that_call_the_signals_keep_the_cache_right() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let (read, sql, trips) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql, trips), (row.clone(), 0, 1));
        let changed = hooked::ActiveModel { title: Set("calmer".to_owned()), ..row.clone().into() };
        let (changed, _, trips) = world.cost(changed.update(&world.db)).await;
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

#[tokio::test]
async fn a_hook_that_fails_after_the_row_is_written_leaves_nothing_stale() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        for title in [hooked::FAILS_AFTER_SIGNAL, hooked::FAILS_BEFORE_SIGNAL] {
            cache.get(row.id).await?;
            let failing = hooked::ActiveModel { title: Set(title.to_owned()), ..row.clone().into() };
            assert!(failing.update(&world.db).await.is_err());
            assert_eq!(cache.get(row.id).await?.title, title, "the row is written all the same");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_row_of_the_database_is_cached_not_the_one_a_hook_returns() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let shouted = hooked::ActiveModel { title: Set(hooked::SHOUTED.to_owned()), ..row.clone().into() };
        assert_eq!(shouted.update(&world.db).await?.title, "SHOUTED");
        let (read, sql, trips) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?.title.as_str(), sql, trips), (hooked::SHOUTED, 0, 1));
        let stored = hooked::Entity::find_by_id(row.id).one(&world.plain).await?;
        assert_eq!(cache.find(row.id).await?, stored);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_save_without_changes_under_own_hooks_stays_right() {
    each_world(|world| async move {
        let row = row(&world).await?;
        let cache = world.autocache.cache::<hooked::Entity>();
        let same: hooked::ActiveModel = row.clone().into();
        assert_eq!(same.update(&world.db).await?, row);
        assert_eq!(cache.get(row.id).await?, row);
        let (read, sql, _) = world.cost(cache.get(row.id)).await;
        assert_eq!((read?, sql), (row, 0), "one read at most brings it back");
        Ok(())
    })
    .await;
}
