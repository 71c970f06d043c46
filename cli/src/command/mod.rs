//! What each command does.

mod clear;
mod get;
mod keys;
mod stats;
mod watch;

pub use clear::clear;
pub use get::get;
pub use keys::keys;
pub use stats::stats;
pub use watch::{Pace, watch};
