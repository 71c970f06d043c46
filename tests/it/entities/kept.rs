//! Rows that belong to others by keys of several kinds: keepers and pets by integers of two widths, and boxes
//! and cups by an enum and a number.

use crate::entities::values::{Size, Tea};
use sea_orm::entity::prelude::*;

macro_rules! kept {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $kind:ty,)* },
     { $($(#[$rel:meta])* $relation:ident to $target:ident,)* }, { $($indexes:tt)* }) => {
        pub mod $name {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm_autocache::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($(#[$attr])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {
                $($(#[$rel])* $relation,)*
            }

            $(impl Related<super::$target::Entity> for Entity {
                fn to() -> RelationDef { Relation::$relation.def() }
            })*

            impl CachedEntity for Entity {
                fn indexes() -> Vec<Index<Self>> { vec![$($indexes)*] }
            }
            connect_signals!(ActiveModel);
        }
    };
}

kept!(keeper, "kept_keeper", {
    #[sea_orm(primary_key, auto_increment = false)] id: i64,
    code: i64, level: i64, floor: i16, active: bool, name: String,
}, {
    #[sea_orm(has_many = "super::pet::Entity")] Pet to pet,
}, {
    Index::unique([Column::Code]).exact(),
    Index::many([Column::Level]),
    Index::many([Column::Floor]),
    Index::many([Column::Active]),
    Index::many([Column::Name]),
});

// Its keeper's key is of fewer bits than the column it points to.
kept!(pet, "kept_pet", {
    #[sea_orm(primary_key, auto_increment = false)] id: i64,
    keeper_id: i32, name: String,
}, {
    #[sea_orm(belongs_to = "super::keeper::Entity", from = "Column::KeeperId", to = "super::keeper::Column::Id")]
    Keeper to keeper,
}, {});

macro_rules! boxes {
    ($box:ident, $box_table:literal, $cup:ident, $cup_table:literal, $path:literal, $cups:literal, $columns:literal, $kind:ty) => {
        kept!($box, $box_table, {
            #[sea_orm(primary_key, auto_increment = false)] kind: $kind,
            #[sea_orm(primary_key, auto_increment = false)] number: i32,
            shelf: i64, note: String,
        }, {
            #[sea_orm(has_many = $cups)] Cup to $cup,
        }, {
            Index::many([Column::Shelf]),
            Index::many([Column::Kind]),
        });

        kept!($cup, $cup_table, {
            #[sea_orm(primary_key, auto_increment = false)] id: i64,
            kind: $kind, number: i32, name: String,
        }, {
            #[sea_orm(belongs_to = $path, from = "(Column::Kind, Column::Number)", to = $columns)]
            Box to $box,
        }, {});
    };
}

boxes!(
    tea_box,
    "kept_tea_box",
    tea_cup,
    "kept_tea_cup",
    "super::tea_box::Entity",
    "super::tea_cup::Entity",
    "(super::tea_box::Column::Kind, super::tea_box::Column::Number)",
    Tea
);
boxes!(
    size_box,
    "kept_size_box",
    size_cup,
    "kept_size_cup",
    "super::size_box::Entity",
    "super::size_cup::Entity",
    "(super::size_box::Column::Kind, super::size_box::Column::Number)",
    Size
);
