//! A table whose entity changes between two versions of a program, both running.

use crate::entities::schemas::{longer, pen, quill, raised, reordered, wider};
use crate::support::{Database, Place, World};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use sea_orm_autocache::CachedEntity;

/// What a read of the one pen costs in statements.
async fn sql_of<E>(world: &World) -> u64
where
    E: CachedEntity + EntityTrait<PrimaryKey: sea_orm::PrimaryKeyTrait<ValueType = i64>>,
{
    let (read, sql, _) = world.cost(world.autocache.cache::<E>().get(1)).await;
    read.unwrap();
    sql
}

async fn world() -> World {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    world.create_table(wider::Entity).await;
    let row = pen::ActiveModel { ink: Set("blue".to_owned()), nibs: Set(3), ..Default::default() };
    row.insert(&world.plain).await.unwrap();
    assert_eq!(sql_of::<pen::Entity>(&world).await, 1);
    world
}

/// The same table and store, in a program that has this version of the pen.
async fn version<E: CachedEntity>(world: &World, pen: E) -> World {
    world.neighbour_with(|builder| builder.without(pen::Entity).entity(pen)).await
}

#[tokio::test]
async fn a_renamed_rust_type_keeps_its_entries() {
    let world = version(&world().await, quill::Entity).await;
    assert_eq!(sql_of::<quill::Entity>(&world).await, 0);
    let quill = world.autocache.cache::<quill::Entity>().get(1).await.unwrap();
    assert_eq!((quill.ink.as_str(), quill.nibs), ("blue", 3));
}

#[tokio::test]
async fn an_added_column_is_never_read_from_an_old_entry() {
    let old = world().await;
    let new = version(&old, wider::Entity).await;
    assert_eq!(sql_of::<wider::Entity>(&new).await, 1);
    assert_eq!(sql_of::<wider::Entity>(&new).await, 0);
    assert_eq!(sql_of::<pen::Entity>(&old).await, 1, "and the other way round");
    assert_eq!((old.counts().undecodable, new.counts().undecodable), (1, 1));
}

#[tokio::test]
async fn a_changed_type_order_or_version_is_never_read_from_an_old_entry() {
    let world = world().await;
    assert_eq!(sql_of::<longer::Entity>(&version(&world, longer::Entity).await).await, 1);
    assert_eq!(sql_of::<reordered::Entity>(&version(&world, reordered::Entity).await).await, 1);
    let raised = version(&world, raised::Entity).await;
    assert_eq!(sql_of::<raised::Entity>(&raised).await, 1);
    assert_eq!(sql_of::<raised::Entity>(&raised).await, 0);
}

#[tokio::test]
async fn two_versions_of_a_program_stay_right_beside_each_other() {
    let old = world().await;
    let new = version(&old, wider::Entity).await;
    for rank in 4..8 {
        let row = pen::Model { id: 1, ink: "blue".to_owned(), nibs: 0 };
        let row = pen::ActiveModel { nibs: Set(rank), ..row.into() };
        row.update(&old.db).await.unwrap();
        assert_eq!(new.autocache.cache::<wider::Entity>().get(1).await.unwrap().nibs, rank);
        let row = wider::Model { id: 1, ink: String::new(), nibs: 0, maker: None };
        let row = wider::ActiveModel { maker: Set(Some(format!("maker {rank}"))), ..row.into() };
        row.update(&new.db).await.unwrap();
        assert_eq!(old.autocache.cache::<pen::Entity>().get(1).await.unwrap().nibs, rank);
        let read = new.autocache.cache::<wider::Entity>().get(1).await.unwrap();
        assert_eq!(read.maker, Some(format!("maker {rank}")));
    }
}
