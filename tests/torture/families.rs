//! Rows in lists: children that come, go and move between few parents.

use crate::entities::body_of;
use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use sea_orm_autocache::prelude::*;

/// Few, so that their lists are fought for.
pub const PARENTS: i64 = 3;
/// Children with chosen keys. The database's own begin far above.
pub const CHILDREN: i64 = 8;
pub const FIRST_BORN: i64 = 1_000;

pub mod parent {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "parent")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::child::Entity")]
        Child,
    }

    impl Related<super::child::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Child.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// Rows whose keys the program or the database makes.
pub mod child {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "child")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub parent_id: i64,
        pub rev: i64,
        pub body: String,
        /// The database's copy of `parent_id`: a generated column.
        pub shadow: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::parent::Entity",
            from = "Column::ParentId",
            to = "super::parent::Column::Id"
        )]
        Parent,
    }

    impl Related<super::parent::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Parent.def()
        }
    }

    impl CachedEntity for Entity {
        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::Shadow])]
        }
    }
    connect_signals!(ActiveModel);
}

/// By which call lists are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One list for each call, by the column's value.
    By,
    /// One for each call, from the parent.
    Related,
    /// All lists at once, by the column's values.
    ManyBy,
    /// All at once, from the parents.
    Loader,
    /// One for each call, by a column that no write names.
    Generated,
}

/// The children of these parents.
pub async fn lists(cached: &Autocache, way: Way, parents: &[i64]) -> Result<Vec<Vec<child::Model>>, DbErr> {
    let cache = cached.cache::<child::Entity>();
    let models: Vec<parent::Model> = parents.iter().map(|&id| parent::Model { id }).collect();
    let mut lists = Vec::with_capacity(parents.len());
    match way {
        Way::By => {
            for &id in parents {
                lists.push(cache.list_by(child::Column::ParentId, id).await?);
            }
        }
        Way::Related => {
            for parent in &models {
                lists.push(cached.scope(parent.cached_related(child::Entity)).await?);
            }
        }
        Way::Generated => {
            for &id in parents {
                lists.push(cache.list_by(child::Column::Shadow, id).await?);
            }
        }
        Way::ManyBy => return cache.list_many_by(child::Column::ParentId, parents.to_vec()).await,
        Way::Loader => return cached.scope(models.as_slice().cached_load_many(child::Entity)).await,
    }
    Ok(lists)
}

/// The children of a parent in the database.
pub async fn stored(db: &impl ConnectionTrait, parent: i64) -> Result<Vec<child::Model>, DbErr> {
    child::Entity::find().filter(child::Column::ParentId.eq(parent)).all(db).await
}

/// `None`: the database makes the key.
pub async fn insert(db: &impl ConnectionTrait, id: Option<i64>, parent: i64, rev: i64) -> Result<i64, DbErr> {
    let id = id.map_or(NotSet, Set);
    let row = child::ActiveModel {
        id,
        parent_id: Set(parent),
        rev: Set(rev),
        body: Set(body_of(rev)),
        shadow: NotSet,
    };
    Ok(row.insert(db).await?.id)
}

/// Moves the child to that parent; to none, it stays where it is.
pub async fn update(db: &impl ConnectionTrait, id: i64, parent: Option<i64>, rev: i64) -> Result<(), DbErr> {
    let parent_id = parent.map_or(NotSet, Set);
    let (id, body) = (Unchanged(id), Set(body_of(rev)));
    let row = child::ActiveModel { id, parent_id, rev: Set(rev), body, shadow: NotSet };
    row.update(db).await.map(drop)
}

/// An update, or an insert where there is no row.
pub async fn save(db: &impl ConnectionTrait, id: i64, parent: i64, rev: i64) -> Result<(), DbErr> {
    match update(db, id, Some(parent), rev).await {
        Err(DbErr::RecordNotUpdated) => insert(db, Some(id), parent, rev).await.map(drop),
        other => other,
    }
}

/// The generated column. SQLite adds those that are not stored only, PostgreSQL has no other ones.
pub async fn generate(db: &impl ConnectionTrait) {
    let kind = if db.get_database_backend() == sea_orm::DbBackend::Postgres { "STORED" } else { "VIRTUAL" };
    // In one text, for one connection: another one of SQLite would not have heard of the first change.
    let changes = format!(
        "ALTER TABLE child DROP COLUMN shadow; ALTER TABLE child ADD COLUMN shadow BIGINT GENERATED ALWAYS AS \
         (parent_id) {kind}"
    );
    db.execute_unprepared(&changes).await.expect("another column");
}

/// The parents, and a place for the keys of the database above those that are chosen.
pub async fn settle(db: &impl ConnectionTrait) {
    for id in 1..=PARENTS {
        let parent = format!("INSERT INTO parent (id) VALUES ({id})");
        db.execute_unprepared(&parent).await.expect("a parent");
    }
    let start = match db.get_database_backend() {
        sea_orm::DbBackend::Sqlite => {
            format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('child', {})", FIRST_BORN - 1)
        }
        sea_orm::DbBackend::Postgres => format!("SELECT setval('child_id_seq', {FIRST_BORN}, false)"),
        _ => format!("ALTER TABLE child AUTO_INCREMENT = {FIRST_BORN}"),
    };
    db.execute_unprepared(&start).await.expect("a first key");
}
