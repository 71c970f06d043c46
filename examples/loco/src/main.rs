//! Notes over HTTP, as a Loco app: `cargo run -- start`, then `curl localhost:5150/notes/1`.

mod app;
mod migrations;
mod note;
mod notes;
mod purge;

#[tokio::main]
async fn main() -> loco_rs::Result<()> {
    loco_rs::cli::main::<app::App, migrations::Migrator>().await
}

#[cfg(test)]
mod tests;
