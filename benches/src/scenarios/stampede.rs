//! Stampedes: a cold key that a thousand tasks ask for at once, in one process and in four.

use crate::bench::{Bench, Case, Entrant};
use crate::data;
use crate::results::Measure;
use crate::rivals::{self, Class, Kind};
use crate::stage::Stage;
use crate::work::{Clock, Pace, Work};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub const NAME: &str = "stampede";
pub const ALONE: &str = "1 process";
pub const TOGETHER: &str = "4 processes";

/// The word by which this program is told to be one of the processes.
pub const WORKER: &str = "stampede";
const PROCESSES: usize = 4;
/// Lets what a rival does on its own at the start come to its end, so that it is not counted.
const SETTLING: Duration = Duration::from_millis(100);

pub async fn run(bench: &mut Bench) {
    alone(bench).await;
    for kind in Kind::on_servers() {
        together(bench, kind).await;
    }
}

async fn alone(bench: &mut Bench) {
    let case = Case::new(NAME, ALONE, bench.plan.stampede_tasks);
    let ids = data::shuffled(1, bench.plan.warm_rows);
    let pace = Pace { tasks: case.tasks, ops: case.tasks, clock: Clock::Whole };
    let mut seats = Vec::new();
    for kind in Kind::ALL {
        let seat = bench.stage.counted_seat(kind).await;
        let entrant =
            Entrant { kind, name: kind.name().into(), contestant: rivals::connect(kind, &seat).await };
        seats.push((entrant, seat.statements, Vec::new(), Vec::new()));
    }
    tokio::time::sleep(SETTLING).await;
    for round in 0..=bench.plan.rounds {
        for (entrant, statements, counts, times) in &mut seats {
            let one: Arc<[i64]> = Arc::new([ids[round]]);
            entrant.contestant.forget(&one).await;
            let before = statements.load(Ordering::Relaxed);
            let sample = entrant.contestant.clone().drive(Work::Hit(one), pace).await;
            // The first round opens connections.
            if round > 0 {
                counts.push((statements.load(Ordering::Relaxed) - before) as f64);
                times.push(sample.elapsed.as_secs_f64() * 1e3);
            }
        }
    }
    for (entrant, _, counts, times) in seats {
        bench.keep_rounds(&case, Measure::Statements, &entrant.name, counts);
        bench.keep_rounds(&case, Measure::Millis, &entrant.name, times);
    }
}

async fn together(bench: &mut Bench, kind: Kind) {
    let case = Case::new(NAME, TOGETHER, bench.plan.stampede_tasks);
    let entrants = bench.enter([kind]).await;
    let ids = data::shuffled(1, bench.plan.warm_rows);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|_| Worker::start(bench, kind)).collect();
    let (mut counts, mut times) = (Vec::new(), Vec::new());
    for id in ids.iter().take(bench.plan.rounds + 1) {
        entrants[0].contestant.forget(&[*id]).await;
        let begun = Instant::now();
        workers.iter_mut().for_each(|worker| worker.tell(&id.to_string()));
        counts.push(workers.iter_mut().map(Worker::answer).sum());
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    bench.keep_rounds(&case, Measure::Statements, kind.name(), counts.split_off(1));
    bench.keep_rounds(&case, Measure::Millis, kind.name(), times.split_off(1));
    if kind.class() == Class::Redis {
        bench.stage.flush();
    }
}

/// Another process of the same program.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(bench: &Bench, kind: Kind) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args([WORKER, kind.name(), &bench.plan.stampede_tasks.to_string()]);
        command.args(bench.stage.words()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut worker = Self { input: child.stdin.take(), child, output };
        worker.answer();
        worker
    }

    fn tell(&mut self, words: &str) {
        let input = self.input.as_mut().expect("an open pipe");
        writeln!(input, "{words}").expect("it listens");
    }

    fn answer(&mut self) -> f64 {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("it answers with a number")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without input it ends.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// One of the processes: answers each id with how many statements the stampede for it took.
pub async fn work_for(kind: Kind, tasks: usize, stage: &Stage) {
    let seat = stage.counted_seat(kind).await;
    let contestant = rivals::connect(kind, &seat).await;
    tokio::time::sleep(SETTLING).await;
    let pace = Pace { tasks, ops: tasks, clock: Clock::Whole };
    println!("0");
    for line in std::io::stdin().lines() {
        let id: i64 = line.expect("a line").parse().expect("an id");
        let before = seat.statements.load(Ordering::Relaxed);
        contestant.clone().drive(Work::Hit(Arc::new([id])), pace).await;
        println!("{}", seat.statements.load(Ordering::Relaxed) - before);
    }
}
