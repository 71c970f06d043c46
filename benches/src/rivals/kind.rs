//! Which rivals there are, and where each of them keeps rows.

/// Rivals of one class are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// No cache.
    Database,
    /// Rows in Redis, shared by processes.
    Redis,
    /// Rows in the memory of the process.
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AutocacheRedis,
    AutocacheRedisRs,
    FredByHand,
    RedisByHand,
    CachedRedis,
    HitboxRedis,
    Postgres,
    AutocacheMemory,
    BareMoka,
    MokaByHand,
    CachedMemory,
    HitboxMoka,
    Hydracache,
    Sqlite,
}

impl Kind {
    pub const ALL: [Self; 14] = [
        Self::AutocacheRedis,
        Self::AutocacheRedisRs,
        Self::FredByHand,
        Self::RedisByHand,
        Self::CachedRedis,
        Self::HitboxRedis,
        Self::Postgres,
        Self::AutocacheMemory,
        Self::BareMoka,
        Self::MokaByHand,
        Self::CachedMemory,
        Self::HitboxMoka,
        Self::Hydracache,
        Self::Sqlite,
    ];

    /// Its name in tables and plots.
    pub fn name(self) -> &'static str {
        match self {
            Self::AutocacheRedis => "autocache, Redis",
            Self::AutocacheRedisRs => "autocache, Redis by redis-rs",
            Self::FredByHand => "limit: fred + rmp by hand",
            Self::RedisByHand => "redis + serde_json by hand",
            Self::CachedRedis => "cached, Redis",
            Self::HitboxRedis => "hitbox, Redis",
            Self::Postgres => "no cache, Postgres",
            Self::AutocacheMemory => "autocache, memory",
            Self::BareMoka => "limit: bare moka get",
            Self::MokaByHand => "moka try_get_with",
            Self::CachedMemory => "cached, memory",
            Self::HitboxMoka => "hitbox, moka",
            Self::Hydracache => "hydracache",
            Self::Sqlite => "no cache, SQLite",
        }
    }

    pub fn class(self) -> Class {
        match self {
            Self::Postgres | Self::Sqlite => Class::Database,
            Self::AutocacheRedis
            | Self::AutocacheRedisRs
            | Self::FredByHand
            | Self::RedisByHand
            | Self::CachedRedis
            | Self::HitboxRedis => Class::Redis,
            _ => Class::Memory,
        }
    }

    /// What cannot be beaten by anything that does more.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::FredByHand | Self::BareMoka)
    }

    /// This crate in one of its forms.
    pub fn is_own(self) -> bool {
        matches!(self, Self::AutocacheRedis | Self::AutocacheRedisRs | Self::AutocacheMemory)
    }

    pub fn number(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn of(class: Class) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |kind| kind.class() == class)
    }

    /// The rows shared by processes, and what they are read from without a cache.
    pub fn on_servers() -> Vec<Self> {
        Self::of(Class::Redis).chain([Self::Postgres]).collect()
    }
}
