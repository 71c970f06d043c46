//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Names and values of what matters.
pub fn facts(library: &Path) -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let fact = |name: &str, value: String| (name.to_owned(), value);
    vec![
        fact("date", said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        fact("processor", format!("{}, {cores} cores", processor())),
        fact("system", said_by("uname", &["-sr"])),
        fact("compiler", said_by("rustc", &["--version"])),
        fact("library", library.display().to_string()),
        fact("commit", commit(library)),
    ]
}

pub fn compiler() -> String {
    said_by("rustc", &["--version"])
}

/// The library's commit, and whether its sources are others by now.
fn commit(library: &Path) -> String {
    let folder = library.display().to_string();
    let commit = said_by("git", &["-C", &folder, "rev-parse", "--short", "HEAD"]);
    let changes = said_by("git", &["-C", &folder, "status", "--porcelain", "--", "src", "Cargo.toml"]);
    if changes.is_empty() { commit } else { format!("{commit}, with changes") }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.unwrap_or("unknown").trim_start_matches([':', '\t', ' ']).to_owned()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
