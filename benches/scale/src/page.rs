//! The tables of the guide's pages are those that are printed.

use crate::tables::Table;
use std::{fs, io};

/// What a page has under the header of this table, up to the first line that is of no table.
fn found<'a>(page: &'a str, table: &Table) -> Option<&'a str> {
    let header = table.header();
    let start = page.find(&format!("\n{header}\n"))? + 1;
    let length: usize =
        page[start..].lines().take_while(|line| line.starts_with('|')).map(|line| line.len() + 1).sum();
    Some(&page[start..(start + length).min(page.len())])
}

/// Says which tables are missing on these pages, or differ.
///
/// # Errors
/// A page cannot be read.
pub fn differences(paths: &[&str], tables: &[Table]) -> io::Result<Vec<String>> {
    let pages: Vec<String> = paths.iter().map(fs::read_to_string).collect::<io::Result<_>>()?;
    let differ = |table: &Table| match pages.iter().find_map(|page| found(page, table)) {
        None => Some(format!("{} lack this table:\n{table}", paths.join(", "))),
        Some(text) if text == table.to_string() => None,
        Some(text) => Some(format!("there is\n{text}where this is computed:\n{table}")),
    };
    Ok(tables.iter().filter_map(differ).collect())
}

/// Puts the tables in the place of those with the same headers.
///
/// # Errors
/// A page cannot be read or written.
pub fn write(paths: &[&str], tables: &[Table]) -> io::Result<()> {
    for path in paths {
        let mut page = fs::read_to_string(path)?;
        for table in tables {
            if let Some(text) = found(&page, table).map(str::to_owned) {
                page = page.replace(&text, &table.to_string());
            }
        }
        fs::write(path, page)?;
    }
    Ok(())
}
