//! What the figures were measured on: machine, versions, date.

use serde::Serialize;
use std::fs;
use std::process::Command;

#[derive(Debug, Serialize)]
pub struct Machine {
    pub facts: Vec<(String, String)>,
}

impl Machine {
    pub fn look() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let memory = line_of("/proc/meminfo", "MemTotal:");
        let memory_gb =
            memory.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1e6;
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("date", said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
            fact("processor", format!("{}, {cores} cores for all", line_of("/proc/cpuinfo", "model name"))),
            fact("memory", format!("{memory_gb:.0} GB")),
            fact("system", said_by("uname", &["-sr"])),
            fact("compiler", said_by("rustc", &["--version"])),
            fact(
                "Redis",
                said_by(&server(&["redis-server", "valkey-server"], "redis-server"), &["--version"]),
            ),
            fact("Postgres", said_by(&server(&["postgres"], "postgresql"), &["--version"])),
            fact("commit", said_by("git", &["rev-parse", "--short", "HEAD"])),
        ];
        facts.extend(versions().into_iter().map(|(name, version)| (format!("`{name}`"), version)));
        Self { facts }
    }
}

fn server(names: &[&str], package: &str) -> String {
    crate::servers::program(names, package)
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line_of(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or("unknown").trim_start_matches([':', '\t', ' ']).trim().to_owned()
}

/// The versions of the rivals, from the lock file that this program was built with.
fn versions() -> Vec<(String, String)> {
    const LOCK: &str = include_str!("../../Cargo.lock");
    const SHOWN: [&str; 11] = [
        "sea-orm",
        "fred",
        "rmp-serde",
        "redis",
        "serde_json",
        "cached",
        "hitbox-fn",
        "hitbox-redis",
        "hitbox-moka",
        "moka",
        "hydracache",
    ];
    let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let packages = LOCK.split("[[package]]").skip(1).filter_map(|package| {
        let mut lines =
            package.lines().filter(|line| line.starts_with("name") || line.starts_with("version"));
        Some((quoted(lines.next()?), quoted(lines.next()?)))
    });
    packages.filter(|(name, _)| SHOWN.contains(&name.as_str())).collect()
}
