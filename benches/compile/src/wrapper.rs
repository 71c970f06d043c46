//! This program in the place of rustc: runs it, and notes the CPU time that it took.

use crate::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Set where cargo calls this program as its `RUSTC_WRAPPER`: the file of the notes.
pub const NOTES: &str = "COMPILE_BENCH_NOTES";

/// The file of the notes, if this process is to be rustc.
pub fn notes() -> Option<PathBuf> {
    env::var_os(NOTES).map(PathBuf::from)
}

/// Runs the compiler that cargo has named. All its threads and children count.
pub fn run(notes: &Path) -> Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let compiler = arguments.next().ok_or("cargo names the compiler first")?;
    let arguments: Vec<OsString> = arguments.collect();
    let status = Command::new(compiler).args(&arguments).status()?;
    if let Some(name) = crate_name(&arguments) {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let line = format!("{name} {}\n", usage.user_time().num_microseconds());
        File::options().create(true).append(true).open(notes)?.write_all(line.as_bytes())?;
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(101) })
}

/// Seconds of user CPU for the one compilation of the crate that is noted.
pub fn noted(notes: &Path, crate_name: &str) -> Result<f64> {
    let text = fs::read_to_string(notes).unwrap_or_default();
    let line = text.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == crate_name);
    let (_, micros) = line.ok_or_else(|| format!("cargo has not compiled {crate_name}"))?;
    Ok(micros.parse::<f64>()? / 1e6)
}

fn crate_name(arguments: &[OsString]) -> Option<&str> {
    let place = arguments.iter().position(|argument| argument == "--crate-name")?;
    arguments.get(place + 1)?.to_str().filter(|name| *name != "___")
}
