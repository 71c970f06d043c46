//! `/metrics`: what the crate counts and times, for Prometheus.

use crate::app::App;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::interval;

/// The bounds of the buckets of durations. Without bounds they would be summaries, which do not add up.
const SECONDS: [f64; 9] = [0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// The recorder of the process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// # Errors
    /// Other code has installed another recorder.
    pub fn install() -> Result<Self, BuildError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self(handle.clone()));
        }
        let durations = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS)?;
        let handle = builder.install_recorder()?;
        Ok(Self(installed.insert(handle).clone()))
    }
}

/// Counters and durations are exported as they change; the rest is brought up to date before each scrape.
pub async fn text(State(app): State<App>) -> impl IntoResponse {
    app.autocache.export_metrics();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.0.render())
}

/// What the recorder wants to be done now and then, for as long as the service runs.
pub async fn upkeep(metrics: Metrics) {
    let mut ticks = interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.0.run_upkeep();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
