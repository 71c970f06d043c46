//! The figures as a table in Markdown, and as JSON.

use crate::Result;
use crate::figures::{Comparison, Figure, Limit, Measure};
use crate::machine;
use crate::options::Options;
use crate::program::Variant;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

pub fn write(options: &Options, library: &Path, figures: &[Figure]) -> Result<()> {
    let mut facts = machine::facts(library);
    let derives = if options.serde { "SeaORM's, `Serialize`, `Deserialize`" } else { "SeaORM's" };
    facts.push(("derives of the models".to_owned(), derives.to_owned()));
    facts.push(("rounds".to_owned(), format!("{}; 1 for release builds", options.rounds)));
    fs::create_dir_all(&options.out)?;
    let text = markdown(&facts, figures);
    fs::write(options.out.join("compile.md"), &text)?;
    let facts: serde_json::Map<_, _> = facts.into_iter().map(|(name, value)| (name, value.into())).collect();
    let comparisons: Vec<_> = figures.iter().filter_map(|figure| Comparison::of(figure, figures)).collect();
    let json = json!({ "measured_on": facts, "figures": figures, "beside_plain": comparisons });
    fs::write(options.out.join("compile.json"), format!("{json:#}\n"))?;
    println!("{text}");
    Ok(())
}

fn markdown(facts: &[(String, String)], figures: &[Figure]) -> String {
    let mut text = "# What the library costs the compiler\n\nMade by `./scripts/bench-compile.sh`; what is \
                    measured and how is in [../compile/README.md](../compile/README.md). In brackets: the \
                    target.\n\n"
        .to_owned();
    text += "| | entities | plain | hooks | used | hooks beside plain | used beside plain |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for measure in Measure::ALL {
        for entities in sizes(figures, measure) {
            text += &row(figures, measure, entities);
        }
    }
    text += "\n## Measured on\n\n| | |\n| --- | --- |\n";
    for (name, value) in facts {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

fn sizes(figures: &[Figure], measure: Measure) -> Vec<usize> {
    let plain = figures.iter().filter(|figure| (figure.measure, figure.variant) == (measure, Variant::Plain));
    plain.map(|figure| figure.entities).collect()
}

fn row(figures: &[Figure], measure: Measure, entities: usize) -> String {
    let figure = |variant| {
        figures
            .iter()
            .find(|figure| (figure.measure, figure.entities, figure.variant) == (measure, entities, variant))
    };
    let value = |variant| figure(variant).map_or(String::new(), |figure| number(figure.median));
    let beside = |variant| {
        figure(variant).and_then(|figure| Comparison::of(figure, figures)).map_or(String::new(), verdict)
    };
    let entities = if measure == Measure::IrLines { "each".to_owned() } else { entities.to_string() };
    let [plain, hooks, used] = Variant::ALL.map(value);
    let (hooks_beside, used_beside) = (beside(Variant::Hooks), beside(Variant::Used));
    let title = measure.title();
    format!("| {title} | {entities} | {plain} | {hooks} | {used} | {hooks_beside} | {used_beside} |\n")
}

fn verdict(comparison: Comparison) -> String {
    let text = match comparison.limit {
        Limit::Times(most) => format!("{:.2} (≤ {most})", comparison.value),
        Limit::Beyond(most) => format!("+{} (≤ {})", number(comparison.value), number(most)),
    };
    if comparison.is_met { text } else { format!("**{text}**") }
}

/// Two decimals of what is small, and thousands apart.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") };
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_easily() {
        assert_eq!(["12", "1.50", "-1,234,567"], [12.0, 1.5, -1_234_567.0].map(number).as_slice());
    }
}
