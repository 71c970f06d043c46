//! What the page shows: measured requests, snapshots of all counters, and the buttons that no API has.

mod actions;
mod entry;
mod measured;
mod snapshot;

pub use measured::measured;

use crate::app::App;
use crate::database::Database;
use crate::redis_server::RedisServer;
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt};
use measured::{Read, Reads};
use snapshot::Snapshot;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::WatchStream;

/// How often the page may change by itself.
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// The page's part of the app's state.
#[derive(Debug)]
pub struct Live {
    database: Database,
    /// The server that the page can stop.
    server: Option<RedisServer>,
    reads: Reads,
    latest: watch::Sender<Snapshot>,
}

impl Live {
    pub fn new(database: Database, server: Option<RedisServer>) -> Self {
        Self { database, server, reads: Reads::default(), latest: watch::Sender::default() }
    }
}

pub fn routes(app: &App) -> Router<App> {
    let measured_too = Router::new()
        .route("/herd/{entity}/{id}", post(actions::herd))
        .layer(from_fn_with_state(app.clone(), measured));
    Router::new()
        .route("/events", get(events))
        .route("/entry/{entity}/{id}", get(actions::entry))
        .route("/redis/{action}", post(actions::redis))
        .merge(measured_too)
}

/// Takes snapshots for as long as the service runs. One for all pages that are open.
pub async fn sample(app: App) {
    let mut ticks = interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let snapshot = Snapshot::of(&app);
        app.live.latest.send_if_modified(|latest| {
            let is_new = *latest != snapshot;
            *latest = snapshot;
            is_new
        });
    }
}

/// Snapshots as server-sent events: the latest at once, then each new one. A page that is slow misses some.
async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let snapshots = WatchStream::new(app.live.latest.subscribe());
    Sse::new(snapshots.map(|snapshot| Event::default().json_data(snapshot))).keep_alive(KeepAlive::default())
}
