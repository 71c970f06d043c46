//! What the crate takes of Redis and of a database at any size: what was measured once (`measured.txt`), times how often
//! it happens. See docs/guide/at_scale.md and docs/guide/failovers.md, whose tables this prints.

mod dice;
mod event;
mod measured;
mod page;
mod service;
mod steady;
mod tables;
mod zipf;

#[cfg(feature = "measure")]
mod measure;

use measured::Measured;
use std::io;
use std::process::ExitCode;

const USAGE: &str =
    "arguments: none | --check PAGE... | --write PAGE... | --measure [wire|memory|memory-1e5|reality]";

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tables = || Measured::load().map(|measured| tables::all(&measured));
    match arguments.as_slice() {
        [] => tables()?.iter().for_each(|table| println!("{table}")),
        ["--write", pages @ ..] => page::write(pages, &tables()?)?,
        ["--check", pages @ ..] => {
            let differences = page::differences(pages, &tables()?)?;
            for difference in &differences {
                eprintln!("{difference}");
            }
            if !differences.is_empty() {
                eprintln!("scripts/scale.sh --write {} puts them right", pages.join(" "));
                return Ok(ExitCode::FAILURE);
            }
        }
        #[cfg(feature = "measure")]
        ["--measure", only @ ..] => measure::run(only)?,
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
