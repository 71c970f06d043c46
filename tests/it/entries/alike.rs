//! The comparison of a hit with what the database answers.

use crate::support::{Database, World};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable,
    ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait, Schema, Value,
};
use sea_orm_autocache::CachedEntity;
use std::fmt::Debug;

/// Creates the entity's table, with the enums that PostgreSQL has as types of their own.
pub async fn create_table<E: EntityTrait>(world: &World) -> Result<(), DbErr> {
    if world.database == Database::Postgres {
        let mut created = Vec::new();
        for create in Schema::new(world.plain.get_database_backend()).create_enum_from_entity(E::default()) {
            // There is one for each column of the type.
            let text = world.plain.get_database_backend().build(&create).sql;
            if !created.contains(&text) {
                world.plain.execute(&create).await?;
                created.push(text);
            }
        }
    }
    world.create_table(E::default()).await;
    Ok(())
}

/// In a table of their own, which MariaDB alters so: each of the rows is answered by a hit as it is by
/// `find_by_id`. The hit after a read, after an update and after an insert, whatever id the rows have.
pub async fn are_alike<E>(world: &World, alter: &str, rows: Vec<E::Model>) -> Result<(), DbErr>
where
    E: CachedEntity + EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    create_table::<E>(world).await?;
    if world.database == Database::MariaDb && !alter.is_empty() {
        world.plain.execute_unprepared(alter).await?;
    }
    let cache = world.autocache.cache::<E>();
    for (id, row) in (1..).zip(rows) {
        let (read, saved) = (numbered::<E>(&row, id), numbered::<E>(&row, id + 1_000));
        read.clone().insert(&world.plain).await?;
        let (missed, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!(sql, 1);
        let found = E::find_by_id(id).one(&world.plain).await?.expect("the row");
        is_alike::<E>(&missed?, &found);
        hit_is_alike::<E>(world, id).await?;
        read.update(&world.db).await?;
        hit_is_alike::<E>(world, id).await?;
        saved.insert(&world.db).await?;
        hit_is_alike::<E>(world, id + 1_000).await?;
    }
    Ok(())
}

/// The row as it is to be written, with this primary key.
fn numbered<E>(row: &E::Model, id: i64) -> E::ActiveModel
where
    E: CachedEntity,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let mut row = row.clone().into_active_model().reset_all();
    let key = E::PrimaryKey::iter().next().expect("a primary key").into_column();
    row.set(key, Value::BigInt(Some(id)));
    row
}

/// The cache answers by itself, and as the database does.
pub async fn hit_is_alike<E>(world: &World, id: i64) -> Result<E::Model, DbErr>
where
    E: CachedEntity + EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    let (hit, sql, _) = world.cost(world.autocache.cache::<E>().get(id)).await;
    let hit = hit?;
    assert_eq!(sql, 0, "no hit: {hit:?}");
    let found = E::find_by_id(id).one(&world.plain).await?.expect("the row");
    is_alike::<E>(&hit, &found);
    Ok(hit)
}

fn is_alike<E: EntityTrait<Model: Debug>>(hit: &E::Model, found: &E::Model) {
    assert_eq!(format!("{hit:?}"), format!("{found:?}"));
    for column in E::Column::iter() {
        let (hit, found) = (hit.get(column), found.get(column));
        // What is no number equals nothing, not even itself.
        let equal = hit == found || found != found.clone();
        assert!(equal && format!("{hit:?}") == format!("{found:?}"), "{hit:?} for {found:?}");
    }
}
