//! [`Health`]: what a readiness probe asks.

use super::Autocache;
use crate::settings::Consistency;
use futures_util::future::join_all;
use std::time::Duration;

/// A store that has not answered by then is not reachable.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the stores answer, from [`Autocache::health`].
///
/// With the feature `serde` it can be serialized; a latency is then a number of seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// What the program does while a store is away.
    pub consistency: Consistency,
    /// Backends, by name.
    pub backends: Vec<BackendHealth>,
}

/// Whether one store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackendHealth {
    /// Its name.
    pub backend: String,
    /// Whether the store has answered this probe, be it with a refusal.
    pub reachable: bool,
    /// Whether the breaker was open before the probe. The store is then not asked.
    pub open: bool,
    /// Whether all or a part of the store has not answered and is not back yet. A part, such as a node of a Cluster,
    /// leaves the store [`reachable`](Self::reachable): the database answers for its rows, and under
    /// [`Consistency::Strict`] their writes fail.
    pub degraded: bool,
    /// Queued invalidations: keys that this process reads from the database.
    pub queued: usize,
    /// How long the answer took. `None` without an answer.
    #[cfg_attr(feature = "serde", serde(rename = "latency_seconds", serialize_with = "as_seconds"))]
    pub latency: Option<Duration>,
}

#[cfg(feature = "serde")]
fn as_seconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&duration.map(|duration| duration.as_secs_f64()), serializer)
}

impl Health {
    /// Whether the service can do its work.
    ///
    /// Under [`Consistency::Available`] it always can: while a store is away, the database answers, and writes are
    /// queued. Under [`Consistency::Strict`] only while all stores are [reachable](BackendHealth::reachable): without
    /// its store a write fails.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.consistency == Consistency::Available || self.is_reachable()
    }

    /// Whether all stores have answered.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.backends.iter().all(|backend| backend.reachable)
    }
}

impl Autocache {
    /// Asks every store at the same time whether it is there: for readiness probes. Answers within a second, at once
    /// for a store whose breaker is open. A store that does not answer opens its breaker, as after any other call.
    ///
    /// It reads one key that never exists, and counts as no round trip. The database is not asked.
    ///
    /// ```
    /// # async fn probe(autocache: sea_orm_autocache::Autocache) {
    /// let health = autocache.health().await;
    /// let status = if health.is_ready() { 200 } else { 503 };
    /// # let _ = status;
    /// # }
    /// ```
    pub async fn health(&self) -> Health {
        let probes = self.inner.backends.values().map(|this| async move {
            let open = this.is_open();
            let latency = this.probe(PROBE_TIMEOUT).await;
            let (backend, queued) = (this.name().to_owned(), this.queued());
            let (reachable, degraded) = (latency.is_some(), this.is_degraded());
            BackendHealth { backend, reachable, open, degraded, queued, latency }
        });
        let mut backends = join_all(probes).await;
        backends.sort_by(|a, b| a.backend.cmp(&b.backend));
        Health { consistency: self.inner.settings.consistency, backends }
    }
}
