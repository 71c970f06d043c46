//! The command line.

use crate::Result;
use crate::program::ENTITIES_MIN;
use crate::{counts, ir};
use clap::{Parser, ValueEnum};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Ir,
    Check,
    Debug,
    Incremental,
    Release,
}

/// Measures what sea-orm-autocache costs the compiler of a program that uses it.
#[derive(Debug, Parser)]
#[command(bin_name = "./scripts/bench-compile.sh")]
pub struct Options {
    /// The library to measure.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    pub library: PathBuf,
    /// Where compile.md and compile.json go.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../results"))]
    pub out: PathBuf,
    /// What to measure; everything unless given.
    #[arg(long, value_delimiter = ',', value_enum, value_name = "PARTS")]
    pub only: Vec<Part>,
    /// How many entities a program has.
    #[arg(long, value_delimiter = ',', default_value = "20,60", value_name = "NUMBERS")]
    pub entities: Vec<usize>,
    /// The same for release builds, which are slow: they run once.
    #[arg(long, value_delimiter = ',', default_value = "3,20", value_name = "NUMBERS")]
    pub release_entities: Vec<usize>,
    /// Each figure is the median of so many rounds.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Models derive `Serialize` and `Deserialize`, in all variants.
    #[arg(long)]
    pub serde: bool,
    /// Quick, and the same on every machine: counts lines and bytes, and fails where one is out of its band.
    #[arg(long, conflicts_with_all = ["functions", "only"])]
    pub counts: bool,
    /// As --counts, but the figures become the new bands.
    #[arg(long, conflicts_with_all = ["functions", "only"])]
    pub record: bool,
    /// Prints which functions have the most LLVM IR.
    #[arg(long, conflicts_with = "only")]
    pub functions: bool,
    /// Leaves the programs in this folder.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Where everything is built, in a folder for each library.
    #[arg(long, env = "COMPILE_BENCH_WORK", value_name = "DIR")]
    pub work: PathBuf,
}

impl Options {
    pub fn check(&self) -> Result<()> {
        if self.sizes().iter().any(|size| *size < ENTITIES_MIN) {
            return Err(format!("a program has at least {ENTITIES_MIN} entities").into());
        }
        if self.rounds == 0 {
            return Err("at least one round".into());
        }
        Ok(())
    }

    pub fn measures(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// The folder of one library.
    pub fn place(&self, library: &Path) -> Result<PathBuf> {
        let name = library.display().to_string().replace(|other: char| !other.is_alphanumeric(), "-");
        Ok(std::path::absolute(&self.work)?.join(name.trim_matches('-')))
    }

    /// The sizes of all programs that may be compiled.
    pub fn sizes(&self) -> Vec<usize> {
        let given = self.entities.iter().chain(&self.release_entities).copied();
        let counted = [ir::SMALL, ir::LARGE, counts::ENTITIES];
        given.chain(counted).collect::<BTreeSet<_>>().into_iter().collect()
    }
}
