use crate::args::Entity;
use crate::failure::Failure;
use crate::output::Output;
use crate::server::Server;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm_autocache::Store;
use sea_orm_autocache::store::{Command, Step, Sweep};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

pub async fn clear(server: &Server, out: &Output, entity: &Entity, yes: bool) -> Result<ExitCode, Failure> {
    let prefix = entity.prefix();
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !yes && !can_ask {
        return Err(Failure::Usage("there is no terminal to ask on: confirm with --yes".into()));
    }
    let store = server.store().await?;
    let mut standing = 0;
    let mut pages = server.pages(&prefix);
    while let Some(page) = pages.try_next().await? {
        standing += page.len() as u64;
    }
    if !yes && !is_confirmed(&[&server.prefix, &*prefix].concat(), standing)? {
        eprintln!("autocache: nothing was cleared");
        return Ok(ExitCode::FAILURE);
    }
    // As the library clears: first the fence of the entity's lists, then every key by a step of the protocol.
    let fence = Command::new(format!("{prefix}@"), Step::Invalidate);
    for reply in store.run(vec![fence]).await {
        reply?;
    }
    let bar = ProgressBar::new(standing);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} keys, {eta} left") {
        bar.set_style(style);
    }
    let cleared = store.clear_observed(&Sweep::of_prefix(prefix), &mut |touched| bar.inc(touched)).await;
    bar.finish_and_clear();
    let cleared = cleared?;
    if out.json {
        out.json(&json!({ "cleared": cleared }))?;
    } else {
        out.line(&format!("{cleared} keys cleared"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_confirmed(prefix: &str, standing: u64) -> Result<bool, Failure> {
    eprint!("Clear about {standing} keys that begin with `{}`? [y/N] ", prefix.escape_debug());
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
