//! Related entities in the plain format: authors, books, editors, tags, shelves and branches.

use sea_orm::sea_query::Order;
use sea_orm::{ConnectionTrait, Schema};

/// An entity with relations and indexes.
macro_rules! related {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $kind:ty,)* },
     { $($(#[$rel:meta])* $relation:ident,)* },
     { $($target:ident: $to:expr $(, via $via:expr)?;)* },
     { $($indexes:tt)* } $(, { $($said:tt)* })?) => {
        pub mod $name {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm::entity::prelude::*;
            use sea_orm_autocache::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($(#[$attr])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {
                $($(#[$rel])* $relation,)*
            }

            $(impl Related<super::$target::Entity> for Entity {
                fn to() -> RelationDef { $to }
                $(fn via() -> Option<RelationDef> { Some($via) })?
            })*

            impl CachedEntity for Entity {
                $($($said)*)?

                fn indexes() -> Vec<Index<Self>> { vec![$($indexes)*] }
            }
            connect_signals!(ActiveModel);
        }
    };
}

related!(author, "lib_author", {
    #[sea_orm(primary_key)] id: i64, name: String, country: Option<String>,
}, {
    #[sea_orm(has_many = "super::book::Entity")] Book,
    #[sea_orm(has_one = "super::desk::Entity")] Desk,
    #[sea_orm(belongs_to = "super::country::Entity", from = "Column::Country", to = "super::country::Column::Code")]
    Country,
}, {
    book: Relation::Book.def();
    desk: Relation::Desk.def();
    country: Relation::Country.def();
}, {}, {});

related!(book, "lib_book", {
    #[sea_orm(primary_key)] id: i64, title: String, isbn: String, author_id: i64, editor_id: Option<i64>, rank: i32,
}, {
    #[sea_orm(belongs_to = "super::author::Entity", from = "Column::AuthorId", to = "super::author::Column::Id", on_delete = "Cascade")]
    Author,
    #[sea_orm(belongs_to = "super::author::Entity", from = "Column::EditorId", to = "super::author::Column::Id", on_delete = "SetNull")]
    Editor,
    #[sea_orm(has_many = "super::page::Entity")] Page,
}, {
    author: Relation::Author.def();
    page: Relation::Page.def();
    tag: book_tag::Relation::Tag.def(), via book_tag::Relation::Book.def().rev();
}, {
    Index::unique([Column::Isbn]).exact(),
    Index::many([Column::AuthorId]).order_by(Column::Rank, Order::Desc),
    Index::many([Column::AuthorId, Column::Rank]),
});

related!(page, "lib_page", {
    #[sea_orm(primary_key)] id: i64, book_id: i64, text: String,
}, {
    #[sea_orm(belongs_to = "super::book::Entity", from = "Column::BookId", to = "super::book::Column::Id", on_delete = "Cascade")]
    Book,
}, {
    book: Relation::Book.def();
}, {});

related!(tag, "lib_tag", {
    #[sea_orm(primary_key)] id: i64, word: String,
}, {}, {
    book: book_tag::Relation::Book.def(), via book_tag::Relation::Tag.def().rev();
}, {});

related!(book_tag, "lib_book_tag", {
    #[sea_orm(primary_key, auto_increment = false)] book_id: i64,
    #[sea_orm(primary_key, auto_increment = false)] tag_id: i64,
}, {
    #[sea_orm(belongs_to = "super::book::Entity", from = "Column::BookId", to = "super::book::Column::Id", on_delete = "Cascade")]
    Book,
    #[sea_orm(belongs_to = "super::tag::Entity", from = "Column::TagId", to = "super::tag::Column::Id", on_delete = "Cascade")]
    Tag,
}, {}, {});

// One to one: an author has one desk.
related!(desk, "lib_desk", {
    #[sea_orm(primary_key)] id: i64, #[sea_orm(unique)] author_id: i64, wood: String,
}, {
    #[sea_orm(belongs_to = "super::author::Entity", from = "Column::AuthorId", to = "super::author::Column::Id")]
    Author,
}, {
    author: Relation::Author.def();
}, {});

// Pointed to by a unique column that is not the primary key.
related!(country, "lib_country", {
    #[sea_orm(primary_key)] id: i64, #[sea_orm(unique)] code: String,
}, {
    #[sea_orm(has_many = "super::author::Entity")] Author,
}, {
    author: Relation::Author.def();
}, {
    Index::unique([Column::Code]).exact(),
});

// A tree.
related!(node, "lib_node", {
    #[sea_orm(primary_key)] id: i64, parent_id: Option<i64>, name: String,
}, {
    #[sea_orm(belongs_to = "Entity", from = "Column::ParentId", to = "Column::Id", on_delete = "Cascade")]
    Parent,
}, {}, {});

// Composite keys: a shelf of a branch, and what stands on it.
related!(shelf, "lib_shelf", {
    #[sea_orm(primary_key, auto_increment = false)] branch: i64,
    #[sea_orm(primary_key, auto_increment = false)] number: i64,
    label: String,
}, {
    #[sea_orm(has_many = "super::item::Entity")] Item,
}, {
    item: Relation::Item.def();
}, {});
related!(item, "lib_item", {
    #[sea_orm(primary_key)] id: i64, branch: i64, shelf: i64, name: String,
}, {
    #[sea_orm(belongs_to = "super::shelf::Entity", from = "(Column::Branch, Column::Shelf)", to = "(super::shelf::Column::Branch, super::shelf::Column::Number)")]
    Shelf,
}, {
    shelf: Relation::Shelf.def();
}, {});

/// Creates all tables, with the foreign keys that the relations say.
pub async fn create_tables<C: ConnectionTrait>(db: &C) {
    let schema = Schema::new(db.get_database_backend());
    let tables = [
        schema.create_table_from_entity(country::Entity),
        schema.create_table_from_entity(author::Entity),
        schema.create_table_from_entity(book::Entity),
        schema.create_table_from_entity(page::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(book_tag::Entity),
        schema.create_table_from_entity(desk::Entity),
        schema.create_table_from_entity(node::Entity),
        schema.create_table_from_entity(shelf::Entity),
        schema.create_table_from_entity(item::Entity),
    ];
    for table in tables {
        db.execute(&table).await.expect("a table");
    }
}

/// Declared as never cached.
pub mod uncached {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "lib_uncached")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub kind: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {
        const TTL: Option<Duration> = Some(Duration::ZERO);

        fn indexes() -> Vec<Index<Self>> {
            vec![Index::many([Column::Kind])]
        }
    }
    connect_signals!(ActiveModel);
}
