//! Row policies: a transaction that changes its session sees what the database shows it.

use crate::entities::book;
use crate::laws::cold_books;
use crate::support::{Database, Place, World};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, StreamTrait, TransactionTrait};

/// Each book is its rank's: a session sees those of its own.
async fn fenced(world: &World) -> Result<String, DbErr> {
    cold_books(world, 1..=2).await?;
    let role = format!("{}_tenant", world.app);
    for sql in [
        "UPDATE book SET rank = id".to_owned(),
        format!("CREATE ROLE {role}"),
        format!("GRANT SELECT ON book TO {role}"),
        "ALTER TABLE book ENABLE ROW LEVEL SECURITY".to_owned(),
        "CREATE POLICY own ON book USING (rank = current_setting('app.tenant', true)::bigint)".to_owned(),
    ] {
        world.plain.execute_unprepared(&sql).await?;
    }
    let cache = world.autocache.cache::<book::Entity>();
    cache.get_many([1, 2]).await?;
    assert!(cache.contains(1).await? && cache.contains(2).await?);
    Ok(role)
}

#[tokio::test]
async fn a_transaction_with_settings_of_its_own_sees_no_row_of_others() -> Result<(), DbErr> {
    for place in [Place::Redis, Place::Memory] {
        let world = World::new(Database::Postgres, place).await;
        let role = fenced(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let txn = world.db.begin().await?;
        assert!(cache.on(&txn).find(1).await?.is_some(), "the pool's own role sees all");
        txn.execute_unprepared(&format!("SET LOCAL ROLE {role}")).await?;
        assert!(cache.on(&txn).find(1).await?.is_none(), "it is nobody's tenant yet");
        txn.rollback().await?;
        let txn = world.db.begin().await?;
        let tenant = "SELECT set_config('app.tenant', $1, true), set_config('role', $2, true)";
        let values: [sea_orm::Value; 2] = ["2".into(), role.into()];
        let becomes = || Statement::from_sql_and_values(DbBackend::Postgres, tenant, values.clone());
        txn.query_one_raw(becomes()).await?;
        assert!(cache.on(&txn).find(1).await?.is_none());
        assert!(cache.on(&txn).find(2).await?.is_some());
        txn.commit().await?;
        let txn = world.db.begin().await?;
        txn.stream_raw(becomes()).await?.try_collect::<Vec<_>>().await?;
        assert!(cache.on(&txn).find(1).await?.is_none(), "by a stream");
        txn.rollback().await?;
        assert!(cache.contains(1).await?, "the cache is as it was");
    }
    Ok(())
}
