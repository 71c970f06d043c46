//! Reading through the cache.

use crate::entities::book;
use crate::support::each_world;
use sea_orm::{ActiveModelTrait, DbErr, ModelTrait, Set};

pub fn titled(title: &str) -> book::ActiveModel {
    book::ActiveModel { title: Set(title.to_owned()), rank: Set(1), ..Default::default() }
}

#[tokio::test]
async fn a_saved_row_is_read_without_sql() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let saved = titled("Emma").insert(&world.db).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(saved.id)).await;
        assert_eq!((read?, sql, trips), (saved, 0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_is_absent_without_sql() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let saved = titled("Emma").insert(&world.db).await?;
        let id = saved.id;
        saved.delete(&world.db).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (read, sql, trips) = world.cost(cache.get(id)).await;
        assert!(matches!(read, Err(DbErr::RecordNotFound(text)) if text.contains(&id.to_string())));
        assert_eq!((sql, trips), (0, 1));
        Ok(())
    })
    .await;
}
