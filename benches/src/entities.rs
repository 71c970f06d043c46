//! The tables that every rival reads and writes.

/// A parent of books.
pub mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::book::Entity")]
        Book,
    }

    impl Related<super::book::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Book.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// The row that is cached: some columns of usual types, and a body that gives it its size.
pub mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm::{ActiveValue, Set};
    use sea_orm_autocache::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(indexed)]
        pub author_id: i64,
        /// Raised by every write, so that a read can be told from one of an older row.
        pub version: i64,
        pub title: String,
        pub pages: i32,
        pub in_print: bool,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id"
        )]
        Author,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);

    /// What a write of one row changes.
    pub fn with_version(id: i64, version: i64) -> ActiveModel {
        ActiveModel { id: ActiveValue::Unchanged(id), version: Set(version), ..Default::default() }
    }
}
