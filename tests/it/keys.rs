//! Keys: every kind of primary key, and keys of an entity's own making.

use crate::entities::{keyed, settings};
use crate::support::{Database, Place, World, each_world};
use fred::interfaces::KeysInterface;
use sea_orm::sea_query::{FromValueTuple, IntoValueTuple, ValueTuple};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    PrimaryKeyTrait, Set,
};
use sea_orm_autocache::CachedEntity;
use std::collections::HashSet;

type Pk<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// Saves, hits, deletes and tombstones of all these rows, each found under its own key.
async fn all_keep_apart<E>(world: &World, rows: Vec<E::Model>) -> Result<(), DbErr>
where
    E: CachedEntity,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    if world.database == Database::MariaDb {
        world.plain.execute_unprepared("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").await?;
    }
    world.create_table(E::default()).await;
    let cache = world.autocache.cache::<E>();
    let pk = |row: &E::Model| -> ValueTuple { row.get_primary_key_value() };
    let pk = |row: &E::Model| Pk::<E>::from_value_tuple(pk(row).into_value_tuple());
    let keys: HashSet<String> = rows.iter().map(|row| cache.make_key(pk(row)).unwrap()).collect();
    assert_eq!(keys.len(), rows.len(), "two rows share a key: {keys:?}");
    for row in &rows {
        row.clone().into_active_model().reset_all().insert(&world.db).await?;
    }
    for row in &rows {
        let (read, sql, trips) = world.cost(cache.get(pk(row))).await;
        assert_eq!((read?, sql, trips), (row.clone(), 0, 1));
    }
    cache.invalidate_many(rows.iter().map(&pk)).await?;
    let many = cache.get_many(rows.iter().map(&pk)).await?;
    assert_eq!(many, rows.iter().cloned().map(Some).collect::<Vec<_>>());
    for row in &rows {
        row.clone().delete(&world.db).await?;
        let (found, sql, _) = world.cost(cache.find(pk(row))).await;
        assert_eq!(found?, None);
        // Absences of text keys are not remembered where texts may compare loosely.
        assert!(sql == 0 || world.database == Database::MariaDb);
    }
    Ok(())
}

fn note() -> String {
    "note".to_owned()
}

#[tokio::test]
async fn integers_keep_apart() {
    each_world(|world| async move {
        let rows = [0, 1, -1, 12, i32::MIN, i32::MAX].map(|id| keyed::small::Model { id, note: note() });
        all_keep_apart::<keyed::small::Entity>(&world, rows.into()).await?;
        let rows = [0, 1, -1, i64::MIN, i64::MAX].map(|id| keyed::big::Model { id, note: note() });
        all_keep_apart::<keyed::big::Entity>(&world, rows.into()).await?;
        let rows = [0, 1, 2_000_000_000].map(|id| keyed::unsigned::Model { id, note: note() });
        if world.database == Database::Postgres {
            return Ok(()); // SeaORM reads no u32 from Postgres.
        }
        all_keep_apart::<keyed::unsigned::Entity>(&world, rows.into()).await
    })
    .await;
}

#[tokio::test]
async fn uuids_bytes_and_enums_keep_apart() {
    each_world(|world| async move {
        let ids = [uuid::Uuid::nil(), uuid::Uuid::from_u128(1), uuid::Uuid::new_v4()];
        let rows = ids.map(|id| keyed::unique::Model { id, note: note() });
        all_keep_apart::<keyed::unique::Entity>(&world, rows.into()).await?;
        let ids: [&[u8]; 5] = [b"\0", b"\0\0", b"a", b"61", b"\xff:,"];
        let rows = ids.map(|id| keyed::blob::Model { id: id.to_vec(), note: note() });
        all_keep_apart::<keyed::blob::Entity>(&world, rows.into()).await?;
        let rows = [keyed::Mood::Glad, keyed::Mood::Sad].map(|id| keyed::mood::Model { id, note: note() });
        all_keep_apart::<keyed::mood::Entity>(&world, rows.into()).await
    })
    .await;
}

#[tokio::test]
async fn texts_keep_apart_whatever_is_in_them() {
    each_world(|world| async move {
        let ids = [
            "a", "a:b", "a,b", "a%b", "a%3Ab", "a b", "a%20b", "@a=b", "é", "🦀", "🦀🦀", "*", "a\nb", "null",
        ];
        let rows = ids.map(|id| keyed::word::Model { id: id.to_owned(), note: note() });
        all_keep_apart::<keyed::word::Entity>(&world, rows.into()).await
    })
    .await;
}

#[tokio::test]
async fn texts_keep_apart_however_long_they_are() {
    for place in [Place::Memory, Place::Redis] {
        let world = World::new(Database::Sqlite, place).await;
        let long = "x".repeat(10_000);
        let ids = [String::new(), long.clone(), format!("{long}y"), "é".repeat(10_000), "🦀:".repeat(3_000)];
        let rows = ids.map(|id| keyed::essay::Model { id, note: note() });
        all_keep_apart::<keyed::essay::Entity>(&world, rows.into()).await.unwrap();
        let key = world.autocache.cache::<keyed::essay::Entity>().make_key(long).unwrap();
        assert!(key.len() <= sea_orm_autocache::KEY_BYTES_MAX, "{key}");
    }
}

#[tokio::test]
async fn composite_keys_keep_apart() {
    each_world(|world| async move {
        let shelf = |(room, label, number): (&str, &str, i32)| keyed::shelf::Model {
            room: room.to_owned(),
            label: label.to_owned(),
            number,
            note: note(),
        };
        let pks = [
            ("a,b", "c", 1),
            ("a", "b,c", 1),
            ("a", "b", 1),
            ("a", "b", 11),
            ("a%2Cb", "c", 1),
            ("", "a", 1),
        ];
        all_keep_apart::<keyed::shelf::Entity>(&world, pks.map(shelf).into()).await
    })
    .await;
}

#[tokio::test]
async fn keys_of_an_entitys_own_making_keep_apart() {
    each_world(|world| async move {
        let rows = [1, 2, 30].map(|id| keyed::hashed::Model { id, note: note() });
        all_keep_apart::<keyed::hashed::Entity>(&world, rows.into()).await?;
        let rows = [1, 2, 30].map(|id| keyed::versioned::Model { id, note: note() });
        all_keep_apart::<keyed::versioned::Entity>(&world, rows.into()).await
    })
    .await;
}

#[tokio::test]
async fn keys_read_as_documented() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let (autocache, app) = (&world.autocache, &world.app);
    assert_eq!(autocache.cache::<keyed::big::Entity>().make_key(-933).unwrap(), format!("{app}:big:-933"));
    assert_eq!(
        autocache.cache::<keyed::word::Entity>().make_key("a b:c").unwrap(),
        format!("{app}:word:a%20b%3Ac")
    );
    let shelf = autocache.cache::<keyed::shelf::Entity>();
    assert_eq!(
        shelf.make_key(("a".to_owned(), "b,c".to_owned(), 1)).unwrap(),
        format!("{app}:shelf:a,b%2Cc,1")
    );
    assert_eq!(
        autocache.cache::<keyed::versioned::Entity>().make_key(5).unwrap(),
        format!("{app}:versioned:5:v3")
    );
    assert_eq!(autocache.cache::<keyed::hashed::Entity>().make_key(5).unwrap().len(), 64);
    assert_eq!(
        autocache.cache::<settings::labelled::Entity>().make_key(5).unwrap(),
        format!("{app}:label:labelled:5")
    );
    assert_eq!(
        autocache.cache::<settings::renamed::Entity>().make_key(5).unwrap(),
        format!("{app}:another name:5")
    );
}

#[tokio::test]
async fn the_key_is_where_the_entry_is() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    world.create_table(keyed::hashed::Entity).await;
    let row = keyed::hashed::ActiveModel { note: Set(note()), ..Default::default() };
    let row = row.insert(&world.db).await.unwrap();
    let key = world.autocache.cache::<keyed::hashed::Entity>().make_key(row.id).unwrap();
    assert_eq!(world.redis().await.exists::<u64, _>(key).await.unwrap(), 1);
}

#[tokio::test]
async fn rows_that_collide_under_one_key_are_never_mixed_up() {
    each_world(|world| async move {
        world.create_table(keyed::colliding::Entity).await;
        let cache = world.autocache.cache::<keyed::colliding::Entity>();
        let mut rows = Vec::new();
        for note in ["one", "two", "three"] {
            let row = keyed::colliding::ActiveModel { note: Set(note.to_owned()), ..Default::default() };
            rows.push(row.insert(&world.db).await?);
        }
        for _ in 0..2 {
            for row in &rows {
                assert_eq!(cache.get(row.id).await?, *row);
            }
            let many = cache.get_many([3_i64, 1, 2, 1]).await?;
            let wanted = [2, 0, 1, 0].map(|index: usize| Some(rows[index].clone()));
            assert_eq!(many, wanted);
        }
        let changed = keyed::colliding::ActiveModel { note: Set("new".to_owned()), ..rows[0].clone().into() };
        changed.update(&world.db).await?;
        assert_eq!(cache.get(1).await?.note, "new");
        assert_eq!(cache.get(2).await?, rows[1]);
        assert_eq!(cache.get(1).await?.note, "new");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_tombstone_under_a_shared_key_hides_no_row() {
    each_world(|world| async move {
        world.create_table(keyed::colliding::Entity).await;
        let cache = world.autocache.cache::<keyed::colliding::Entity>();
        let row = keyed::colliding::ActiveModel { note: Set(note()), ..Default::default() };
        let row = row.insert(&world.plain).await?;
        assert_eq!(cache.find(404).await?, None);
        assert_eq!(cache.get(row.id).await?, row);
        Ok(())
    })
    .await;
}
