//! What tests stand on: servers, databases, an Autocache over them, and counters.

pub mod log;
// The torture test uses the rest of these three.
#[allow(dead_code)]
pub mod process;
#[allow(dead_code)]
pub mod proxy;
pub mod scattered;
#[allow(dead_code)]
pub mod servers;
pub mod spans;
pub mod world;

pub use log::Log;
pub use proxy::Proxy;
pub use servers::{Redis, shared_redis};
pub use spans::{Seen, Spans};
pub use world::{ALL, Database, Place, World, builder, each_world, patient_store, redis_client};
