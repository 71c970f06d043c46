//! The servers of the crate's own tests: on free ports, in folders of their own, gone with this process.
#![allow(dead_code, reason = "the tests use all of it")]

#[path = "../../../../tests/it/support/process.rs"]
mod process;
#[path = "../../../../tests/it/support/servers.rs"]
mod start;

pub use process::fresh_folder;
pub use start::Redis;
