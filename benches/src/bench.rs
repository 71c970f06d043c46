//! A run: the stage, the plan, and the rounds in which contestants take turns.

use crate::plan::Plan;
use crate::results::{Figure, Measure, Results};
use crate::rivals::{self, Kind};
use crate::stage::Stage;
use crate::work::{Clock, Contestant, Pace, Sample, Work};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use std::sync::Arc;
use std::time::Duration;

/// Tasks that warm the cache.
const WARMERS: usize = 32;
/// A turn is filled at least to this share before its length is believed.
const BELIEVED_FROM: f64 = 0.2;
/// The quickest of so many trials tells how many operations fill a turn.
const TRIALS: usize = 3;
const OPS_MAX: usize = 50_000_000;
/// The same order of turns in every run.
const SEED: u64 = 11;

pub struct Bench {
    pub plan: Plan,
    pub stage: Stage,
    pub results: Results,
}

/// A contestant with its name in the results.
#[derive(Clone)]
pub struct Entrant {
    pub kind: Kind,
    pub name: String,
    pub contestant: Arc<dyn Contestant>,
}

/// One case of a scenario, as contestants are asked to do it.
pub struct Case {
    pub scenario: &'static str,
    pub name: String,
    pub tasks: usize,
    pub clock: Clock,
}

impl Case {
    pub fn new(scenario: &'static str, name: impl Into<String>, tasks: usize) -> Self {
        Self { scenario, name: name.into(), tasks, clock: Clock::Each }
    }

    /// Times the whole only.
    pub fn whole(mut self) -> Self {
        self.clock = Clock::Whole;
        self
    }
}

impl Bench {
    /// Connects these rivals.
    pub async fn enter(&self, kinds: impl IntoIterator<Item = Kind>) -> Vec<Entrant> {
        let mut entrants = Vec::new();
        for kind in kinds {
            let contestant = rivals::connect(kind, &self.stage.seat(kind).await).await;
            entrants.push(Entrant { kind, name: kind.name().to_owned(), contestant });
        }
        entrants
    }

    /// Reads each of these rows once, into every contestant's cache.
    pub async fn warm(&self, entrants: &[Entrant], ids: &Arc<[i64]>) {
        let pace = Pace { tasks: WARMERS, ops: ids.len(), clock: Clock::Whole };
        for entrant in entrants {
            entrant.contestant.clone().drive(Work::Hit(ids.clone()), pace).await;
        }
    }

    /// Lets the contestants take turns, and answers with each one's rounds. A round is made of many short turns:
    /// which core wakes which is a matter of luck that holds for a while, and would hold for a long turn.
    pub async fn compete(
        &self,
        case: &Case,
        entrants: &[Entrant],
        work: impl Fn(&Entrant) -> Work,
    ) -> Vec<Vec<Sample>> {
        let mut paces = Vec::new();
        for entrant in entrants {
            paces.push(self.calibrated(case, entrant, work(entrant)).await);
        }
        let mut samples = vec![Vec::new(); entrants.len()];
        // Shuffled: the entrant after one that leaves Redis alone would always find it asleep.
        let mut order: Vec<usize> = (0..entrants.len()).collect();
        let mut luck = SmallRng::seed_from_u64(SEED);
        for _ in 0..self.plan.rounds {
            let mut round = vec![Sample::default(); entrants.len()];
            for _ in 0..self.plan.turns {
                order.shuffle(&mut luck);
                for &place in &order {
                    let (entrant, pace) = (&entrants[place], paces[place]);
                    round[place].add(entrant.contestant.clone().drive(work(entrant), pace).await);
                }
            }
            samples.iter_mut().zip(round).for_each(|(samples, sample)| samples.push(sample));
        }
        samples
    }

    /// As many operations as fill a turn. Warms up, too.
    async fn calibrated(&self, case: &Case, entrant: &Entrant, work: Work) -> Pace {
        let mut pace = Pace { tasks: case.tasks, ops: case.tasks.max(4), clock: case.clock };
        let turn = self.plan.turn.as_secs_f64();
        loop {
            // One hiccup would make all turns of the contestant short, and starting its tasks most of them.
            let mut taken = f64::MAX;
            for _ in 0..TRIALS {
                let sample = entrant.contestant.clone().drive(work.clone(), pace).await;
                // What is not timed takes its time, too: a turn is of the clock on the wall.
                taken = taken.min(sample.elapsed.max(Duration::from_micros(1)).as_secs_f64());
            }
            let ops = (pace.ops as f64 * turn / taken) as usize;
            let believed = taken >= turn * BELIEVED_FROM;
            let next = if believed { ops } else { ops.min(pace.ops * 10) };
            pace.ops = next.clamp(case.tasks.max(4), OPS_MAX);
            if believed || pace.ops == OPS_MAX {
                return pace;
            }
        }
    }

    /// Keeps one figure for each contestant, made from its samples.
    pub fn keep(
        &mut self,
        case: &Case,
        measure: Measure,
        entrants: &[Entrant],
        samples: &[Vec<Sample>],
        value: impl Fn(&Sample) -> f64,
    ) {
        for (entrant, samples) in entrants.iter().zip(samples) {
            let rounds = samples.iter().map(&value).collect();
            self.keep_rounds(case, measure, &entrant.name, rounds);
        }
    }

    pub fn keep_rounds(&mut self, case: &Case, measure: Measure, rival: &str, rounds: Vec<f64>) {
        let figure = Figure {
            scenario: case.scenario,
            case: case.name.clone(),
            measure,
            rival: rival.to_owned(),
            rounds,
        };
        println!("  {:<28} {:<28} {:>14.2} {}", figure.case, figure.rival, figure.median(), measure.unit());
        self.results.figures.push(figure);
    }

    pub fn leave_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("  left out: {what}");
        self.results.left_out.push(what);
    }
}
