//! The tables of docs/guide/at_scale.md and docs/guide/failovers.md.

mod cluster;
mod events;
mod load;
mod memory;
mod reality;

use crate::measured::Measured;
use std::fmt;

#[cfg(feature = "measure")]
pub use reality::{REALITY, Reality};

/// The server whose figures the others are computed from.
const SERVER: &str = "Redis 7.0.15";
/// Of a whole service.
const READS_PER_S: f64 = 100_000.0;

pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

pub fn all(measured: &Measured) -> Vec<Table> {
    vec![
        memory::of_a_key(measured),
        memory::of_many(measured),
        memory::steady_state(measured),
        load::reads(measured),
        load::saves(measured),
        events::cold_starts(),
        events::kinds(),
        cluster::events(),
        events::databases(),
        load::processes(measured),
        reality::compared(measured),
    ]
}

impl Table {
    fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let row: Vec<String> = cells.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "{row:?}");
        self.rows.push(row);
    }

    pub fn header(&self) -> String {
        format!("| {} |", self.columns.join(" | "))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.header())?;
        writeln!(f, "| --- |{}", " ---: |".repeat(self.columns.len() - 1))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// Rounded to three digits.
fn rounded(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let places = 2 - number.abs().log10().floor() as i32;
    if places > 0 {
        return format!("{number:.*}", places as usize);
    }
    let unit = 10_f64.powi(-places);
    let digits = format!("{:.0}", (number / unit).round() * unit);
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn percent(share: f64) -> String {
    let places = if share > 0.99 && share < 1.0 { 2 } else { 1 };
    format!("{:.places$} %", share * 100.0)
}

/// As `10^6`.
fn power_of_ten(exponent: u32) -> String {
    format!("10^{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [0.012_345, 1.234, 12.34, 999.6, 1_234.0, 1_234_567.0].map(rounded);
        assert_eq!(shown, ["0.0123", "1.23", "12.3", "1,000", "1,230", "1,230,000"]);
    }
}
