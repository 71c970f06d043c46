//! Entities whose serde attributes do not give back what they were given.

macro_rules! unfaithful {
    ($name:ident, $table:literal, $(#[$attr:meta])*) => {
        entity! {
            $name, $table,
            { #[sea_orm(primary_key)] id: i64, $(#[$attr])* secret: Option<String>, note: String, },
            { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
        }
    };
}

unfaithful!(skipped, "skipped", #[serde(skip)]);
unfaithful!(one_way, "one_way", #[serde(skip_serializing, default)]);
unfaithful!(masked, "masked", #[serde(serialize_with = "crate::entities::unfaithful::mask")]);
unfaithful!(shortened, "shortened", #[serde(skip_serializing_if = "Option::is_none", default)]);

pub fn mask<S: serde::Serializer>(_: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some("***")
}
