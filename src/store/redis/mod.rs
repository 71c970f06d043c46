//! The store on Redis (or Valkey): one `GET` for a hit, one script call for a step.
//!
//! From below: a *wire* is a connection to one server, by some client; a *node* is a server with its connections and
//! its stamp; a *topology* is one server, the primary that Sentinels name, or a Cluster; and the store speaks the
//! protocol to it, by the scripts in `lua/`.

mod address;
#[cfg(feature = "fred")]
mod adopted;
mod builder;
mod client;
mod cluster;
mod coalesce;
mod faults;
mod identity;
mod inquiry;
mod node;
mod permissions;
mod primary;
mod reply;
mod scan;
mod scripts;
mod sentinels;
mod slots;
#[cfg(feature = "tls-rustls-ring")]
mod tls;
mod topology;
mod wire;

pub use builder::RedisStoreBuilder;
pub use client::RedisClient;
#[cfg(feature = "tls-rustls-ring")]
pub use tls::RedisTls;

use super::{Command, Found, Inspected, Reply, Store, StoreError, Sweep};
use crate::coherence::Step;
use async_trait::async_trait;
use bytes::Bytes;
use cluster::Routed;
use coalesce::{Coalescer, ReadBatch, read_coalesced};
use node::{Node, Outgoing};
use reply::{found, inspected};
use scan::Scan;
use scripts::{Call, Scripts};
use slots::slot_of;
use std::sync::Arc;
use std::time::Duration;
use topology::Topology;
use wire::RespValue;

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
    topology: Topology,
    command_timeout: Duration,
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

    fn key(&self, key: &str) -> String {
        [&self.inner.prefix, key].concat()
    }

    /// The same of a key that need not be kept.
    pub(super) fn owned_key(&self, key: String) -> String {
        if self.inner.prefix.is_empty() { key } else { self.key(&key) }
    }

    /// Reads a key that has its prefix. One future for every topology: it is most of what a hit is made of.
    pub(super) async fn read(&self, mut key: String) -> Result<Found, StoreError> {
        let limit = self.inner.command_timeout;
        let owner;
        let (node, cluster) = match &self.inner.topology {
            Topology::One(primary) => (&primary.node, None),
            Topology::Cluster(cluster) => {
                owner = cluster.node_for(&key)?;
                (&owner, Some((cluster, key.clone())))
            }
        };
        let in_flight = self.inner.coalescer.enter();
        if in_flight.is_crowded && cluster.is_none() {
            match read_coalesced(self, key).await {
                Ok(answer) => return answer,
                Err(unsent) => key = unsent,
            }
        }
        let answer = node.get(key, limit).await;
        match cluster {
            None => Ok(found(answer)?),
            Some((cluster, key)) => cluster.found(node, key, answer, limit).await,
        }
    }

    /// Reads keys that have their prefix.
    pub(super) async fn read_many(&self, keys: Vec<String>) -> Result<Vec<Found>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let limit = self.batch_timeout(keys.len());
        match &self.inner.topology {
            Topology::One(primary) => {
                // A key of another type reads as absent here; the lease that follows takes it over.
                let found = primary.node.mget(keys, limit).await?;
                Ok(found.into_iter().map(|bytes| bytes.map_or(Found::Nothing, Found::Bytes)).collect())
            }
            Topology::Cluster(cluster) => cluster.get_many(keys, limit).await,
        }
    }

    /// A script call for each command, if there is one only or each may live on another server; else one for
    /// each [`BATCH_STEPS_MAX`].
    fn calls(&self, commands: Vec<Command>) -> Vec<Call> {
        let scripts = &self.inner.scripts;
        let mut keyed: Vec<(String, Step<Bytes>)> =
            commands.into_iter().map(|command| (self.owned_key(command.key), command.step)).collect();
        if self.inner.topology.is_cluster() || keyed.len() == 1 {
            return keyed.into_iter().map(|(key, step)| scripts.call(key, step)).collect();
        }
        let mut calls = Vec::with_capacity(keyed.len().div_ceil(BATCH_STEPS_MAX));
        while keyed.len() > BATCH_STEPS_MAX {
            let rest = keyed.split_off(BATCH_STEPS_MAX);
            calls.push(scripts.batch(std::mem::replace(&mut keyed, rest)));
        }
        calls.push(scripts.batch(keyed));
        calls
    }

    /// One round trip to each server.
    async fn send(&self, calls: Vec<Call>) -> Vec<Result<RespValue, StoreError>> {
        let Inner { topology, scripts, .. } = &*self.inner;
        let limit = self.batch_timeout(calls.iter().map(|call| call.steps).sum());
        match topology {
            Topology::One(primary) => {
                let commands: Vec<Outgoing<'_>> =
                    calls.iter().map(|call| Outgoing::of(&call.request)).collect();
                let answers = scripts.run(&primary.node, &commands, limit).await;
                answers.into_iter().map(|answer| Ok(answer?)).collect()
            }
            Topology::Cluster(cluster) => {
                let routed = calls.into_iter().map(|call| Routed { slot: call.slot, request: call.request });
                cluster.send(&routed.collect::<Vec<_>>(), scripts, limit).await
            }
        }
    }

    /// As [`clear`](Store::clear); `observe` learns of each page how many keys it has touched.
    #[doc(hidden)]
    pub async fn clear_observed(
        &self,
        sweep: &Sweep,
        observe: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let prefix = self.key(&sweep.prefix);
        let Inner { topology, scripts, command_timeout, .. } = &*self.inner;
        match topology {
            Topology::One(primary) => self.clear_one(&primary.node, &prefix, sweep, observe).await,
            Topology::Cluster(cluster) => {
                let limit = *command_timeout + self.batch_timeout(scan::PAGE);
                cluster.clear(&prefix, sweep, scripts, limit, observe).await
            }
        }
    }

    /// The values of the keys do not leave the server.
    async fn clear_one(
        &self,
        node: &Node,
        prefix: &str,
        sweep: &Sweep,
        observe: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let (mut scan, mut touched) = (Scan::of_prefix(prefix), 0);
        while let Some(keys) = scan.next(node, self.inner.command_timeout).await? {
            let mut of_page = 0;
            if !keys.is_empty() {
                for answer in self.send(vec![self.inner.scripts.sweep(keys, sweep.entity)]).await {
                    of_page += scripts::swept(answer?)?;
                }
            }
            observe(of_page);
            touched += of_page;
        }
        Ok(touched)
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
        let steps: Vec<usize> = calls.iter().map(|call| call.steps).collect();
        let answers = self.send(calls).await;
        steps.into_iter().zip(answers).flat_map(|(steps, answer)| scripts::answers(steps, answer)).collect()
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        self.clear_observed(sweep, &mut |_| ()).await
    }

    /// The server counts this as a read of the key: a `GET` and a `PTTL` in one script. A user without `+pttl` does not
    /// learn the TTL.
    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        let key = self.key(key);
        let mut answers = self.send(vec![self.inner.scripts.inspect(&key)]).await;
        inspected(key, answers.remove(0)?)
    }

    fn keeps_order(&self) -> bool {
        !self.inner.topology.is_cluster()
    }

    fn is_whole(&self) -> bool {
        self.inner.topology.is_whole()
    }

    async fn reconnect(&self, away: Duration) -> bool {
        self.inner.topology.repair(away).await
    }

    fn stamp(&self, key: &str) -> Option<u32> {
        match &self.inner.topology {
            Topology::One(primary) => primary.node.stamp(),
            Topology::Cluster(cluster) => cluster.stamp(slot_of(&self.key(key))),
        }
    }
}

impl std::fmt::Debug for RedisStore {
    /// Names no user or password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("is_cluster", &self.inner.topology.is_cluster())
            .field("prefix", &self.inner.prefix)
            .finish_non_exhaustive()
    }
}
