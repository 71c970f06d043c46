//! Entries: their bytes, and what happens to bytes that are none.

mod schemas;
mod undecodable;
