//! Entities that differ in what they say of their cache.

macro_rules! set {
    ($name:ident, $table:literal, { $($cached:tt)* }) => {
        entity! {
            $name, $table,
            { #[sea_orm(primary_key)] id: i64, note: String, },
            { impl CachedEntity for Entity { $($cached)* } connect_signals!(ActiveModel); }
        }
    };
}

set!(fleeting, "fleeting", {
    const TTL: Option<Duration> = Some(Duration::from_secs(50));
    const TOMBSTONE_TTL: Option<Duration> = Some(Duration::from_secs(5));
});
set!(never, "never", {
    const TTL: Option<Duration> = Some(Duration::ZERO);
});
set!(forever, "forever", {
    const TTL: Option<Duration> = Some(Duration::MAX);
});
set!(living, "living", {
    const TOMBSTONE_TTL: Option<Duration> = Some(Duration::ZERO);
});
set!(elsewhere, "elsewhere", {
    const BACKEND: &'static str = "other";
});
set!(labelled, "labelled", {
    const APP_LABEL: Option<&'static str> = Some("label");
});
set!(renamed, "renamed", {
    fn model_name() -> std::borrow::Cow<'static, str> {
        "another name".into()
    }
});
