//! What tests stand on: servers, databases, an Autocache over them, and counters.

// The torture test uses the rest of those with unused parts.
#[allow(dead_code)]
pub mod cluster;
pub mod load;
pub mod log;
#[allow(dead_code)]
pub mod process;
#[allow(dead_code)]
pub mod proxy;
#[allow(dead_code)]
pub mod reshard;
#[allow(dead_code)]
pub mod resp;
pub mod scattered;
#[allow(dead_code)]
pub mod sentinel;
#[allow(dead_code)]
pub mod servers;
pub mod spans;
#[cfg(feature = "tls-rustls-ring")]
pub mod tls;
pub mod world;

pub use cluster::{Cluster, shared_cluster};
pub use load::Load;
pub use log::Log;
pub use proxy::Proxy;
pub use sentinel::Sentinels;
pub use servers::{Redis, shared_redis, with_client};
pub use spans::{Seen, Spans};
pub use world::{ALL, Database, Place, World, builder, each_world, patient_store, redis_client};
