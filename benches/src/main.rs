//! How fast sea-orm-autocache is, beside what a user would pick instead. See README.md.
//!
//! Without arguments it runs the scenarios. With some it is a part of one, in a process of its own.

mod bench;
mod data;
mod entities;
mod plan;
mod report;
mod results;
mod rival;
mod rivals;
mod scenarios;
mod servers;
mod stage;
mod work;

use bench::Bench;
use futures_util::FutureExt;
use plan::Plan;
use results::Results;
use rivals::Kind;
use scenarios::{ALL, CROWD, LONE, instructions, stampede};
use stage::Stage;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return run();
    }
    let (role, kind, count, stage) = part(&arguments).expect("a role, a rival, a number, and the servers");
    match role {
        stampede::WORKER => runtime(CROWD).block_on(stampede::work_for(kind, count, &stage)),
        instructions::WORKER => instructions::count_hits(kind, count, &stage),
        other => panic!("`{other}` is no part of a scenario"),
    }
    ExitCode::SUCCESS
}

fn part(arguments: &[String]) -> Option<(&str, Kind, usize, Stage)> {
    let [role, kind, count, stage @ ..] = arguments else { return None };
    Some((role, Kind::named(kind)?, count.parse().ok()?, Stage::attach(stage)?))
}

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime")
}

/// Fails when a scenario could not be run, never for a figure.
fn run() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let plan = Plan::from_env();
    let begun = Instant::now();
    println!("starting servers and filling them");
    let stage = runtime(LONE).block_on(Stage::set(plan.rows));
    let mut bench = Bench { plan, stage, results: Results::default() };
    let wanted: Vec<_> = ALL.iter().filter(|scenario| bench.plan.wants(scenario.name)).collect();
    for scenario in wanted {
        println!("{} ({} s)", scenario.name, begun.elapsed().as_secs());
        bench.stage.flush();
        // What has been measured by then is not lost with a scenario that fails.
        let runtime = runtime(scenario.workers);
        if runtime.block_on(AssertUnwindSafe((scenario.run)(&mut bench)).catch_unwind()).is_err() {
            bench.leave_out(format!("{}, in part: it failed", scenario.name));
            code = ExitCode::FAILURE;
        }
        runtime.shutdown_background();
    }
    report::write(&bench.plan, &bench.results);
    println!("{} s", begun.elapsed().as_secs());
    code
}
