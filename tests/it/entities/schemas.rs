//! One table, as several versions of a program see it.

macro_rules! pen {
    ($name:ident, { $($fields:tt)* }, { $($cached:tt)* }) => {
        entity! {
            $name, "pen",
            { #[sea_orm(primary_key)] id: i64, $($fields)* },
            { impl CachedEntity for Entity { $($cached)* } connect_signals!(ActiveModel); }
        }
    };
}

pen!(pen, { ink: String, nibs: i32, }, {});
pen!(quill, { ink: String, nibs: i32, }, {});
pen!(wider, { ink: String, nibs: i32, maker: Option<String>, }, {});
pen!(longer, { ink: String, nibs: i64, }, {});
pen!(reordered, { nibs: i32, ink: String, }, {});
pen!(raised, { ink: String, nibs: i32, }, { const CACHE_VERSION: u32 = 1; });

entity! {
    /// Every kind of column.
    sample, "sample",
    {
        #[sea_orm(primary_key)] id: i64,
        flag: bool,
        small: i16,
        whole: i32,
        real: f64,
        single: f32,
        text: String,
        maybe: Option<String>,
        number: Option<i64>,
        bytes: Vec<u8>,
        uuid: Uuid,
        json: Json,
        #[sea_orm(column_type = "Decimal(Some((16, 4)))")] price: Decimal,
        date: Date,
        time: Time,
        moment: DateTime,
        instant: DateTimeUtc,
        mood: crate::entities::keyed::Mood,
    },
    { impl CachedEntity for Entity {} connect_signals!(ActiveModel); }
}
