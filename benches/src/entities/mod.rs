//! The tables that every rival reads and writes.

pub mod author;
pub mod book;
