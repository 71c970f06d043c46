//! Which server answers: its stamp, followed over reconnects.

use fred::clients::{Client, WithOptions};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::{ClusterHash, CustomCommand};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// Not a stamp: those have 32 bits.
const UNKNOWN: u64 = u64::MAX;

/// The stamp of the server behind the connections. Unknown from the moment a connection breaks
/// until the next server has answered its run id.
#[derive(Debug)]
pub(super) struct Server {
    stamp: Arc<AtomicU64>,
    watchers: Vec<AbortHandle>,
}

impl Server {
    /// Follows the clients' connections. A cluster has many servers: its stamp is always 0.
    pub(super) async fn watch(clients: &[WithOptions<Client>]) -> Self {
        let clustered = clients.first().is_some_and(ClientLike::is_clustered);
        if clustered {
            return Self { stamp: Arc::new(AtomicU64::new(0)), watchers: Vec::new() };
        }
        let stamp = Arc::new(AtomicU64::new(UNKNOWN));
        let mut watchers = Vec::new();
        for client in clients {
            watchers.push(tokio::spawn(follow_errors(client.clone(), stamp.clone())).abort_handle());
            watchers.push(tokio::spawn(follow_reconnects(client.clone(), stamp.clone())).abort_handle());
        }
        if let Some(client) = clients.first() {
            learn(client, &stamp).await;
        }
        Self { stamp, watchers }
    }

    pub(super) fn stamp(&self) -> Option<u32> {
        u32::try_from(self.stamp.load(Ordering::Acquire)).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.watchers.iter().for_each(AbortHandle::abort);
    }
}

/// Any error on a connection makes the server unknown, a lagging channel too.
async fn follow_errors(client: WithOptions<Client>, stamp: Arc<AtomicU64>) {
    let mut errors = client.error_rx();
    loop {
        match errors.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => stamp.store(UNKNOWN, Ordering::Release),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn follow_reconnects(client: WithOptions<Client>, stamp: Arc<AtomicU64>) {
    let mut reconnects = client.reconnect_rx();
    loop {
        match reconnects.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => learn(&client, &stamp).await,
            Err(RecvError::Closed) => return,
        }
    }
}

async fn learn(client: &WithOptions<Client>, stamp: &AtomicU64) {
    let info = CustomCommand::new_static("INFO", ClusterHash::FirstKey, false);
    match client.custom::<String, _>(info, vec!["server"]).await {
        Ok(text) => stamp.store(u64::from(stamp_of(&text)), Ordering::Release),
        Err(error) => {
            tracing::debug!(target: "sea_orm_autocache", error = %error.details(), "the server's run id is unknown");
        }
    }
}

/// A hash of the server's `run_id`, which is new with every start of the server.
fn stamp_of(info: &str) -> u32 {
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default();
    let digest = Sha256::digest(run_id.trim());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_run_has_another_stamp() {
        assert_ne!(
            stamp_of("redis_version:7\r\nrun_id:aa\r\n"),
            stamp_of("redis_version:7\r\nrun_id:ab\r\n")
        );
        assert_eq!(stamp_of("run_id:aa\r\n"), stamp_of("x:1\nrun_id:aa\n"));
    }
}
