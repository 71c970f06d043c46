//! The report in Markdown.

use super::machine::Machine;
use super::targets::Target;
use crate::plan::Plan;
use crate::results::{Figure, Measure, Results, ratio};
use crate::rivals::{Class, Kind};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// All of it.
pub fn markdown(plan: &Plan, machine: &Machine, results: &Results, targets: &[Target]) -> String {
    let mut text = "# Results\n\nMade by `./scripts/bench.sh`; what is measured and how is in \
                    [../README.md](../README.md).\n"
        .to_owned();
    if !plan.is_whole() {
        text += "\n**A quick or partial run: it shows that everything runs. Its figures say nothing.**\n";
    }
    text += &target_table(targets);
    text += "\n## Measured on\n\n| | |\n| --- | --- |\n";
    for (name, value) in &machine.facts {
        line(&mut text, &[name.clone(), value.clone()]);
    }
    for scenario in scenarios(results) {
        let _ = write!(text, "\n## {scenario}\n");
        for (case, measure) in cases(results, scenario) {
            text += &case_table(results, scenario, &case, measure);
        }
    }
    if !results.left_out.is_empty() {
        text += "\n## Left out\n\n";
        for what in &results.left_out {
            let _ = writeln!(text, "- {what}");
        }
    }
    text
}

pub fn target_table(targets: &[Target]) -> String {
    let mut text =
        "\n## Targets\n\n| figure | target | measured | | |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for target in targets {
        let measured = target.measured.map_or(String::new(), |measured| format!("{measured:.3}"));
        let cells =
            [target.figure.clone(), target.aim(), measured, target.verdict().into(), target.note.clone()];
        line(&mut text, &cells);
    }
    text
}

/// One case: a line for each contestant, compared with the first of its class.
fn case_table(results: &Results, scenario: &str, case: &str, measure: Measure) -> String {
    let figures: Vec<&Figure> = results
        .figures
        .iter()
        .filter(|figure| figure.scenario == scenario && figure.case == case && figure.measure == measure)
        .collect();
    let unit = measure.unit();
    let mut text = format!("\n### {case}\n\n| | {unit} | ± | / autocache |\n| --- | ---: | ---: | ---: |\n");
    for figure in &figures {
        let own =
            own_of(&figure.rival).and_then(|own| figures.iter().find(|other| other.rival == own.name()));
        let against = own.filter(|own| own.median() > 0.0).and_then(|own| ratio(figure, own));
        let against = against.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let spread = format!("{:.0} %", figure.spread() * 100.0);
        line(&mut text, &[figure.rival.clone(), number(figure.median()), spread, against]);
    }
    text
}

/// What a contestant is compared with: this crate, in the same class.
fn own_of(rival: &str) -> Option<Kind> {
    match Kind::named(rival).map(|kind| (kind, kind.class())) {
        Some((_, Class::Memory) | (Kind::Sqlite, _)) => Some(Kind::AutocacheMemory),
        Some(_) => Some(Kind::AutocacheRedis),
        None => None,
    }
}

fn scenarios(results: &Results) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    results.figures.iter().map(|figure| figure.scenario).filter(|name| seen.insert(*name)).collect()
}

fn cases(results: &Results, scenario: &str) -> Vec<(String, Measure)> {
    let mut seen = Vec::new();
    for figure in results.figures.iter().filter(|figure| figure.scenario == scenario) {
        let case = (figure.case.clone(), figure.measure);
        if !seen.contains(&case) {
            seen.push(case);
        }
    }
    seen
}

/// Three digits that count, and thousands apart.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") };
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn line(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
