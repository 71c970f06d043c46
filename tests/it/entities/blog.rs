//! Related entities, as SeaORM's nested saves want them.

use sea_orm::{ConnectionTrait, Schema};

macro_rules! related {
    ($name:ident, $table:literal, { $($fields:tt)* }) => {
        #[allow(dead_code)]
        pub mod $name {
            use sea_orm::entity::prelude::*;
            use sea_orm_autocache::prelude::*;

            #[sea_orm::model]
            #[derive(
                Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize, serde::Deserialize,
            )]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($fields)*
            }

            impl CachedEntity for Entity {}
            connect_signals!(ActiveModel);
        }
    };
}

related!(writer, "writer", {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub name: String,
    #[sea_orm(has_one)]
    pub licence: HasOne<super::licence::Entity>,
    #[sea_orm(has_many)]
    pub posts: HasMany<super::post::Entity>,
});
related!(licence, "licence", {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub number: String,
    #[sea_orm(unique)]
    pub writer_id: i32,
    #[sea_orm(belongs_to, from = "writer_id", to = "id")]
    pub writer: BelongsTo<super::writer::Entity>,
});
related!(post, "post", {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub writer_id: i32,
    pub title: String,
    #[sea_orm(belongs_to, from = "writer_id", to = "id")]
    pub writer: BelongsTo<super::writer::Entity>,
    #[sea_orm(has_many)]
    pub photos: HasMany<super::photo::Entity>,
    #[sea_orm(has_many, via = "post_tag")]
    pub tags: HasMany<super::tag::Entity>,
});
related!(photo, "photo", {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub post_id: Option<i32>,
    pub file: String,
    #[sea_orm(belongs_to, from = "post_id", to = "id")]
    pub post: BelongsTo<Option<super::post::Entity>>,
});
related!(tag, "tag", {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub word: String,
    #[sea_orm(has_many, via = "post_tag")]
    pub posts: HasMany<super::post::Entity>,
});
related!(post_tag, "post_tag", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub tag_id: i32,
    #[sea_orm(belongs_to, from = "post_id", to = "id")]
    pub post: BelongsTo<super::post::Entity>,
    #[sea_orm(belongs_to, from = "tag_id", to = "id")]
    pub tag: BelongsTo<super::tag::Entity>,
});

/// Creates all tables, with the foreign keys that the relations say.
pub async fn create_tables<C: ConnectionTrait>(db: &C) {
    let schema = Schema::new(db.get_database_backend());
    let tables = [
        schema.create_table_from_entity(writer::Entity),
        schema.create_table_from_entity(licence::Entity),
        schema.create_table_from_entity(post::Entity),
        schema.create_table_from_entity(photo::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(post_tag::Entity),
    ];
    for table in tables {
        db.execute(&table).await.expect("a table");
    }
}
