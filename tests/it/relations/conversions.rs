//! Values at the door: converted to the kind of the column, or refused.

use crate::entities::kept::{keeper, pet};
use crate::support::{World, each_world};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel, ModelTrait};
use sea_orm_autocache::prelude::*;

/// A keeper whose id only 64 bits hold and two others, with three pets, all of them cold. Each number of a
/// keeper is another one, so that no lookup answers by another column than its own.
async fn cold_zoo(world: &World) -> Result<(Vec<keeper::Model>, Vec<pet::Model>), DbErr> {
    world.create_table(keeper::Entity).await;
    // MariaDB takes no foreign key between integers of two widths.
    let pets =
        "CREATE TABLE kept_pet (id bigint PRIMARY KEY, keeper_id int NOT NULL, name varchar(255) NOT NULL)";
    world.plain.execute_unprepared(pets).await?;
    let mut keepers = Vec::new();
    for id in [1, 2, 5_000_000_000] {
        let (level, floor) = (id % 2 + 20, 300);
        let keeper =
            keeper::Model { id, code: id + 10, level, floor, active: id == 1, name: format!("{id}") };
        keeper.clone().into_active_model().reset_all().insert(&world.plain).await?;
        keepers.push(keeper);
    }
    let mut pets = Vec::new();
    for (id, keeper_id) in [(7, 1), (8, 1), (9, 2)] {
        let pet = pet::Model { id, keeper_id, name: format!("pet {id}") };
        pet.clone().into_active_model().reset_all().insert(&world.plain).await?;
        pets.push(pet);
    }
    Ok((keepers, pets))
}

#[tokio::test]
async fn an_integer_of_another_width_finds_the_row_cold_and_warm() {
    each_world(|world| async move {
        let (keepers, _) = cold_zoo(&world).await?;
        let cache = world.autocache.cache::<keeper::Entity>();
        let first = Some(keepers[0].clone());
        for expected in [1, 0] {
            let (found, sql, _) = world.cost(cache.get_by(keeper::Column::Id, 1_i32)).await;
            assert_eq!((found?, sql), (first.clone(), expected));
        }
        let (found, sql, _) = world.cost(cache.get_by(keeper::Column::Id, 1_i64)).await;
        assert_eq!((found?, sql), (first.clone(), 0), "the same entry, whatever the width");
        assert_eq!(cache.get_by(keeper::Column::Id, 1_u8).await?, first);
        for expected in [1, 0] {
            let (found, sql, _) = world.cost(cache.get_by(keeper::Column::Code, 11_i16)).await;
            assert_eq!((found?, sql), (first.clone(), expected));
        }
        for expected in [1, 0] {
            let (listed, sql, _) = world.cost(cache.list_by(keeper::Column::Level, 21_i32)).await;
            assert_eq!((listed?, sql), (vec![keepers[0].clone()], expected));
        }
        for expected in [1, 0] {
            let (listed, sql, _) = world.cost(cache.list_by(keeper::Column::Floor, 300_i64)).await;
            assert_eq!((listed?.len(), sql), (3, expected));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_list_that_was_asked_for_by_another_width_is_kept_by_writers() {
    each_world(|world| async move {
        let (keepers, _) = cold_zoo(&world).await?;
        let cache = world.autocache.cache::<keeper::Entity>();
        assert_eq!(cache.list_by(keeper::Column::Level, 21_i32).await?, [keepers[0].clone()]);
        let moved = keeper::Model { level: 21, ..keepers[1].clone() };
        moved.clone().into_active_model().reset_all().update(&world.db).await?;
        let listed = cache.list_by(keeper::Column::Level, 21_i32).await?;
        assert_eq!(listed, [keepers[0].clone(), moved]);
        Ok(())
    })
    .await;
}

/// The refusal names both types and the column, and neither the cache nor the database has heard of it.
async fn is_refused<T: std::fmt::Debug>(
    world: &World,
    lookup: impl Future<Output = Result<T, DbErr>>,
    says: &str,
) {
    let before = world.counts();
    let (refused, sql, trips) = world.cost(lookup).await;
    let refused = refused.unwrap_err();
    assert_eq!((sql, trips), (0, 0), "{refused}");
    assert_eq!(world.counts(), before, "{refused}");
    assert_eq!(CacheErrorKind::of(&refused), Some(CacheErrorKind::WrongType), "{refused}");
    assert!(refused.to_string().contains(says), "{refused}");
}

#[tokio::test]
async fn what_is_no_value_of_the_column_is_refused_by_name() {
    each_world(|world| async move {
        use keeper::Column::{Active, Code, Floor, Id, Level, Name};
        cold_zoo(&world).await?;
        let cache = world.autocache.cache::<keeper::Entity>();
        let holds = |column: &str, wanted: &str, given: &str| {
            format!("the column `{column}` of `kept_keeper` holds {wanted}, which a value of {given} is not")
        };
        is_refused(&world, cache.list_by(Floor, 70_000), &holds("floor", "SmallInt", "Int")).await;
        is_refused(&world, cache.list_by(Floor, -32_769), &holds("floor", "SmallInt", "Int")).await;
        is_refused(&world, cache.get_by(Id, u64::MAX), &holds("id", "BigInt", "BigUnsigned")).await;
        is_refused(&world, cache.list_by(Level, "21"), &holds("level", "BigInt", "String")).await;
        is_refused(&world, cache.get_by(Code, "11"), &holds("code", "BigInt", "String")).await;
        is_refused(&world, cache.get_many_by(Id, ["1", "2"]), &holds("id", "BigInt", "String")).await;
        is_refused(&world, cache.list_by(Level, 21.0), &holds("level", "BigInt", "Double")).await;
        is_refused(&world, cache.list_by(Level, true), &holds("level", "BigInt", "Bool")).await;
        is_refused(&world, cache.list_by(Active, 1), &holds("active", "Bool", "Int")).await;
        is_refused(&world, cache.list_by(Active, "true"), &holds("active", "Bool", "String")).await;
        is_refused(&world, cache.list_by(Name, 1), &holds("name", "String", "Int")).await;
        is_refused(&world, cache.invalidate_by(Active, 1), &holds("active", "Bool", "Int")).await;
        assert_eq!(cache.list_by(Active, true).await?.len(), 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_of_fewer_bits_leads_to_its_row() {
    each_world(|world| async move {
        let (keepers, pets) = cold_zoo(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (found, sql, _) = world.cost(pets[0].cached_one(keeper::Entity)).await;
                    assert_eq!((found?.as_ref(), sql), (Some(&keepers[0]), expected));
                }
                let (found, sql, _) = world.cost(keeper::Entity::cache().get(1)).await;
                assert_eq!((found?, sql), (keepers[0].clone(), 0), "under the key of the row");
                let owners = [0, 0, 1].map(|keeper: usize| Some(keepers[keeper].clone()));
                for expected in [1, 0] {
                    let (found, sql, _) = world.cost(pets.cached_load_one(keeper::Entity)).await;
                    assert_eq!((found?, sql), (owners.to_vec(), expected));
                }
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_of_fewer_bits_lists_the_rows_that_have_it() {
    each_world(|world| async move {
        let (keepers, pets) = cold_zoo(&world).await?;
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                for expected in [1, 0] {
                    let (found, sql, _) = world.cost(keepers[0].cached_related(pet::Entity)).await;
                    assert_eq!((found?, sql), (pets[..2].to_vec(), expected));
                }
                let new = pet::Model { id: 10, keeper_id: 1, name: "new".to_owned() };
                new.clone().into_active_model().reset_all().insert(&world.db).await?;
                let expected = [&pets[..2], &[new]].concat();
                assert_eq!(keepers[0].cached_related(pet::Entity).await?, expected);
                Ok(())
            })
            .await
    })
    .await;
}

#[tokio::test]
async fn a_row_whose_key_is_too_large_for_the_foreign_key_has_no_related_rows() {
    each_world(|world| async move {
        let (keepers, pets) = cold_zoo(&world).await?;
        assert_eq!(keepers[2].find_related(pet::Entity).all(&world.plain).await?, []);
        let expected = [pets[..2].to_vec(), pets[2..].to_vec(), Vec::new()];
        let autocache = world.autocache.clone();
        autocache
            .scope(async {
                assert_eq!(keepers[2].cached_related(pet::Entity).await?, []);
                for statements in [1, 0] {
                    let (lists, sql, _) = world.cost(keepers.cached_load_many(pet::Entity)).await;
                    assert_eq!((lists?, sql), (expected.to_vec(), statements));
                }
                Ok(())
            })
            .await
    })
    .await;
}
