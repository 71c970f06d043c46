//! What SeaORM's documentation calls on a connection, on ours.

use crate::entities::book;
use crate::support::{Database, Place, World, each_world};
use sea_orm::{
    ConnectionTrait, DatabaseExecutor, DbBackend, DbErr, EntityTrait, IntoDatabaseExecutor, IsolationLevel,
    StreamTrait, TransactionError, TransactionTrait,
};

#[tokio::test]
async fn what_is_called_on_a_pool_is_called_on_ours() {
    each_world(|world| async move {
        let db = &world.db;
        // With both traits in sight, there is one method of this name.
        let backend: DbBackend = db.get_database_backend();
        assert_eq!(backend, world.plain.get_database_backend());
        db.ping().await?;
        db.get_schema_builder().register(book::Entity).apply(db).await?;
        db.get_schema_builder().register(book::Entity).sync(db).await?;
        let _ = db.get_schema_registry("no_module::*");
        match backend {
            DbBackend::Postgres => assert!(!db.get_postgres_connection_pool().is_closed()),
            DbBackend::MySql => assert!(!db.get_mysql_connection_pool().is_closed()),
            _ => assert!(!db.get_sqlite_connection_pool().is_closed()),
        }
        assert!(book::Entity::find().all(db).await?.is_empty());
        let executor = DatabaseExecutor::from(db);
        assert_eq!(executor.get_database_backend(), backend);
        assert!(book::Entity::find().all(&db.into_database_executor()).await?.is_empty());
        db.close_by_ref().await?;
        assert!(db.ping().await.is_err());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_called_on_a_transaction_is_called_on_ours() {
    each_world(|world| async move {
        world.create_table(book::Entity).await;
        let txn = world.db.begin().await?;
        assert_eq!(txn.get_database_backend(), world.plain.get_database_backend());
        let level = (world.database == Database::Postgres).then_some(IsolationLevel::ReadCommitted);
        let found = txn
            .transaction_with_config_async(
                async |savepoint| book::Entity::find().all(savepoint).await,
                level.filter(|_| false),
                None,
            )
            .await;
        assert!(matches!(found, Ok(found) if found.is_empty()));
        let failed: Result<(), TransactionError<DbErr>> =
            txn.transaction_async(async |_| Err(DbErr::Custom("no".to_owned()))).await;
        assert!(failed.is_err());
        txn.commit().await
    })
    .await;
}

/// Streams are of a trait of their own, which has a method of the same name.
fn both<C: ConnectionTrait + StreamTrait>(db: &C) -> DbBackend {
    ConnectionTrait::get_database_backend(db)
}

#[tokio::test]
async fn ours_is_what_generic_code_asks_for() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    assert_eq!(both(&world.db), DbBackend::Sqlite);
}
