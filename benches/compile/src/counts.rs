//! The figures that are the same on every machine, each held to a band.

use crate::Result;
use crate::cargo::{Build, Cargo};
use crate::figures::{Comparison, Figure, Limit, Measure};
use crate::options::Options;
use crate::program::{Program, Variant};
use crate::report::number;
use crate::{ir, machine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

/// How many entities the program has whose bytes are counted.
pub const ENTITIES: usize = 8;

/// How far a figure may be from the recorded one.
const MARGIN: f64 = 0.1;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bands.json");

/// What was counted when the bands were recorded.
#[derive(Debug, Serialize, Deserialize)]
struct Bands {
    compiler: String,
    serde: bool,
    recorded: BTreeMap<String, f64>,
}

pub fn run(cargo: &Cargo, options: &Options) -> Result<ExitCode> {
    let figures = figures(cargo)?;
    if options.record {
        return record(&figures, options.serde);
    }
    let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}; --record makes it"))?;
    let bands: Bands = serde_json::from_str(&text)?;
    if bands.serde != options.serde {
        let how = if bands.serde { "with" } else { "without" };
        return Err(format!("the bands were recorded {how} --serde").into());
    }
    let wrong = misses(&figures, &bands);
    if wrong.is_empty() {
        println!("all within their bands");
        return Ok(ExitCode::SUCCESS);
    }
    for line in wrong {
        eprintln!("{line}");
    }
    if bands.compiler != machine::compiler() {
        eprintln!("The bands are those of {}, this is {}.", bands.compiler, machine::compiler());
    }
    let serde = if options.serde { " --serde" } else { "" };
    eprintln!("If it should be so: ./scripts/bench-compile.sh --record{serde}, and commit {FILE}");
    Ok(ExitCode::FAILURE)
}

/// Targets stay what they are: a figure that misses one is recorded, and told.
fn record(figures: &[Figure], serde: bool) -> Result<ExitCode> {
    let recorded = figures.iter().map(|figure| (name(figure), figure.median)).collect();
    let bands = Bands { compiler: machine::compiler(), serde, recorded };
    fs::write(FILE, format!("{}\n", serde_json::to_string_pretty(&bands)?))?;
    println!("recorded in {FILE}");
    for line in misses(figures, &bands) {
        eprintln!("still missed: {line}");
    }
    Ok(ExitCode::SUCCESS)
}

fn figures(cargo: &Cargo) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for variant in Variant::ALL {
        let lines = ir::per_entity(cargo, variant)?.lines;
        figures.push(Figure::new(Measure::IrLines, variant, ENTITIES, vec![lines]));
        let program = Program { variant, entities: ENTITIES };
        cargo.compile(program, Build::Debug)?;
        let bytes = cargo.rlib_bytes(program)? as f64;
        figures.push(Figure::new(Measure::RlibBytes, variant, ENTITIES, vec![bytes]));
    }
    for figure in &figures {
        println!("{}: {}", name(figure), number(figure.median));
    }
    Ok(figures)
}

/// A line for each figure that misses its target or is far from the recorded one.
fn misses(figures: &[Figure], bands: &Bands) -> Vec<String> {
    let mut wrong = Vec::new();
    for figure in figures {
        let (name, value) = (name(figure), figure.median);
        match bands.recorded.get(&name) {
            None => wrong.push(format!("{name}: nothing recorded")),
            Some(recorded) if (value / recorded - 1.0).abs() > MARGIN => {
                let (value, recorded) = (number(value), number(*recorded));
                let margin = MARGIN * 100.0;
                wrong.push(format!("{name}: {value} is more than {margin} % from the recorded {recorded}"));
            }
            Some(_) => {}
        }
        let missed = Comparison::of(figure, figures).filter(|comparison| !comparison.is_met);
        wrong.extend(missed.map(|comparison| {
            let value = number(comparison.value);
            match comparison.limit {
                Limit::Times(most) => format!("{name}: {value} times plain, the target is {most}"),
                Limit::Beyond(most) => {
                    format!("{name}: {value} beyond plain, the target is {}", number(most))
                }
            }
        }));
    }
    wrong
}

fn name(figure: &Figure) -> String {
    format!("{}, {}", figure.measure.title(), figure.variant.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_out_of_its_band_is_told_and_one_within_it_is_not() {
        let figure = |variant, value| Figure::new(Measure::IrLines, variant, ENTITIES, vec![value]);
        let figures = [figure(Variant::Plain, 100.0), figure(Variant::Hooks, 4_000.0)];
        let recorded = figures.iter().map(|figure| (name(figure), 105.0)).collect();
        let bands = Bands { compiler: String::new(), serde: false, recorded };
        let wrong = misses(&figures, &bands);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("from the recorded 105") && wrong[1].contains("the target is 3,000"));
    }
}
