use super::stats::Summary;
use crate::args::Entity;
use crate::failure::Failure;
use crate::output::Output;
use crate::server::Server;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often to look, and at how much.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Seconds.
    pub interval: u64,
    pub rounds: Option<u64>,
    /// Keys of a round.
    pub sample: usize,
}

pub async fn watch(server: &Server, out: &Output, entity: &Entity, pace: Pace) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let mut before: Option<u64> = None;
    for round in 0_u64.. {
        if pace.rounds.is_some_and(|rounds| round >= rounds) {
            break;
        }
        if round > 0 {
            tokio::time::sleep(Duration::from_secs(pace.interval)).await;
        }
        let summary = Summary::gather(server, entity, pace.sample).await?;
        let (keys, bytes) = summary.total();
        let seconds = begun.elapsed().as_secs();
        if out.json {
            out.json_line(&json!({ "seconds": seconds, "keys": keys, "bytes": bytes, "summary": summary }))?;
        } else {
            let states = summary.states.iter().map(|(state, tally)| format!("{state} {}", tally.keys));
            let states = states.collect::<Vec<_>>().join(", ");
            let change = before
                .map_or_else(String::new, |before| format!(" ({:+})", i128::from(keys) - i128::from(before)));
            let sample = if summary.is_sample { " of a sample" } else { "" };
            let dirty = if summary.dirty_intents > 0 {
                format!("; dirty {}", summary.dirty_intents)
            } else {
                String::new()
            };
            out.line(&format!(
                "{seconds:>5} s  {keys} keys{change}{sample}, {bytes} bytes: {states}{dirty}"
            ))?;
        }
        before = Some(keys);
    }
    Ok(ExitCode::SUCCESS)
}
