//! The tables of a page are those that are printed.

use crate::tables::Table;
use std::path::Path;
use std::{fs, io};

/// What a page has under the header of this table, up to the first line that is of no table.
fn found<'a>(page: &'a str, table: &Table) -> Option<&'a str> {
    let header = table.header();
    let start = page.find(&format!("\n{header}\n"))? + 1;
    let length: usize =
        page[start..].lines().take_while(|line| line.starts_with('|')).map(|line| line.len() + 1).sum();
    Some(&page[start..(start + length).min(page.len())])
}

/// Says which tables are missing or differ.
///
/// # Errors
/// The page cannot be read.
pub fn differences(path: &Path, tables: &[Table]) -> io::Result<Vec<String>> {
    let page = fs::read_to_string(path)?;
    let differ = |table: &Table| match found(&page, table) {
        None => Some(format!("{} lacks this table:\n{table}", path.display())),
        Some(text) if text == table.to_string() => None,
        Some(text) => Some(format!("{} has\n{text}where this is computed:\n{table}", path.display())),
    };
    Ok(tables.iter().filter_map(differ).collect())
}

/// Puts the tables in the place of those with the same headers.
///
/// # Errors
/// The page cannot be read or written, or lacks a table.
pub fn write(path: &Path, tables: &[Table]) -> io::Result<()> {
    let mut page = fs::read_to_string(path)?;
    for table in tables {
        let lacks = || io::Error::other(format!("{} lacks this table:\n{table}", path.display()));
        let text = found(&page, table).ok_or_else(lacks)?.to_owned();
        page = page.replace(&text, &table.to_string());
    }
    fs::write(path, page)
}
