//! The store on Redis (or Valkey), through fred: one `GET` for a hit, one script call for a step.

mod coalesce;
mod connect;
mod connections;
mod faults;
mod permissions;
mod reply;
mod scripts;
mod server;
#[cfg(feature = "tls-rustls-ring")]
mod tls;
mod transport;

pub use connect::RedisStoreBuilder;
#[cfg(feature = "tls-rustls-ring")]
pub use tls::RedisTls;

use super::{Command, Found, Inspected, Reply, Store, StoreError, Sweep};
use crate::coherence::Step;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use coalesce::{Coalescer, ReadBatch, read_coalesced};
use connections::Connections;
use fred::clients::{Client, Pipeline, WithOptions};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::prelude::{FredResult, Value};
use futures_util::TryStreamExt;
use reply::{found, in_time, inspected, is_noscript, one_for_each, store_error};
use scripts::{Call, Scripts};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Keys of one page of a sweep. Pages bound the time the server is busy with one command.
const SWEEP_PAGE: u32 = 500;
/// Steps of one script call: it bounds the time that the server is busy with one command.
const BATCH_STEPS_MAX: usize = 200;
/// A batch may take the command timeout once more for each so many keys.
const BATCH_KEYS: usize = 250;

/// A store on a Redis server, a Sentinel group or a Cluster. Needs Redis 6.0 or Valkey.
///
/// Cheap to clone: clones share their connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm_autocache::RedisStore;
///
/// let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
/// # let _ = store; Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    connections: ArcSwap<Connections>,
    command_timeout: Duration,
    next: AtomicUsize,
    clustered: bool,
    coalescer: Coalescer,
    /// Prepended to every key; often empty.
    prefix: String,
    scripts: Scripts,
}

impl RedisStore {
    /// How long so many keys may take: as long again for every [`BATCH_KEYS`].
    fn batch_timeout(&self, keys: usize) -> Duration {
        let times = u32::try_from(1 + keys / BATCH_KEYS).unwrap_or(u32::MAX);
        self.inner.command_timeout.saturating_mul(times)
    }

    /// A client for a batch of so many keys.
    fn batch_client(&self, keys: usize) -> WithOptions<Client> {
        let connections = self.inner.connections.load();
        let client = connections.client(&self.inner.next);
        if keys < BATCH_KEYS {
            return client.clone();
        }
        let mut options = client.options().clone();
        options.timeout = Some(self.batch_timeout(keys));
        let plain: &Client = client;
        plain.with_options(&options)
    }

    fn key(&self, key: &str) -> String {
        [&self.inner.prefix, key].concat()
    }

    /// The same of a key that need not be kept.
    pub(super) fn owned_key(&self, key: String) -> String {
        if self.inner.prefix.is_empty() { key } else { self.key(&key) }
    }

    /// Reads a key that has its prefix.
    pub(super) async fn read(&self, mut key: String) -> Result<Found, StoreError> {
        let in_flight = self.inner.coalescer.enter();
        if in_flight.is_crowded && !self.is_clustered() {
            match read_coalesced(self, key).await {
                Ok(answer) => return answer,
                Err(unsent) => key = unsent,
            }
        }
        self.read_alone(key).await
    }

    /// A plain `GET`.
    async fn read_alone(&self, key: String) -> Result<Found, StoreError> {
        let connections = self.inner.connections.load();
        let answer = pin!(connections.untimed(&self.inner.next).get(key));
        found(in_time(self.inner.command_timeout, answer).await)
    }

    /// Reads keys that have their prefix.
    pub(super) async fn read_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if !self.is_clustered() {
            // A key of another type reads as absent here; the lease that follows takes it over.
            let limit = self.batch_timeout(keys.len());
            let connections = self.inner.connections.load();
            let answers = connections.untimed(&self.inner.next).mget::<Vec<Option<Bytes>>, _>(keys);
            let answers = pin!(answers);
            let found = in_time(limit, answers).await.map_err(|error| store_error(&error))?;
            return Ok(found.into_iter().map(|bytes| bytes.map_or(Found::Nothing, Found::Bytes)).collect());
        }
        let count = keys.len();
        let pipeline = Pipeline::from(self.batch_client(count));
        for key in keys {
            pipeline.get::<(), _>(key).await.map_err(|error| store_error(&error))?;
        }
        one_for_each(pipeline.try_all().await, count).into_iter().map(found).collect()
    }

    fn is_clustered(&self) -> bool {
        self.inner.clustered
    }

    /// A script call for each command, if there is one only or each may live on another server; else one for
    /// each [`BATCH_STEPS_MAX`].
    fn calls(&self, commands: Vec<Command>) -> Vec<Call> {
        let scripts = &self.inner.scripts;
        let mut keyed: Vec<(String, Step<Bytes>)> =
            commands.into_iter().map(|command| (self.owned_key(command.key), command.step)).collect();
        let clustered = self.is_clustered();
        if clustered || keyed.len() == 1 {
            return keyed.into_iter().map(|(key, step)| scripts.call(key, step, clustered)).collect();
        }
        let mut calls = Vec::with_capacity(keyed.len().div_ceil(BATCH_STEPS_MAX));
        while keyed.len() > BATCH_STEPS_MAX {
            let rest = keyed.split_off(BATCH_STEPS_MAX);
            calls.push(scripts.batch(std::mem::replace(&mut keyed, rest)));
        }
        calls.push(scripts.batch(keyed));
        calls
    }

    /// One round trip: a call for itself, several as a pipeline.
    async fn send(&self, calls: &[Call]) -> Vec<FredResult<Value>> {
        // By fred's own timeout: it drops a call that it has not sent by then. One that was sent long after its
        // writer has given up might put an old row where a newer one has been.
        let client = self.batch_client(calls.iter().map(|call| call.steps).sum());
        if let [call] = calls {
            return vec![call.send(&client).await];
        }
        let pipeline = Pipeline::from(client);
        for call in calls {
            // Queues only; the answer is the pipeline's.
            if let Err(error) = call.send(&pipeline).await {
                return calls.iter().map(|_| Err(error.clone())).collect();
            }
        }
        one_for_each(pipeline.try_all::<Value>().await, calls.len())
    }

    /// Runs again the calls whose script the server does not know, after loading all scripts.
    async fn reload_and_resend(&self, calls: &[Call], results: &mut [FredResult<Value>]) {
        let missing: Vec<usize> = (0..calls.len()).filter(|&i| is_noscript(&results[i])).collect();
        if missing.is_empty() {
            return;
        }
        let connections = self.inner.connections.load_full();
        if let Err(error) = self.inner.scripts.load(connections.client(&self.inner.next)).await {
            tracing::debug!(target: "sea_orm_autocache", error = %error.details(), "scripts could not be loaded");
            return;
        }
        let again: Vec<Call> = missing.iter().map(|&i| calls[i].clone()).collect();
        for (index, result) in missing.into_iter().zip(self.send(&again).await) {
            results[index] = result;
        }
    }

    /// Invalidates what the sweep concerns of these keys. Their values do not leave the server.
    async fn sweep_page(&self, keys: Vec<String>, sweep: &Sweep) -> Result<u64, StoreError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let scripts = &self.inner.scripts;
        let calls = if self.is_clustered() {
            keys.into_iter().map(|key| scripts.sweep(vec![key], sweep.entity, true)).collect()
        } else {
            vec![scripts.sweep(keys, sweep.entity, false)]
        };
        let mut results = self.send(&calls).await;
        self.reload_and_resend(&calls, &mut results).await;
        let mut touched = 0;
        for result in results {
            touched += scripts::swept(result.map_err(|error| store_error(&error))?)?;
        }
        Ok(touched)
    }

    /// As [`clear`](Store::clear); `observe` learns of each page how many keys it has touched.
    #[doc(hidden)]
    pub async fn clear_observed(
        &self,
        sweep: &Sweep,
        observe: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let pattern = format!("{}*", glob_escaped(&self.key(&sweep.prefix)));
        let connections = self.inner.connections.load_full();
        let client: &Client = connections.client(&self.inner.next);
        let mut touched = 0;
        let mut note = |of_page| {
            touched += of_page;
            observe(of_page);
        };
        if self.is_clustered() {
            let mut pages = std::pin::pin!(client.scan_cluster_buffered(pattern, Some(SWEEP_PAGE), None));
            let mut page = Vec::new();
            while let Some(key) = pages.try_next().await.map_err(|error| store_error(&error))? {
                page.extend(key.into_string());
                if page.len() == SWEEP_PAGE as usize {
                    note(self.sweep_page(std::mem::take(&mut page), sweep).await?);
                }
            }
            note(self.sweep_page(page, sweep).await?);
            return Ok(touched);
        }
        let mut cursor = "0".to_owned();
        loop {
            let page =
                client.scan_page::<(String, Vec<String>), _, _>(cursor, &pattern, Some(SWEEP_PAGE), None);
            let (next, keys) = page.await.map_err(|error| store_error(&error))?;
            note(self.sweep_page(keys, sweep).await?);
            if next == "0" {
                return Ok(touched);
            }
            cursor = next;
        }
    }
}

impl ReadBatch for RedisStore {
    fn coalescer(&self) -> &Coalescer {
        &self.inner.coalescer
    }

    fn command_timeout(&self) -> Duration {
        self.inner.command_timeout
    }

    async fn read_batch(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        self.read_many(keys).await
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        self.read(self.key(key)).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        self.read_many(keys.iter().map(|key| self.key(key)).collect()).await
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        if commands.is_empty() {
            return Vec::new();
        }
        let calls = self.calls(commands);
        let mut results = self.send(&calls).await;
        self.reload_and_resend(&calls, &mut results).await;
        let answers = |(call, result): (&Call, FredResult<Value>)| {
            scripts::answers(call.steps, result.map_err(|error| store_error(&error)))
        };
        calls.iter().zip(results).flat_map(answers).collect()
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        self.clear_observed(sweep, &mut |_| ()).await
    }

    /// The server counts this as a read of the key: a `GET` and a `PTTL` in one script. A user without `+pttl` does not
    /// learn the TTL.
    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        let key = self.key(key);
        let calls = [self.inner.scripts.inspect(&key, self.is_clustered())];
        let mut results = self.send(&calls).await;
        self.reload_and_resend(&calls, &mut results).await;
        inspected(key, results.remove(0))
    }

    fn keeps_order(&self) -> bool {
        !self.is_clustered()
    }

    async fn reconnect(&self, away: Duration) -> bool {
        let old = self.inner.connections.load_full();
        match old.renewed(away, self.inner.command_timeout).await {
            Some(new) => {
                self.inner.connections.store(Arc::new(new));
                true
            }
            None => false,
        }
    }

    fn stamp(&self) -> Option<u32> {
        self.inner.connections.load().server.stamp()
    }
}

impl std::fmt::Debug for RedisStore {
    /// Names no address, user or password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("clients", &self.inner.connections.load().clients.len())
            .field("prefix", &self.inner.prefix)
            .finish_non_exhaustive()
    }
}

fn glob_escaped(text: &str) -> String {
    let escape =
        |c: char| if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_itself_only() {
        assert_eq!(glob_escaped("shop:[a]*:"), "shop:\\[a\\]\\*:");
    }
}
