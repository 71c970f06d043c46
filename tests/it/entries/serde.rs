//! The serde attributes of a model say nothing about its entry: what a hit answers is what is in the row.

use super::alike::hit_is_alike;
use crate::entities::shaped::{Cents, NewProfile, OldProfile, Price, Wording};
use crate::entities::shaped::{draft, event, member, new_person, note, offer, old_person, pair};
use crate::support::{Database, Place, World, each_world};
use sea_orm::prelude::{DateTimeUtc, Json};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    PrimaryKeyTrait,
};
use sea_orm_autocache::CachedEntity;

/// The rows, of which each is a hit after a read, and after a save through the cached connection. What kinds of
/// values a column may have is not known from the first row.
async fn are_hit_whole<E>(world: &World, rows: &[E::Model]) -> Result<(), DbErr>
where
    E: CachedEntity + EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
    E::Model: IntoActiveModel<E::ActiveModel> + PartialEq,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    world.create_table(E::default()).await;
    if (world.database, E::default().table_name()) == (Database::MariaDb, "shaped_event") {
        world.plain.execute_unprepared("ALTER TABLE shaped_event MODIFY `at` datetime(6) NOT NULL").await?;
    }
    for (id, row) in (1..).zip(rows) {
        row.clone().into_active_model().reset_all().insert(&world.plain).await?;
        world.autocache.cache::<E>().get(id).await?;
    }
    for (id, row) in (1..).zip(rows) {
        assert_eq!(hit_is_alike::<E>(world, id).await?, *row);
        row.clone().into_active_model().reset_all().update(&world.db).await?;
        assert_eq!(hit_is_alike::<E>(world, id).await?, *row);
    }
    Ok(())
}

#[tokio::test]
async fn a_json_null_in_a_column_is_no_null_of_the_column() {
    each_world(|world| async move {
        let row = |id, body| note::Model { id, body };
        let rows = [
            row(1, Some(Json::from("text"))),
            row(2, Some(Json::Null)),
            row(3, None),
            row(4, Some(serde_json::json!({ "a": null }))),
        ];
        are_hit_whole::<note::Entity>(&world, &rows).await
    })
    .await;
}

#[tokio::test]
async fn a_field_that_serde_skips_when_absent_is_not_taken_for_the_next() {
    each_world(|world| async move {
        let row = |id, first: Option<&str>, second: Option<&str>| pair::Model {
            id,
            first: first.map(str::to_owned),
            second: second.map(str::to_owned),
        };
        let rows = [row(1, Some("a"), Some("b")), row(2, None, Some("x")), row(3, Some("y"), None)];
        are_hit_whole::<pair::Entity>(&world, &rows).await
    })
    .await;
}

#[tokio::test]
async fn a_field_that_serde_skips_or_renames_is_served_whole() {
    each_world(|world| async move {
        let row = |id, is_admin, nickname: Option<&str>| member::Model {
            id,
            name: format!("member {id}"),
            is_admin,
            password_hash: format!("$argon2id${id}"),
            nickname: nickname.map(str::to_owned),
        };
        let rows = [row(1, false, None), row(2, true, Some("Jo")), row(3, false, Some(""))];
        are_hit_whole::<member::Entity>(&world, &rows).await
    })
    .await;
}

#[tokio::test]
async fn a_moment_that_serde_writes_in_whole_seconds_keeps_its_fraction() {
    each_world(|world| async move {
        let at = |text: &str| text.parse::<DateTimeUtc>().expect("a moment");
        let rows = [
            event::Model { id: 1, at: at("2024-02-29T12:34:56Z") },
            event::Model { id: 2, at: at("2024-02-29T12:34:56.789012Z") },
        ];
        are_hit_whole::<event::Entity>(&world, &rows).await
    })
    .await;
}

#[tokio::test]
async fn an_untagged_enum_in_json_keeps_its_variant() {
    each_world(|world| async move {
        let exact = |cents| Price::Exact(Cents(cents));
        let described = |text: &str| Price::Described(Wording(text.to_owned()));
        let rows = [
            offer::Model { id: 1, price: exact(i64::MIN), before: None },
            offer::Model { id: 2, price: described("on request"), before: Some(exact(5)) },
            offer::Model { id: 3, price: exact(0), before: Some(described("5")) },
        ];
        are_hit_whole::<offer::Entity>(&world, &rows).await
    })
    .await;
}

#[tokio::test]
async fn fields_that_are_no_columns_are_their_default() {
    each_world(|world| async move {
        world.create_table(draft::Entity).await;
        let row = draft::Model { id: 1, title: "Emma".to_owned(), words: 7, checked: Some(true) };
        row.clone().into_active_model().reset_all().insert(&world.db).await?;
        let hit = hit_is_alike::<draft::Entity>(&world, 1).await?;
        assert_eq!(hit, draft::Model { words: 0, checked: None, ..row.clone() });
        world.autocache.cache::<draft::Entity>().invalidate(1).await?;
        world.autocache.cache::<draft::Entity>().get(1).await?;
        assert_eq!(hit_is_alike::<draft::Entity>(&world, 1).await?, hit);
        Ok(())
    })
    .await;
}

/// The entries of two versions of a program are one another's: the columns are the same.
#[tokio::test]
async fn json_of_another_version_of_its_struct_is_read_by_the_names_of_its_fields() -> Result<(), DbErr> {
    for database in [Database::Sqlite, Database::Postgres, Database::MariaDb] {
        let world = World::new(database, Place::Redis).await;
        let newer = world.neighbour_with(|b| b.without(old_person::Entity).entity(new_person::Entity)).await;
        world.create_table(old_person::Entity).await;
        let text = |text: &str| text.to_owned();
        let old = OldProfile { city: text("Bath"), street: text("Gay Street") };
        let new = NewProfile { city: text("Bath"), street: text("Gay Street"), floor: 3 };
        let before = old_person::Model { id: 1, profile: old.clone() };
        before.into_active_model().reset_all().insert(&world.plain).await?;
        let since = new_person::Model { id: 2, profile: new.clone() };
        since.into_active_model().reset_all().insert(&world.plain).await?;

        let old_cache = world.autocache.cache::<old_person::Entity>();
        let new_cache = newer.autocache.cache::<new_person::Entity>();
        assert_eq!(old_cache.make_key(1).unwrap(), new_cache.make_key(1).unwrap());
        old_cache.get(1).await?;
        new_cache.get(2).await?;
        for id in [1, 2] {
            assert_eq!(hit_is_alike::<old_person::Entity>(&world, id).await?.profile, old);
            let floor = if id == 1 { 0 } else { 3 };
            let profile = NewProfile { floor, ..new.clone() };
            assert_eq!(hit_is_alike::<new_person::Entity>(&newer, id).await?.profile, profile);
        }
    }
    Ok(())
}

/// In memory a row is decoded once, and another version's reader must not be given its type.
#[tokio::test]
async fn a_row_that_one_entity_has_decoded_is_read_anew_by_another_of_the_same_key() {
    let (world, store) = World::faulty(Database::Sqlite, Place::Memory, |builder| builder).await;
    world.create_table(old_person::Entity).await;
    let profile = OldProfile { city: "Bath".to_owned(), street: "Gay Street".to_owned() };
    let row = old_person::Model { id: 1, profile };
    row.clone().into_active_model().reset_all().insert(&world.plain).await.unwrap();
    let newer = crate::support::builder(world.plain.clone()).app(&world.app).backend("default", store);
    let newer = newer.without(old_person::Entity).entity(new_person::Entity).build().unwrap();
    let (old, new) = (world.autocache.cache::<old_person::Entity>(), newer.cache::<new_person::Entity>());
    for _ in 0..3 {
        assert_eq!(old.get(1).await.unwrap(), row);
        assert_eq!(new.get(1).await.unwrap().profile.street, row.profile.street);
    }
    assert_eq!((world.counts().misses, newer.stats().total().misses), (1, 0));
}
