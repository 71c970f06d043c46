//! The servers of a store, however many they are.

use super::address::Servers;
use super::cluster::Cluster;
use super::faults::fault;
use super::node::Node;
use super::permissions::KEY;
use super::primary::Primary;
use super::slots::slot_of;
use super::wire::{Dial, Request, RespValue, WireError};
use crate::store::{StoreError, StoreErrorKind};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Topology {
    /// One server, which keeps the order of commands.
    One(Primary),
    Cluster(Arc<Cluster>),
}

impl Topology {
    /// # Errors
    /// The settings are wrong. Servers that cannot be reached are no error.
    pub(super) async fn open(
        dial: &Arc<Dial>,
        connections: usize,
        servers: Servers,
    ) -> Result<Self, WireError> {
        Ok(match servers {
            Servers::One(address) => Self::One(Primary::at(dial, connections, address).await?),
            Servers::Sentinel { sentinels, service, login } => {
                Self::One(Primary::named(dial, connections, sentinels, service, login).await?)
            }
            Servers::Cluster(seeds) => Self::Cluster(Cluster::open(dial, connections, seeds).await?),
        })
    }

    /// The server that holds this key; `None` as long as no such is known.
    pub(super) fn node_of(&self, key: &str) -> Option<Arc<Node>> {
        match self {
            Self::One(primary) => Some(primary.node.clone()),
            Self::Cluster(cluster) => cluster.owner(slot_of(key)),
        }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Whether the server that would hold a key of the store lets it in, and is what the URL says.
    ///
    /// # Errors
    /// It does not, or is not. A server that cannot be reached is no error.
    pub(super) async fn check(&self, prefix: &str, limit: Duration) -> Result<(), StoreError> {
        let Some(node) = self.node_of(&[prefix, KEY].concat()) else { return Ok(()) };
        let config = |text: String| Err(StoreError::new(StoreErrorKind::Config, text));
        match node.ask(Request::of("INFO", ["server"]), limit).await {
            Err(error) if matches!(error.code(), "NOAUTH" | "WRONGPASS") => {
                config(fault(error.text()).unwrap_or_else(|| error.to_string()))
            }
            Ok(answer) if !self.is_cluster() && is_of_cluster(answer.clone()) => {
                config("the server is a node of a Cluster: its URL is redis-cluster://".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// See [`Store::is_whole`](crate::Store::is_whole).
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::One(_) => true,
            Self::Cluster(cluster) => cluster.is_whole(),
        }
    }

    /// Looks for servers that have been replaced, and for connections that lead nowhere. Whether there are new ones.
    pub(super) async fn repair(&self, away: Duration) -> bool {
        match self {
            Self::One(primary) => primary.repair(away).await,
            Self::Cluster(cluster) => cluster.repair(away).await,
        }
    }
}

fn is_of_cluster(info: RespValue) -> bool {
    info.into_text().is_some_and(|text| text.lines().any(|line| line.trim() == "redis_mode:cluster"))
}
