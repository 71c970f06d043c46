use super::server::Server;
use fred::clients::{Client, WithOptions};
use fred::interfaces::ClientLike;
use fred::types::ConnectHandle;
use fred::types::config::Options;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A server that has been silent for so long gets new connections; the next ones are waited for longer.
const PATIENCE_MIN: Duration = Duration::from_millis(400);
const PATIENCE_SECOND: Duration = Duration::from_secs(2);
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Clients whose task has ended are not replaced more often.
const ENDED_PAUSE: Duration = Duration::from_millis(50);

/// The clients of a store, and what follows them. They belong to the runtime on which they were made, and are
/// replaced as a whole when they lead nowhere.
pub(super) struct Connections {
    pub(super) clients: Vec<WithOptions<Client>>,
    /// The same clients without fred's timeout: see [`in_time`](super::reply::in_time).
    untimed: Vec<WithOptions<Client>>,
    pub(super) server: Server,
    /// The tasks of those that the store has made itself.
    tasks: Vec<ConnectHandle>,
    made: Instant,
    patience: Duration,
}

impl Connections {
    /// `tasks` are those of the clients that end with the store.
    pub(super) async fn of(
        clients: Vec<Client>,
        tasks: Vec<ConnectHandle>,
        command_timeout: Duration,
    ) -> Self {
        let untimed = clients.iter().map(|client| optioned(client, Duration::ZERO)).collect();
        let clients: Vec<_> = clients.iter().map(|client| optioned(client, command_timeout)).collect();
        let server = Server::watch(&clients).await;
        Self { clients, untimed, server, tasks, made: Instant::now(), patience: PATIENCE_MIN }
    }

    /// A client for a command; `next` counts them.
    pub(super) fn client(&self, next: &AtomicUsize) -> &WithOptions<Client> {
        one_of(&self.clients, next)
    }

    pub(super) fn untimed(&self, next: &AtomicUsize) -> &WithOptions<Client> {
        one_of(&self.untimed, next)
    }

    /// New ones like these, if these lead nowhere: the task of one has ended, or the server has been silent for too
    /// long.
    pub(super) async fn renewed(&self, away: Duration, command_timeout: Duration) -> Option<Self> {
        let age = self.made.elapsed();
        let ended = self.tasks.iter().any(ConnectHandle::is_finished);
        // Those from before the outage have led somewhere.
        let patience = if age > away { PATIENCE_MIN } else { self.patience };
        if age < ENDED_PAUSE || !(ended || away.min(age) >= patience) {
            return None;
        }
        let clients: Vec<Client> = self.clients.iter().map(|client| client.clone_new()).collect();
        let tasks = start(&clients).await;
        let mut new = Self::of(clients, tasks, command_timeout).await;
        new.patience = PATIENCE_MAX.min(PATIENCE_SECOND.max(patience * 2));
        Some(new)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.tasks.iter().for_each(ConnectHandle::abort);
    }
}

fn one_of<'a>(clients: &'a [WithOptions<Client>], next: &AtomicUsize) -> &'a WithOptions<Client> {
    match clients {
        [only] => only,
        _ => &clients[next.fetch_add(1, Ordering::Relaxed) % clients.len()],
    }
}

/// `fail_fast` looks at the connection's state when a command is sent; the timeout covers a silent
/// server; one attempt, so that a command is never replayed late (a redirect in a cluster is one more).
pub(super) fn optioned(client: &Client, command_timeout: Duration) -> WithOptions<Client> {
    let max_attempts = Some(if client.is_clustered() { 3 } else { 1 });
    client.with_options(&Options {
        fail_fast: true,
        timeout: Some(command_timeout),
        max_attempts,
        ..Options::default()
    })
}

/// Starts the clients, and waits until they are connected, but not for long: they go on trying.
pub(super) async fn start(clients: &[Client]) -> Vec<ConnectHandle> {
    let tasks = clients.iter().map(ClientLike::connect).collect();
    for client in clients {
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, client.wait_for_connect()).await;
    }
    tasks
}
