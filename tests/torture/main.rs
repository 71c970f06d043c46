//! Workers in processes of their own hammer few rows while processes are killed and stopped, paths cut and
//! silenced, keys deleted and servers replaced; a checker judges what they have read against what was
//! committed. Runs for a short time on every database by default; `scripts/torture.sh` runs it for longer.

#![allow(clippy::large_futures)]

mod checker;
mod cluster;
mod conductor;
mod entities;
mod families;
mod faults;
mod history;
mod lists;
mod naive;
mod nemesis;
mod operations;
mod quiet;
mod savepoints;
mod stage;
mod states;
/// What other tests on servers stand on, too: each uses a part.
#[allow(dead_code)]
mod support;
mod vanishing;
mod worker;

use conductor::Verdict;
use faults::FaultSet;
use stage::Database;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Seconds of each run of the short form: about 25 for each database, with starts and ends.
const SHORT_SECONDS: u64 = 5;
const SHORT_SEED: u64 = 1;

struct Plan {
    seconds: u64,
    seed: u64,
    runs: Vec<(FaultSet, Database)>,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(orders) = std::env::var(worker::ORDERS) {
        runtime.block_on(worker::run(worker::Orders::parse(&orders)));
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("torture: test\n\n1 test, 0 benchmarks");
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let verdicts = runtime.block_on(carry_out(plan()));
    conclude(&verdicts, begun.elapsed())
}

/// The short form, or what the environment asks for.
fn plan() -> Plan {
    let asked = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let number = |name: &str| asked(name).map(|value| value.parse::<u64>().expect("a number"));
    let database = asked("TORTURE_DATABASE").filter(|name| name != "all");
    let databases = database.map_or(Database::ALL.to_vec(), |name| vec![Database::named(&name)]);
    let seed = number("TORTURE_SEED").unwrap_or(SHORT_SEED);
    let sets = match asked("TORTURE_SET").filter(|name| name != "all") {
        Some(name) => vec![faults::named(&name)],
        None => faults::ALL.to_vec(),
    };
    match number("TORTURE_SECONDS") {
        Some(seconds) => {
            let runs = databases.iter().flat_map(|database| sets.iter().map(|set| (*set, *database)));
            Plan { seconds, seed, runs: runs.collect() }
        }
        None => Plan { seconds: SHORT_SECONDS, seed, runs: short(&databases) },
    }
}

/// Each set on one database at least; those that depend most on the database on all.
fn short(databases: &[Database]) -> Vec<(FaultSet, Database)> {
    let runs = databases.iter().flat_map(|&database| {
        let sets: &[&str] = match database {
            Database::Sqlite => &["restarts", "evictions", "reshards", "cluster-failovers", "naive"],
            Database::Postgres => &["kills", "paths", "small-holds"],
            Database::MariaDb => &["kills", "paths", "failovers"],
        };
        sets.iter().map(move |name| (faults::named(name), database))
    });
    runs.collect()
}

async fn carry_out(plan: Plan) -> Vec<(Verdict, bool)> {
    let mut verdicts = Vec::with_capacity(plan.runs.len());
    for (set, database) in plan.runs {
        let verdict = conductor::run(set, database, plan.seed, Duration::from_secs(plan.seconds)).await;
        // The cache that is kept by hand must be caught, with its rows and with its lists.
        let caught = verdict.of_rows > 0 && verdict.of_lists > 0;
        let passed = verdict.unexpected == 0 && (!set.naive || caught);
        verdicts.push((verdict, passed));
    }
    verdicts
}

/// As the usual harness says it.
fn conclude(verdicts: &[(Verdict, bool)], took: Duration) -> ExitCode {
    println!();
    for (verdict, passed) in verdicts {
        println!("test {} ... {}", verdict.title, if *passed { "ok" } else { "FAILED" });
    }
    let failed = verdicts.iter().filter(|(_, passed)| !passed).count();
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        verdicts.len() - failed,
        took.as_secs_f64(),
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
