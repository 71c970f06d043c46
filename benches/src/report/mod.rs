//! What is left of a run: a report in Markdown, plots, and every figure of every round as JSON.

mod machine;
mod plots;
mod table;
mod targets;

use crate::plan::Plan;
use crate::results::Results;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Where results go. What a quick or partial run leaves is not kept in the repository.
fn folder(plan: &Plan) -> PathBuf {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    if plan.is_whole() { results } else { results.join("scratch") }
}

/// Writes everything and prints the targets. A target that is missed is no failure of the run.
pub fn write(plan: &Plan, results: &Results) {
    let folder = folder(plan);
    fs::create_dir_all(&folder).expect("a folder");
    let machine = machine::Machine::look();
    let targets = targets::targets(plan, results);
    fs::write(folder.join("results.md"), table::markdown(plan, &machine, results, &targets)).expect("a file");
    let raw = json!({ "machine": machine, "targets": targets, "figures": results.figures, "left_out": results.left_out });
    fs::write(folder.join("results.json"), format!("{raw:#}\n")).expect("a file");
    plots::draw(plan, results, &folder);
    println!("{}", table::target_table(&targets));
    println!("written to {}", folder.display());
}
