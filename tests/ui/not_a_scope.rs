//! A bulk write on a connection that does not tell the cache when it commits.

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
    connect_signals!(ActiveModel);
}

async fn clear(db: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> {
    use sea_orm::EntityTrait;
    use sea_orm_autocache::prelude::*;
    book::Entity::delete_many().exec_cached(db).await?;
    Ok(())
}

fn main() {
    let _ = clear;
}
