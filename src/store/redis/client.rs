//! The clients that a store can speak to Redis with.

/// The client that a store speaks to Redis with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisClient {
    /// fred. The default where it is built in.
    #[cfg(feature = "fred")]
    #[cfg_attr(docsrs, doc(cfg(feature = "fred")))]
    Fred,
    /// redis-rs.
    #[cfg(feature = "redis-rs")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis-rs")))]
    RedisRs,
}

impl RedisClient {
    /// By its name, if it is built in.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            #[cfg(feature = "fred")]
            "fred" => Some(Self::Fred),
            #[cfg(feature = "redis-rs")]
            "redis-rs" => Some(Self::RedisRs),
            _ => None,
        }
    }
}

impl Default for RedisClient {
    fn default() -> Self {
        #[cfg(feature = "fred")]
        let client = Self::Fred;
        #[cfg(not(feature = "fred"))]
        let client = Self::RedisRs;
        client
    }
}
