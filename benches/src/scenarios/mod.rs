//! The scenarios. A new one is a module and a line in [`ALL`].

pub mod entities;
pub mod growth;
pub mod hit;
pub mod instructions;
pub mod many;
pub mod memory;
pub mod miss;
pub mod related;
pub mod size;
pub mod stampede;
pub mod transaction;
pub mod write;
pub mod zipf;

use crate::bench::Bench;
use futures_util::future::BoxFuture;

/// Workers of the runtime under load: as many as the smallest machine has that these figures come from.
pub const CROWD: usize = 2;
/// Workers where one task's latency is measured. With two it would be luck whether an answer is taken by the
/// core that has asked, or wakes another one up, which takes three times as long.
pub const LONE: usize = 1;

/// Something that is measured: its name, by which it can be asked for, on how many workers, and what to do.
pub struct Scenario {
    pub name: &'static str,
    pub workers: usize,
    pub run: for<'a> fn(&'a mut Bench) -> BoxFuture<'a, ()>,
}

/// All of them, in the order of the report.
pub const ALL: [Scenario; 14] = [
    Scenario { name: hit::NAME, workers: LONE, run: |bench| Box::pin(hit::alone(bench)) },
    Scenario { name: hit::NAME, workers: CROWD, run: |bench| Box::pin(hit::crowd(bench)) },
    Scenario { name: size::NAME, workers: CROWD, run: |bench| Box::pin(size::run(bench)) },
    Scenario { name: many::NAME, workers: LONE, run: |bench| Box::pin(many::run(bench)) },
    Scenario { name: miss::NAME, workers: LONE, run: |bench| Box::pin(miss::run(bench)) },
    Scenario { name: stampede::NAME, workers: CROWD, run: |bench| Box::pin(stampede::run(bench)) },
    Scenario { name: write::NAME, workers: LONE, run: |bench| Box::pin(write::run(bench)) },
    Scenario { name: transaction::NAME, workers: LONE, run: |bench| Box::pin(transaction::run(bench)) },
    Scenario { name: related::NAME, workers: LONE, run: |bench| Box::pin(related::run(bench)) },
    Scenario { name: zipf::NAME, workers: CROWD, run: |bench| Box::pin(zipf::run(bench)) },
    Scenario { name: memory::NAME, workers: CROWD, run: |bench| Box::pin(memory::run(bench)) },
    Scenario {
        name: instructions::NAME,
        workers: LONE,
        run: |bench| Box::pin(async { instructions::run(bench) }),
    },
    Scenario { name: growth::NAME, workers: CROWD, run: |bench| Box::pin(growth::run(bench)) },
    Scenario { name: entities::NAME, workers: CROWD, run: |bench| Box::pin(entities::run(bench)) },
];
