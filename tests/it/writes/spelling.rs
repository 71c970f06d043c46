//! Text keys that the database compares more loosely than the cache does.

use crate::entities::keyed::word;
use crate::support::{Database, Place, World};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter, Set};

fn word(id: &str, note: &str) -> word::ActiveModel {
    word::Model { id: id.to_owned(), note: note.to_owned() }.into_active_model().reset_all()
}

#[tokio::test]
async fn another_spelling_of_a_key_is_never_stale() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    world.create_table(word::Entity).await;
    let cache = world.autocache.cache::<word::Entity>();
    for spelling in ["ABC", "abc", "Abc"] {
        assert_eq!(cache.find(spelling).await.unwrap(), None);
    }
    let row = word("abc", "one").insert(&world.db).await.unwrap();
    for spelling in ["ABC", "abc", "Abc", "abc "] {
        assert_eq!(cache.get(spelling).await.unwrap(), row, "{spelling}");
    }
    let many = cache.get_many(["ABC", "abc"]).await.unwrap();
    assert_eq!(many, [Some(row.clone()), Some(row.clone())]);
    let changed = word::ActiveModel { note: Set("two".to_owned()), ..row.into() };
    let changed = changed.update(&world.db).await.unwrap();
    for spelling in ["ABC", "abc", "Abc", "abc "] {
        assert_eq!(cache.get(spelling).await.unwrap().note, "two", "{spelling}");
    }
    changed.delete(&world.db).await.unwrap();
    for spelling in ["ABC", "abc", "Abc", "abc "] {
        assert_eq!(cache.find(spelling).await.unwrap(), None, "{spelling}");
    }
    word("ABC", "three").insert(&world.db).await.unwrap();
    for spelling in ["ABC", "abc", "Abc", "abc "] {
        assert_eq!(cache.get(spelling).await.unwrap().note, "three", "{spelling}");
    }
}

#[tokio::test]
async fn a_statement_under_another_spelling_leaves_nothing_stale() {
    // Which rows they are is not known, so all entries of the entity go, under any key.
    let (world, _redis) = World::apart(Database::MariaDb).await;
    world.create_table(word::Entity).await;
    let cache = world.autocache.cache::<word::Entity>();
    word("abc", "one").insert(&world.db).await.unwrap();
    assert_eq!(cache.get("abc").await.unwrap().note, "one");
    let change = word::Entity::update_many().col_expr(word::Column::Note, Expr::value("two"));
    change.filter(word::Column::Id.eq("ABC")).exec(&world.db).await.unwrap();
    assert_eq!(cache.get("abc").await.unwrap().note, "two");
    word::Entity::delete_by_id("Abc").exec(&world.db).await.unwrap();
    assert_eq!(cache.find("abc").await.unwrap(), None);
}

#[tokio::test]
async fn an_update_under_another_spelling_leaves_nothing_stale() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    world.create_table(word::Entity).await;
    let cache = world.autocache.cache::<word::Entity>();
    let row = word("abc", "one").insert(&world.db).await.unwrap();
    assert_eq!(cache.get("abc").await.unwrap(), row);
    let other = word::ActiveModel { id: sea_orm::Unchanged("ABC".to_owned()), note: Set("two".to_owned()) };
    other.update(&world.db).await.unwrap();
    assert_eq!(cache.get("abc").await.unwrap().note, "two");
}

#[tokio::test]
async fn a_delete_under_another_spelling_leaves_nothing_stale() {
    let world = World::new(Database::MariaDb, Place::Redis).await;
    world.create_table(word::Entity).await;
    let cache = world.autocache.cache::<word::Entity>();
    word("abc", "one").insert(&world.db).await.unwrap();
    let other = word::Model { id: "ABC".to_owned(), note: String::new() };
    other.delete(&world.db).await.unwrap();
    assert_eq!(cache.find("abc").await.unwrap(), None);
}

#[tokio::test]
async fn where_texts_compare_loosely_absences_are_not_remembered() {
    for (database, sql_of_second) in [(Database::MariaDb, 1), (Database::Postgres, 0), (Database::Sqlite, 0)]
    {
        let world = World::new(database, Place::Redis).await;
        world.create_table(word::Entity).await;
        let cache = world.autocache.cache::<word::Entity>();
        assert_eq!(cache.find("abc").await.unwrap(), None);
        let (found, sql, _) = world.cost(cache.find("abc")).await;
        assert_eq!((found.unwrap(), sql), (None, sql_of_second), "{database:?}");
        let (row, ..) = world.cost(word("abc", "one").insert(&world.db)).await;
        let (read, sql, _) = world.cost(cache.get("abc")).await;
        assert_eq!((read.unwrap(), sql), (row.unwrap(), 0), "{database:?}");
    }
}
