//! The servers of the crate's own tests: on free ports, in folders of their own, gone with this process.
#![allow(dead_code, reason = "the tests use all of it")]

#[path = "../../../../tests/it/support/cluster.rs"]
mod cluster;
#[path = "../../../../tests/it/support/process.rs"]
mod process;
#[path = "../../../../tests/it/support/reshard.rs"]
mod reshard;
#[path = "../../../../tests/it/support/resp.rs"]
mod resp;
#[path = "../../../../tests/it/support/servers.rs"]
mod start;

pub use cluster::{Cluster, slot_of};
pub use process::fresh_folder;
pub use resp::ask;
pub use start::Redis;
// As the others call it.
use start as servers;
