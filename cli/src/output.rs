use crate::failure::Failure;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use std::io::Write;
use std::time::Duration;

/// Standard output: tables, or JSON.
pub struct Output {
    pub json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    pub fn line(&self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(std::io::stdout().lock(), "{}", printable(text))?)
    }

    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(std::io::Error::from)?;
        Ok(writeln!(std::io::stdout().lock(), "{text}")?)
    }

    /// One object on a line of its own.
    pub fn json_line(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
        Ok(writeln!(std::io::stdout().lock(), "{text}")?)
    }

    /// Columns of text, with spaces between them.
    pub fn table(&self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_style(NOTHING);
        if !header.is_empty() {
            table.set_header(header);
        }
        for row in rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        Ok(writeln!(std::io::stdout().lock(), "{table}")?)
    }
}

/// Rows and keys are the data of others: nothing of them reaches the terminal as a command.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

/// A TTL as people say it.
pub fn spoken(ttl_ms: Option<u64>) -> String {
    match ttl_ms.map(Duration::from_millis) {
        None => "never".to_owned(),
        Some(left) if left < Duration::from_secs(10) => format!("{:.1} s", left.as_secs_f64()),
        Some(left) if left < Duration::from_secs(600) => format!("{} s", left.as_secs()),
        Some(left) if left < Duration::from_secs(48 * 3_600) => format!("{} min", left.as_secs() / 60),
        Some(left) => format!("{} d", left.as_secs() / 86_400),
    }
}
