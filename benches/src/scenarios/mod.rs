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

/// Something that is measured: its name, by which it can be asked for, and what to do.
pub struct Scenario {
    pub name: &'static str,
    pub run: for<'a> fn(&'a mut Bench) -> BoxFuture<'a, ()>,
}

/// All of them, in the order of the report.
pub const ALL: [Scenario; 13] = [
    Scenario { name: hit::NAME, run: |bench| Box::pin(hit::run(bench)) },
    Scenario { name: size::NAME, run: |bench| Box::pin(size::run(bench)) },
    Scenario { name: many::NAME, run: |bench| Box::pin(many::run(bench)) },
    Scenario { name: miss::NAME, run: |bench| Box::pin(miss::run(bench)) },
    Scenario { name: stampede::NAME, run: |bench| Box::pin(stampede::run(bench)) },
    Scenario { name: write::NAME, run: |bench| Box::pin(write::run(bench)) },
    Scenario { name: transaction::NAME, run: |bench| Box::pin(transaction::run(bench)) },
    Scenario { name: related::NAME, run: |bench| Box::pin(related::run(bench)) },
    Scenario { name: zipf::NAME, run: |bench| Box::pin(zipf::run(bench)) },
    Scenario { name: memory::NAME, run: |bench| Box::pin(memory::run(bench)) },
    Scenario { name: instructions::NAME, run: |bench| Box::pin(async { instructions::run(bench) }) },
    Scenario { name: growth::NAME, run: |bench| Box::pin(growth::run(bench)) },
    Scenario { name: entities::NAME, run: |bench| Box::pin(entities::run(bench)) },
];
