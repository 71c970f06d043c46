//! Whose rows the keys and entries name: the app, the schema, the entity, the database.

use crate::entities::library::{book_tag, tag};
use crate::entities::{book, schemas, settings};
use crate::laws::{cold_book, titled};
use crate::support::{Database, Log, Place, World, builder};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ModelTrait, NotSet, Set,
    TransactionTrait,
};
use sea_orm_autocache::prelude::*;

/// One table name in two schemas.
macro_rules! invoice {
    ($name:ident, $schema:literal) => {
        mod $name {
            use sea_orm::entity::prelude::*;
            use sea_orm_autocache::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(schema_name = $schema, table_name = "invoice")]
            pub struct Model {
                #[sea_orm(primary_key)]
                pub id: i64,
                pub total: i64,
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl CachedEntity for Entity {}
            connect_signals!(ActiveModel);
        }
    };
}

invoice!(here, "here");
invoice!(there, "there");

/// The lines of the invoices over there.
mod line {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "there", table_name = "line")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub invoice_id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::there::Entity",
            from = "Column::InvoiceId",
            to = "super::there::Column::Id"
        )]
        Invoice,
    }

    impl Related<super::there::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Invoice.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

#[test]
fn an_autocache_without_an_app_label_says_what_to_write() {
    let builder = builder(DatabaseConnection::default()).backend("default", MemoryStore::new(1));
    let error = builder.build().unwrap_err();
    assert_eq!(error, CacheError::NoAppLabel);
    assert!(error.to_string().contains(".app(\"shop\")"), "{error}");
}

#[test]
fn two_entities_of_one_name_are_an_error_at_the_start() {
    let builder = builder(DatabaseConnection::default()).app("shop").backend("default", MemoryStore::new(1));
    let error = builder.entity(schemas::quill::Entity).build().unwrap_err();
    let tables = ["pen".to_owned(), "pen".to_owned()];
    assert_eq!(error, CacheError::DuplicateModel { model: "pen".to_owned(), tables });
    let text = error.to_string();
    for part in ["`pen`", "model_name()", ".without(Entity)"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn tables_of_one_name_in_two_schemas_share_no_keys() -> Result<(), DbErr> {
    let world = World::new(Database::Postgres, Place::Redis).await;
    for sql in ["CREATE SCHEMA here", "CREATE SCHEMA there"] {
        world.plain.execute_unprepared(sql).await?;
    }
    world.create_table(here::Entity).await;
    world.create_table(there::Entity).await;
    let (ours, theirs) = (world.autocache.cache::<here::Entity>(), world.autocache.cache::<there::Entity>());
    assert_eq!(theirs.make_key(1).unwrap(), format!("{}:there.invoice:1", world.app));
    let total = |total: i64| Set(total);
    let row = here::ActiveModel { id: NotSet, total: total(5) }.insert(&world.db).await?;
    assert_eq!(theirs.find(row.id).await?, None);
    assert_eq!(ours.get(row.id).await?, row);
    let other = there::ActiveModel { id: NotSet, total: total(7) }.insert(&world.db).await?;
    assert_eq!((ours.get(1).await?.total, theirs.get(1).await?.total), (5, 7));
    world.create_table(line::Entity).await;
    let line = line::ActiveModel { id: NotSet, invoice_id: Set(1) }.insert(&world.db).await?;
    let invoice = line.cached_one_on(there::Entity, &world.db);
    let invoice = world.autocache.scope(invoice).await?;
    assert_eq!(invoice, Some(other.clone()));
    line.delete(&world.db).await?;
    other.delete(&world.db).await?;
    assert_eq!((ours.get(1).await?.total, theirs.find(1).await?), (5, None));
    Ok(())
}

/// Tenants have an app label each.
#[tokio::test]
async fn a_label_of_an_entity_stands_beside_that_of_the_app() -> Result<(), DbErr> {
    let (one, two) =
        (World::new(Database::Sqlite, Place::Redis).await, World::new(Database::Sqlite, Place::Redis).await);
    for (world, note) in [(&one, "one"), (&two, "two")] {
        world.create_table(settings::labelled::Entity).await;
        let row = settings::labelled::ActiveModel { id: NotSet, note: Set(note.to_owned()) };
        row.insert(&world.db).await?;
    }
    for (world, note) in [(&one, "one"), (&two, "two")] {
        let cache = world.autocache.cache::<settings::labelled::Entity>();
        assert_eq!(cache.make_key(1).unwrap(), format!("{}:label:labelled:1", world.app));
        assert_eq!(cache.get(1).await?.note, note);
    }
    Ok(())
}

#[tokio::test]
async fn rows_of_another_database_under_the_same_keys_are_misses() -> Result<(), DbErr> {
    for database in [Database::Sqlite, Database::Postgres, Database::MariaDb] {
        let main = World::new(database, Place::Redis).await;
        let archive = main.neighbour_with(|builder| builder.database_id("archive")).await;
        let row = cold_book(&main, "Emma").await?;
        let cached = main.autocache.cache::<book::Entity>();
        assert_eq!(cached.get(row.id).await?, row);
        let cache = archive.autocache.cache::<book::Entity>();
        let log = Log::default();
        let listening = log.listen(tracing::Level::WARN);
        for _ in 0..2 {
            let (read, sql, _) = archive.cost(cache.get(row.id)).await;
            assert_eq!((read?, sql), (row.clone(), 1));
            assert_eq!(cached.get(row.id).await?, row);
        }
        drop(listening);
        assert_eq!(archive.counts().undecodable, 2);
        assert_eq!(log.text().matches("another database").count(), 2, "one for each: {}", log.text());
    }
    Ok(())
}

/// It is read from the database, and nothing asks for its table besides.
#[tokio::test]
async fn an_entity_that_is_left_out_is_not_cached_and_not_looked_for() -> Result<(), DbErr> {
    for (database, place) in crate::support::ALL {
        let world =
            World::with(database, place, |builder| builder.without(book_tag::Entity).without(book::Entity))
                .await;
        world.create_table(tag::Entity).await;
        world.create_table(book::Entity).await;
        let tag = tag::ActiveModel { id: NotSet, word: Set("novel".to_owned()) }.insert(&world.db).await?;
        // A tag takes its links along, whose table is not here.
        let txn = world.db.begin().await?;
        tag.delete(&txn).await?;
        txn.commit().await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (saved, _, trips) = world.cost(titled("Emma").insert(&world.db)).await;
        let saved = saved?;
        assert_eq!(trips, 0);
        let (read, sql, trips) = world.cost(cache.get(saved.id)).await;
        assert_eq!((read?, sql, trips), (saved, 1, 0));
        let bulk = book::Entity::delete_many().exec(&world.db);
        let (deleted, _, trips) = world.cost(bulk).await;
        assert_eq!((deleted?.rows_affected, trips), (1, 0));
    }
    Ok(())
}
