//! What the text of a statement says, as far as the cache must know it: which tables it writes to, which rows
//! it is about, what it sets.
//!
//! The crate `sqlparser` reads each distinct text once, in the database's own dialect. A text that it does not
//! understand counts as a write to every table that it mentions.

mod cache;
mod condition;
mod long;
mod named;
mod parse;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use cache::{only_reads, sets_session, shape_of};
pub(crate) use condition::Rows;
pub(crate) use named::Equals;
pub(crate) use shape::{Control, Shape, TableWrite, Verb, value_of};

/// Whether the text has this word, in any case: databases do not agree on what case means. Of characters beyond
/// ASCII only letters are part of a word here: a mention too many does no harm.
pub(crate) fn mentions(sql: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let parts = sql.as_bytes().windows(word.len().max(1)).enumerate();
    let mut found = parts.filter(|(_, part)| part.eq_ignore_ascii_case(word.as_bytes()));
    found.any(|(at, part)| {
        let before = sql.get(..at).and_then(|before| before.chars().next_back());
        let after = sql.get(at + part.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
