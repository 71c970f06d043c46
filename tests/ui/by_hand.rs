//! Hooks by hand may forget a signal, and the entity would not be registered.

mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    impl SignalsConnected for ActiveModel {}
    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
