//! `autocache`: looks at the entries of sea-orm-autocache in a Redis server, and clears them.

mod args;
mod command;
mod failure;
mod held;
mod output;
mod server;
mod value;

use args::{Args, Command};
use clap::Parser;
use failure::Failure;
use output::Output;
use server::Server;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return answer_of_clap(&error),
    };
    match run(&args) {
        Ok(code) => code,
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("autocache: {}", failure::redacted(&failure.to_string()));
            failure.exit_code()
        }
    }
}

/// Help and version, or what is wrong with the arguments. clap quotes an argument that it does not expect, which may be
/// a URL in the wrong place.
fn answer_of_clap(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    eprint!("{}", failure::redacted(&error.render().to_string()));
    ExitCode::from(failure::USAGE)
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Output)?;
    runtime.block_on(async {
        let out = Output::new(args.json);
        let server = Server::connect(args).await?;
        match &args.command {
            Command::Get { key, columns } => command::get(&server, &out, key, columns).await,
            Command::Keys { entity, limit } => command::keys(&server, &out, entity, *limit).await,
            Command::Stats { entity } => command::stats(&server, &out, entity).await,
            Command::Clear { entity, yes } => command::clear(&server, &out, entity, *yes).await,
            Command::Watch { entity, interval, rounds, sample } => {
                let pace = command::Pace { interval: *interval, rounds: *rounds, sample: *sample };
                command::watch(&server, &out, entity, pace).await
            }
        }
    })
}
