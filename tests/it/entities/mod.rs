//! Entities of the tests.

/// An entity without relations, and what it says of its cache.
macro_rules! entity {
    ($(#[$doc:meta])* $name:ident, $table:literal,
     { $($(#[$attr:meta])* $field:ident: $kind:ty,)* }, { $($cached:tt)* }) => {
        $(#[$doc])*
        #[allow(unused_imports)]
        pub mod $name {
            use sea_orm::entity::prelude::*;
            use sea_orm_autocache::prelude::*;
            use std::time::Duration;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($(#[$attr])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            $($cached)*
        }
    };
}

pub mod address;
pub mod blog;
pub mod hooked;
pub mod kept;
pub mod keyed;
pub mod library;
pub mod mixed;
pub mod schemas;
pub mod settings;
pub mod shaped;
pub mod slugged;
pub mod twins;
pub mod values;

entity! {
    book, "book",
    { #[sea_orm(primary_key)] id: i64, title: String, rank: i32, },
    { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
}

entity! {
    author, "author",
    { #[sea_orm(primary_key)] id: i64, name: String, },
    { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
}
