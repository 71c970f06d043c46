//! What a hit costs the client's processor: instructions, counted by callgrind.
//!
//! The same program makes N hits and then, in another run, 2 N. Only [`counted_part`] is counted, and the
//! difference, divided by N, is a hit's cost without that of the start. It is about the same in every run
//! and on every machine.

use crate::bench::{Bench, Case};
use crate::data;
use crate::results::Measure;
use crate::rivals::{self, Class, Kind};
use crate::stage::Stage;
use crate::work::{Clock, Contestant, Pace, Work};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

pub const NAME: &str = "instructions";
pub const CASE: &str = "1 hit";
/// The word by which this program is told to be counted.
pub const WORKER: &str = "hits";
/// Few, so that warming them takes little of the time under callgrind, which is slow.
const ROWS: i64 = 50;

pub fn run(bench: &mut Bench) {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        bench.leave_out("instructions: valgrind is not installed");
        return;
    }
    let case = Case::new(NAME, CASE, 1);
    let kinds: Vec<Kind> = Kind::of(Class::Redis).chain(Kind::of(Class::Memory)).collect();
    // Nobody waits for a quick run to count them all.
    let quick = bench.plan.quick;
    for kind in kinds.into_iter().filter(|kind| !quick || *kind == Kind::AutocacheRedis) {
        let hits = bench.plan.counted_hits * if kind.class() == Class::Memory { 10 } else { 1 };
        let counted = counted(bench, kind, hits).zip(counted(bench, kind, 2 * hits));
        match counted {
            Some((once, twice)) => {
                let each = (twice as f64 - once as f64) / hits as f64;
                bench.keep_rounds(&case, Measure::Instructions, kind.name(), vec![each]);
            }
            None => bench.leave_out(format!("instructions of {}: callgrind gave no count", kind.name())),
        }
    }
}

/// The instructions of a process that makes so many hits.
fn counted(bench: &Bench, kind: Kind, hits: usize) -> Option<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted_part*"]);
    command.arg(std::env::current_exe().ok()?);
    command.args([WORKER, kind.name(), &hits.to_string()]).args(bench.stage.words());
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    // ==123== Collected : 4567
    let collected = text.lines().find_map(|line| line.split_once("Collected :"))?.1;
    collected.trim().parse().ok().filter(|_| output.status.success())
}

/// The process that is counted. One thread, so that the count does not depend on how two of them meet.
pub fn count_hits(kind: Kind, hits: usize, stage: &Stage) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ids = data::shuffled(1, ROWS);
    let contestant = runtime.block_on(async {
        let contestant = rivals::connect(kind, &stage.seat(kind).await).await;
        let pace = Pace { tasks: 1, ops: ids.len(), clock: Clock::Whole };
        contestant.clone().drive(Work::Hit(ids.clone()), pace).await;
        contestant
    });
    counted_part(&runtime, contestant, ids, hits);
}

/// Callgrind knows it by its name.
#[inline(never)]
fn counted_part(runtime: &Runtime, contestant: Arc<dyn Contestant>, ids: Arc<[i64]>, hits: usize) {
    let pace = Pace { tasks: 1, ops: hits, clock: Clock::Whole };
    runtime.block_on(contestant.drive(Work::Hit(ids), pace));
}
