//! A service with users, posts and tags whose rows are cached, and a page that shows what the cache does.
//!
//! What another program would take from here: `entities/`, `api/` and `app.rs`. `live/`, `page/` and
//! `redis_server.rs` are there for the page.

#![forbid(unsafe_code)]

mod api;
mod app;
mod database;
mod entities;
mod live;
mod metrics;
mod options;
mod page;
mod redis_server;

pub use app::App;
pub use options::{Cache, Options};

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Router, serve};
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The service at work. Ends when this is dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Service {
    /// Connects, fills an empty database with a few rows, and listens.
    ///
    /// # Errors
    /// The database, the Redis server or the address cannot be had.
    pub async fn start(options: Options) -> Result<Self, Box<dyn Error>> {
        let app = App::connect(&options).await?;
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;

        let mut tasks = JoinSet::new();
        tasks.spawn(live::sample(app.clone()));
        tasks.spawn(metrics::upkeep(app.metrics.clone()));
        tasks.spawn(async move {
            if let Err(error) = serve(listener, router(app)).await {
                tracing::error!(%error, "the service has ended");
            }
        });
        Ok(Self { address, _tasks: tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// All routes. Each request runs in the scope of the app's `Autocache`, so handlers write `Entity::cache()`.
pub fn router(app: App) -> Router {
    // Outermost last: a request is measured around everything that its handler does.
    let api = api::routes()
        .layer(from_fn_with_state(app.clone(), app::scoped))
        .layer(from_fn_with_state(app.clone(), live::measured));
    Router::new()
        .nest("/api", api)
        .nest("/live", live::routes(&app))
        .merge(page::routes())
        .route("/health", get(app::health))
        .route("/metrics", get(metrics::text))
        .with_state(app)
}
