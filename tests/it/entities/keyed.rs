//! One entity for each kind of primary key, and with keys of their own making.

use sea_orm::sea_query::StringLen;

macro_rules! keyed {
    ($name:ident, $table:literal, $(#[$attr:meta])* $key:ty) => {
        entity! {
            $name, $table,
            { #[sea_orm(primary_key, auto_increment = false)] $(#[$attr])* id: $key, note: String, },
            { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
        }
    };
}

keyed!(small, "small", i32);
keyed!(big, "big", i64);
keyed!(unsigned, "unsigned_key", u32);
keyed!(unique, "unique_key", Uuid);
keyed!(word, "word", String);
keyed!(
    essay,
    "essay",
    #[sea_orm(column_type = "Text")]
    String
);
keyed!(blob, "blob_key", Vec<u8>);
keyed!(mood, "mood", crate::entities::keyed::Mood);

#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Mood {
    #[sea_orm(string_value = "glad")]
    Glad,
    #[sea_orm(string_value = "sad: very")]
    Sad,
}

entity! {
    shelf, "shelf",
    {
        #[sea_orm(primary_key, auto_increment = false)] room: String,
        #[sea_orm(primary_key, auto_increment = false)] label: String,
        #[sea_orm(primary_key, auto_increment = false)] number: i32,
        note: String,
    },
    { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
}

entity! {
    hashed, "hashed",
    { #[sea_orm(primary_key)] id: i64, note: String, },
    {
        impl CachedEntity for Entity {
            fn make_key(key: &KeyParts<'_>) -> String {
                use sha2::{Digest, Sha256};
                Sha256::digest(key.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
        connect_signals!(ActiveModel);
    }
}

entity! {
    versioned, "versioned",
    { #[sea_orm(primary_key)] id: i64, note: String, },
    {
        impl CachedEntity for Entity {
            const CACHE_VERSION: u32 = 3;
            fn make_key(key: &KeyParts<'_>) -> String {
                format!("{key}:v{}", key.version())
            }
        }
        connect_signals!(ActiveModel);
    }
}

entity! {
    /// All rows share one key.
    colliding, "colliding",
    { #[sea_orm(primary_key)] id: i64, note: String, },
    {
        impl CachedEntity for Entity {
            fn make_key(key: &KeyParts<'_>) -> String {
                format!("{}:{}", key.app(), key.model())
            }
        }
        connect_signals!(ActiveModel);
    }
}

entity! {
    /// All rows have one hash tag: one slot of a Redis Cluster holds them.
    tagged, "tagged",
    { #[sea_orm(primary_key)] id: i64, note: String, },
    {
        impl CachedEntity for Entity {
            fn make_key(key: &KeyParts<'_>) -> String {
                format!("{{{}:{}}}:{}", key.app(), key.model(), key.pk())
            }
        }
        connect_signals!(ActiveModel);
    }
}
