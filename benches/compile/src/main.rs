//! What the library costs the compiler of a program that uses it: writes such programs, beside the same
//! ones on SeaORM alone, and compiles them.

mod cargo;
mod counts;
mod figures;
mod functions;
mod ir;
mod machine;
mod measure;
mod options;
mod paths;
mod program;
mod report;
mod wrapper;

use cargo::Cargo;
use clap::Parser;
use options::Options;
use program::Workspace;
use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let ended = match wrapper::notes() {
        Some(notes) => wrapper::run(&notes),
        None => run(&Options::parse()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    options.check()?;
    let library = fs::canonicalize(&options.library)?;
    let place = options.place(&library)?;
    let programs = options.keep.clone().unwrap_or_else(|| place.join("programs"));
    fs::create_dir_all(&programs)?;
    let programs = fs::canonicalize(programs)?;
    let target = place.join("target");
    fs::create_dir_all(&target)?;
    let workspace = Workspace::write(&programs, &library, &options.sizes(), options.serde)?;
    let cargo = Cargo { workspace, target, wrapper: env::current_exe()? };
    let code = if options.functions {
        functions::print(&cargo)?;
        ExitCode::SUCCESS
    } else if options.counts || options.record {
        counts::run(&cargo, options)?
    } else {
        let figures = measure::run(&cargo, options)?;
        report::write(options, &library, &figures)?;
        ExitCode::SUCCESS
    };
    if options.keep.is_none() {
        fs::remove_dir_all(&programs)?;
    }
    Ok(code)
}
