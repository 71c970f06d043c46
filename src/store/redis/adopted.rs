//! A store on clients of fred that the user has made.

use super::address::{Address, Login, Servers};
use super::client::RedisClient;
use super::identity::Identity;
use super::node::Node;
use super::primary::Primary;
use super::topology::Topology;
use super::wire::{Dial, FredWire, Wire, WireError, WireErrorKind};
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, Server, ServerConfig};
use std::sync::Arc;

/// Of clients of one server the store uses the connections; of others their settings only.
pub(super) async fn topology(dial: Dial, clients: Vec<Client>) -> Result<Topology, WireError> {
    let Some(config) = clients.first().map(ClientLike::client_config) else {
        return Err(WireError::new(WireErrorKind::Config, "a pool without clients"));
    };
    let dial = Arc::new(Dial { client: RedisClient::Fred, config: Some(Box::new(config.clone())), ..dial });
    let servers = servers(&config)?;
    let Servers::One(address) = servers else {
        return Topology::open(&dial, clients.len(), servers).await;
    };
    let identity = Arc::new(Identity::default());
    let adopt = |client| Wire::Fred(FredWire::adopt(client, dial.command_timeout, &identity));
    let wires = clients.into_iter().map(adopt).collect();
    let node = Node::adopt(&dial, address, wires, identity).await;
    Ok(Topology::One(Primary::on(node)))
}

fn servers(config: &Config) -> Result<Servers, WireError> {
    let address = |server: &Server| Address::tcp(&server.host, server.port);
    Ok(match &config.server {
        ServerConfig::Centralized { server } => Servers::One(address(server)),
        ServerConfig::Clustered { hosts, .. } => Servers::Cluster(hosts.iter().map(address).collect()),
        ServerConfig::Sentinel { hosts, service_name, .. } => Servers::Sentinel {
            sentinels: hosts.iter().map(address).collect(),
            service: service_name.clone(),
            login: Login::default(),
        },
        #[cfg(unix)]
        ServerConfig::Unix { path } => Servers::One(Address::Unix(path.clone())),
        #[allow(unreachable_patterns)]
        _ => {
            return Err(WireError::new(
                WireErrorKind::Config,
                "clients of a kind that the store does not know",
            ));
        }
    })
}
