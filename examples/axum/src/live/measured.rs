//! What a request has cost, and how its rows were found.
//!
//! It is the difference of the counters before and after. They are those of the process, so requests that run
//! at the same time are in each other's: good enough for a page that one person plays with.

use crate::app::App;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use sea_orm_autocache::Counts;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const READS_MAX: usize = 48;
const HEADER: &str = "server-timing";

/// The last reads, oldest first.
#[derive(Debug, Default)]
pub struct Reads(Mutex<VecDeque<Read>>);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Read {
    /// Counts up, so that two reads that look alike are two.
    number: u64,
    path: String,
    outcome: Outcome,
    micros: u64,
}

/// How a read was answered. Of one with several rows: the slowest way that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Hit,
    Tombstone,
    Miss,
    Coalesced,
    Bypass,
}

impl Outcome {
    fn of(before: &Counts, after: &Counts) -> Option<Self> {
        let outcomes = [
            (after.bypasses - before.bypasses, Self::Bypass),
            (after.coalesced - before.coalesced, Self::Coalesced),
            (after.misses - before.misses, Self::Miss),
            (after.tombstone_hits - before.tombstone_hits, Self::Tombstone),
            (after.hits - before.hits, Self::Hit),
        ];
        outcomes.into_iter().find(|(count, _)| *count > 0).map(|(_, outcome)| outcome)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Tombstone => "tombstone",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
            Self::Bypass => "bypass",
        }
    }
}

impl Reads {
    fn push(&self, path: &str, outcome: Outcome, micros: u64) {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = reads.back().map_or(1, |last| last.number + 1);
        if reads.len() == READS_MAX {
            reads.pop_front();
        }
        reads.push_back(Read { number, path: path.to_owned(), outcome, micros });
    }

    pub fn last(&self) -> Vec<Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Says in a `Server-Timing` header what the request has cost, and remembers it if it was a read.
pub async fn measured(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let is_read = request.method() == Method::GET || path.starts_with("/herd/");
    let (before, sql) = (app.autocache.stats(), app.live.database.statements());
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let micros = begun.elapsed().as_micros() as u64;

    let after = app.autocache.stats();
    let outcome = Outcome::of(&before.total(), &after.total()).filter(|_| is_read);
    let sql = app.live.database.statements() - sql;
    let trips = after.round_trips() - before.round_trips();
    let name = outcome.map_or("write", Outcome::name);
    let millis = micros as f64 / 1_000.0;
    let cost = format!("{name};dur={millis:.3}, sql;desc=\"{sql}\", trips;desc=\"{trips}\"");
    if let Ok(cost) = HeaderValue::from_str(&cost) {
        response.headers_mut().insert(HEADER, cost);
    }
    if let Some(outcome) = outcome {
        app.live.reads.push(&path, outcome, micros);
    }
    response
}
