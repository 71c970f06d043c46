//! SeaORM's `RestrictedConnection` inside a `CachedConnection`.

use crate::entities::book;
use crate::laws::titled;
use crate::support::{World, each_world};
use sea_orm::rbac::{RbacContext, RbacUserId, schema};
use sea_orm::{
    ActiveModelTrait, DbErr, EntityTrait, ModelTrait, RestrictedConnection, Set, TransactionTrait,
};
use sea_orm_autocache::CachedConnection;

const EDITOR: RbacUserId = RbacUserId(1);
const READER: RbacUserId = RbacUserId(2);

/// An editor may do everything with books, a reader may look at them.
async fn library(world: &World) -> Result<(), DbErr> {
    world.create_table(book::Entity).await;
    schema::create_tables(&world.plain, Default::default()).await?;
    let mut rules = RbacContext::load(&world.plain).await?;
    rules.add_tables(&world.plain, &["book"]).await?;
    rules.add_crud_permissions(&world.plain).await?;
    rules.add_roles(&world.plain, &["editor", "reader"]).await?;
    rules.assign_user_role(&world.plain, &[(EDITOR.0, "editor"), (READER.0, "reader")]).await?;
    let all = ["select", "insert", "update", "delete"];
    rules.add_role_permissions(&world.plain, "editor", &all, &["book"]).await?;
    rules.add_role_permissions(&world.plain, "reader", &["select"], &["book"]).await?;
    world.db.load_rbac().await
}

fn connection_of(world: &World, user: RbacUserId) -> Result<CachedConnection<RestrictedConnection>, DbErr> {
    world.db.restricted_for(user)
}

#[tokio::test]
async fn a_restricted_connection_keeps_the_cache_right() {
    each_world(|world| async move {
        library(&world).await?;
        let db = connection_of(&world, EDITOR)?;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&db).await?;
        let (read, sql, trips) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql, trips), (book.clone(), 0, 1));
        let changed = book::ActiveModel { rank: Set(2), ..book.clone().into() };
        let (changed, _, trips) = world.cost(changed.update(&db)).await;
        assert_eq!(trips, 2);
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (changed?, 0));
        let id = book.id;
        book.delete(&db).await?;
        let (read, sql, _) = world.cost(cache.find(id)).await;
        assert_eq!((read?, sql), (None, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_restricted_transaction_tells_the_cache_when_it_commits() {
    each_world(|world| async move {
        library(&world).await?;
        let db = connection_of(&world, EDITOR)?;
        let cache = world.autocache.cache::<book::Entity>();
        let transaction = db.begin().await?;
        let (book, _, trips) = world.cost(titled("Emma").insert(&transaction)).await;
        let book = book?;
        assert_eq!(trips, 0);
        let savepoint = transaction.begin().await?;
        let changed = book::ActiveModel { rank: Set(2), ..book.clone().into() }.update(&savepoint).await?;
        savepoint.commit().await?;
        let (committed, _, trips) = world.cost(transaction.commit()).await;
        committed?;
        assert_eq!(trips, 2);
        let (read, sql, _) = world.cost(cache.get(book.id)).await;
        assert_eq!((read?, sql), (changed, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_write_that_is_denied_leaves_nothing_stale() {
    each_world(|world| async move {
        library(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        let db = connection_of(&world, READER)?;
        assert_eq!(book::Entity::find_by_id(book.id).one(&db).await?, Some(book.clone()));
        let denied = book::ActiveModel { rank: Set(2), ..book.clone().into() }.update(&db).await;
        assert!(matches!(denied, Err(DbErr::AccessDenied { .. })), "{denied:?}");
        assert_eq!(cache.get(book.id).await?, book);
        let transaction = db.begin().await?;
        let denied = book.clone().delete(&transaction).await;
        assert!(matches!(denied, Err(DbErr::AccessDenied { .. })), "{denied:?}");
        transaction.rollback().await?;
        assert_eq!(cache.get(book.id).await?, book);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_restricted_connection_by_itself_is_taken_for_a_transaction() {
    each_world(|world| async move {
        library(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let book = titled("Emma").insert(&world.db).await?;
        let bare = world.plain.restricted_for(EDITOR)?;
        let changed = book::ActiveModel { rank: Set(2), ..book.clone().into() };
        world.autocache.scope(changed.update(&bare)).await?;
        for _ in 0..2 {
            assert_eq!(cache.get(book.id).await?.rank, 2);
            assert!(!cache.contains(book.id).await?, "there was no COMMIT yet");
        }
        Ok(())
    })
    .await;
}
