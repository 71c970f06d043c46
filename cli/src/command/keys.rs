use crate::args::Entity;
use crate::failure::Failure;
use crate::held::Held;
use crate::output::{Output, spoken};
use crate::server::Server;
use futures_util::TryStreamExt;
use std::process::ExitCode;

pub async fn keys(server: &Server, out: &Output, entity: &Entity, limit: usize) -> Result<ExitCode, Failure> {
    let mut pages = server.pages(&entity.prefix());
    let mut found: Vec<Held> = Vec::new();
    let mut is_cut = false;
    while let Some(mut page) = pages.try_next().await? {
        let room = limit - found.len();
        is_cut = page.len() > room;
        page.truncate(room);
        found.extend(server.look(page).await?);
        if is_cut {
            break;
        }
    }
    if out.json {
        out.json(&found)?;
    } else {
        let row = |held: &Held| {
            let fingerprint = held.fingerprint.clone().unwrap_or_default();
            vec![
                held.key.clone(),
                held.state.to_string(),
                held.bytes.to_string(),
                spoken(held.ttl_ms),
                fingerprint,
            ]
        };
        out.table(&["key", "state", "bytes", "expires in", "fingerprint"], found.iter().map(row))?;
    }
    if is_cut {
        eprintln!("autocache: there are more than {limit} keys: see --limit");
    }
    Ok(ExitCode::SUCCESS)
}
