//! Which server answers: its stamp, followed over reconnects.

use super::permissions::is_forbidden;
use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface};
use fred::prelude::FredResult;
use fred::types::{ClientState, ClusterHash, CustomCommand};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::Receiver as BroadcastReceiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// Not a stamp: those have 32 bits.
const UNKNOWN: u64 = u64::MAX;

/// The pauses before a server that is connected and has not reported its run id gets asked again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

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
            let (errors, reconnects) = (client.error_rx(), client.reconnect_rx());
            let following = follow(client.clone(), errors, reconnects, stamp.clone());
            watchers.push(tokio::spawn(following).abort_handle());
        }
        if let Some(client) = clients.first() {
            let _ = learn(client, &stamp).await;
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

/// Any error on a connection makes the server unknown, a lagging channel too. It is asked when it is connected, and
/// again until it has answered.
async fn follow(
    client: WithOptions<Client>,
    mut errors: BroadcastReceiver<(Error, Option<fred::types::config::Server>)>,
    mut reconnects: BroadcastReceiver<fred::types::config::Server>,
    stamp: Arc<AtomicU64>,
) {
    let (mut pause, mut warned) = (PAUSE_MIN, false);
    loop {
        let unknown = stamp.load(Ordering::Acquire) == UNKNOWN && client.state() == ClientState::Connected;
        tokio::select! {
            biased;
            error = errors.recv() => match error {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    stamp.store(UNKNOWN, Ordering::Release);
                    pause = PAUSE_MIN;
                    continue;
                }
                Err(RecvError::Closed) => return,
            },
            reconnected = reconnects.recv() => {
                if matches!(reconnected, Err(RecvError::Closed)) {
                    return;
                }
            }
            () = tokio::time::sleep(pause), if unknown => {}
        }
        match learn(&client, &stamp).await {
            Ok(()) => (pause, warned) = (PAUSE_MIN, false),
            Err(error) => {
                pause = PAUSE_MAX.min(pause * 2);
                if is_forbidden(&error) && !std::mem::replace(&mut warned, true) {
                    tracing::warn!(
                        target: "sea_orm_autocache", error = %error.details(),
                        "Redis does not say which server it is: nothing is cached. Allow its user `+info`"
                    );
                }
            }
        }
    }
}

async fn learn(client: &WithOptions<Client>, stamp: &AtomicU64) -> FredResult<()> {
    let info = CustomCommand::new_static("INFO", ClusterHash::FirstKey, false);
    let text = client.custom::<String, _>(info, vec!["server"]).await?;
    stamp.store(u64::from(stamp_of(&text)), Ordering::Release);
    Ok(())
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
