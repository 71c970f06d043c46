//! `cargo run`: SQLite and the memory of the process. `cargo run -- --redis`: a Redis server of its own.

use sea_orm_autocache_axum::{Options, Service};
use std::error::Error;
use std::io;
use tokio::signal;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();

    let service = Service::start(Options::from_program()?).await?;
    println!("http://{}", service.address());
    // What the service has started ends with it: its Redis server, its database file.
    stopped().await?;
    Ok(())
}

/// Ctrl-C, or what `kill` sends.
#[cfg(unix)]
async fn stopped() -> io::Result<()> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> io::Result<()> {
    signal::ctrl_c().await
}
