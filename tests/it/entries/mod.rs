//! Entries: their bytes, and what happens to bytes that are none.

mod fidelity;
mod format;
mod schemas;
mod undecodable;
