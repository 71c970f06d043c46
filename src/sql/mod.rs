//! What the text of a statement says, as far as the cache must know it: which table it writes to, which rows
//! it is about, what it sets.
//!
//! One [`Scanner`](scanner::Scanner) cuts a text into tokens and refuses what one database reads differently
//! from another. What it refuses, and what is not of one of the usual forms, is not interpreted: a write
//! without a known table counts as a write to every table that it mentions.
//!
//! A parser of all of SQL, such as the crate `sqlparser`, takes tens of microseconds for a statement, and its
//! share of every build; the forms that matter here are few.

mod condition;
mod insert;
mod scanner;
mod select;
mod token;
mod write;

pub(crate) use condition::Rows;
pub(crate) use insert::{Inserted, is_empty_insert, upsert_sets};
pub(crate) use select::only_reads;
pub(crate) use write::{ParsedWrite, Verb};
