#[path = "../it/support/process.rs"]
pub mod process;
#[path = "../it/support/proxy.rs"]
pub mod proxy;
#[path = "../it/support/servers.rs"]
pub mod servers;
