//! Entities whose serde attributes leave out, add or change what a row is.

use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

macro_rules! shaped {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $kind:ty,)* }) => {
        pub mod $name {
            #[allow(unused_imports)]
            use super::*;
            use sea_orm_autocache::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key)]
                pub id: i64,
                $($(#[$attr])* pub $field: $kind,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl CachedEntity for Entity {}
            connect_signals!(ActiveModel);
        }
    };
}

shaped!(note, "shaped_note", { body: Option<Json>, });

shaped!(pair, "shaped_pair", {
    #[serde(default, skip_serializing_if = "Option::is_none")] first: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")] second: Option<String>,
});

shaped!(member, "shaped_member", {
    name: String,
    #[serde(skip)] is_admin: bool,
    #[serde(skip_serializing)] password_hash: String,
    #[serde(rename = "name_again", default)] nickname: Option<String>,
});

shaped!(event, "shaped_event", {
    #[serde(with = "whole_seconds")] at: DateTimeUtc,
});

/// Moments as seconds, without their fractions.
mod whole_seconds {
    use sea_orm::prelude::DateTimeUtc;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &DateTimeUtc, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.timestamp())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTimeUtc, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        DateTimeUtc::from_timestamp(seconds, 0).ok_or_else(|| serde::de::Error::custom("no moment"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cents(pub i64);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording(pub String);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(untagged)]
pub enum Price {
    Exact(Cents),
    Described(Wording),
}

shaped!(offer, "shaped_offer", { price: Price, before: Option<Price>, });

/// What a profile was before a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct OldProfile {
    pub city: String,
    pub street: String,
}

/// What it is since: its fields in another order, and a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct NewProfile {
    pub street: String,
    #[serde(default)]
    pub floor: i32,
    pub city: String,
}

shaped!(old_person, "shaped_person", { profile: OldProfile, });
shaped!(new_person, "shaped_person", { profile: NewProfile, });

shaped!(draft, "shaped_draft", {
    title: String,
    #[sea_orm(ignore)] words: u32,
    #[sea_orm(ignore)] #[serde(skip)] checked: Option<bool>,
});
