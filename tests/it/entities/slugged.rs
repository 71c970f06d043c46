//! An entity whose database fills a column in, and whose rows are looked up by it.

use crate::support::{Database, World};
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "slugged")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub title: String,
    pub slug: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl CachedEntity for Entity {
    fn indexes() -> Vec<Index<Self>> {
        vec![Index::unique([Column::Slug]).exact()]
    }
}
connect_signals!(ActiveModel);

/// A table in which `slug` is the title in small letters: a generated column, or the work of a trigger.
pub async fn create_table(world: &World) {
    let statements: &[&str] = match world.database {
        Database::Sqlite => {
            &["CREATE TABLE slugged (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, \
             slug TEXT GENERATED ALWAYS AS (lower(title)) VIRTUAL)"]
        }
        Database::MariaDb => {
            &["CREATE TABLE slugged (id BIGINT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(50) NOT NULL, \
             slug VARCHAR(50) GENERATED ALWAYS AS (lower(title)) STORED)"]
        }
        Database::Postgres => &[
            "CREATE TABLE slugged (id BIGSERIAL PRIMARY KEY, title TEXT NOT NULL, slug TEXT)",
            "CREATE FUNCTION set_slug() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN NEW.slug = lower(NEW.title); RETURN NEW; END $$",
            "CREATE TRIGGER set_slug BEFORE INSERT OR UPDATE ON slugged FOR EACH ROW EXECUTE FUNCTION set_slug()",
        ],
    };
    for statement in statements {
        world.plain.execute_unprepared(statement).await.expect("a table");
    }
}
