//! The bookshop of the examples: authors, their books, their editors, and the volumes they came in.

#![allow(dead_code)]

use sea_orm::{ConnectionTrait, DbErr, Schema};

/// Creates all tables.
pub async fn create_tables<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    for create in [
        schema.create_table_from_entity(author::Entity),
        schema.create_table_from_entity(book::Entity),
        schema.create_table_from_entity(volume::Entity),
        schema.create_table_from_entity(editor::Entity),
        schema.create_table_from_entity(book_editor::Entity),
    ] {
        db.execute(&create).await?;
    }
    Ok(())
}

pub mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key)]
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

pub mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm::sea_query::Order;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
        pub author_id: i64,
        pub rank: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id",
            on_delete = "Cascade"
        )]
        Author,
        #[sea_orm(has_many = "super::volume::Entity")]
        Volume,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl Related<super::volume::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Volume.def()
        }
    }

    // Many to many, through the junction.
    impl Related<super::editor::Entity> for Entity {
        fn to() -> RelationDef {
            super::book_editor::Relation::Editor.def()
        }

        fn via() -> Option<RelationDef> {
            Some(super::book_editor::Relation::Book.def().rev())
        }
    }

    impl CachedEntity for Entity {
        // The columns of relations are indexed by themselves; this one is named for its order.
        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::AuthorId]).order_by(Column::Rank, Order::Asc)]
        }
    }
    connect_signals!(ActiveModel);
}

pub mod volume {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "volume")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub book_id: i64,
        pub number: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::book::Entity",
            from = "Column::BookId",
            to = "super::book::Column::Id",
            on_delete = "Cascade"
        )]
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

pub mod editor {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "editor")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl Related<super::book::Entity> for Entity {
        fn to() -> RelationDef {
            super::book_editor::Relation::Book.def()
        }

        fn via() -> Option<RelationDef> {
            Some(super::book_editor::Relation::Editor.def().rev())
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

pub mod book_editor {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book_editor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub book_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub editor_id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::book::Entity",
            from = "Column::BookId",
            to = "super::book::Column::Id",
            on_delete = "Cascade"
        )]
        Book,
        #[sea_orm(
            belongs_to = "super::editor::Entity",
            from = "Column::EditorId",
            to = "super::editor::Column::Id",
            on_delete = "Cascade"
        )]
        Editor,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}
