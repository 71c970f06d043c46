// The entities of the guide's examples.

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
        pub isbn: String,
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
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl CachedEntity for Entity {
        fn indexes() -> Vec<Index<Self>> {
            vec![
                Index::unique([Column::Isbn]),
                Index::many([Column::AuthorId]).order_by(Column::Rank, Order::Asc),
            ]
        }
    }
    connect_signals!(ActiveModel);
}
