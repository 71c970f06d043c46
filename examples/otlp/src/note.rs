use sea_orm::entity::prelude::*;
use sea_orm_autocache::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "note")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub text: String,
}

impl CachedEntity for Entity {}
connect_signals!(ActiveModel);
