//! A store of one server: one with a fixed address, or the primary that Sentinels name.

use super::address::{Address, Login};
use super::node::Node;
use super::sentinels::Sentinels;
use super::wire::{Dial, WireError, WireErrorKind};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Primary {
    pub(super) node: Arc<Node>,
    sentinels: Option<Arc<Sentinels>>,
}

impl Primary {
    pub(super) fn on(node: Arc<Node>) -> Self {
        Self { node, sentinels: None }
    }

    pub(super) async fn at(
        dial: &Arc<Dial>,
        connections: usize,
        address: Address,
    ) -> Result<Self, WireError> {
        Ok(Self::on(Node::open(dial, connections, Some(address), None).await?))
    }

    /// # Errors
    /// The settings are wrong, or all Sentinels that answer know no such service.
    pub(super) async fn named(
        dial: &Arc<Dial>,
        connections: usize,
        addresses: Vec<Address>,
        service: String,
        login: Login,
    ) -> Result<Self, WireError> {
        let sentinels = Arc::new(Sentinels::new(dial.as_user(login), addresses, service));
        let address = match sentinels.primary().await {
            Err(error) if error.kind() == WireErrorKind::Config => return Err(error),
            address => address.ok(),
        };
        let node = Node::open(dial, connections, address, Some(sentinels.clone())).await?;
        Ok(Self { node, sentinels: Some(sentinels) })
    }

    /// Looks for the primary and for connections that lead nowhere. Whether there are new ones.
    pub(super) async fn repair(&self, away: Duration) -> bool {
        if let Some(sentinels) = &self.sentinels
            && let Ok(address) = sentinels.primary().await
            && self.node.address().as_ref() != Some(&address)
        {
            return self.node.lead_to(address).await;
        }
        self.node.renew(away).await
    }
}
