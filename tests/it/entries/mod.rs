//! Entries: their bytes, and what happens to bytes that are none.

mod alike;
mod hostile;
mod schemas;
mod serde;
mod undecodable;
mod values;
mod values_of_one_database;

pub use alike::create_table;
