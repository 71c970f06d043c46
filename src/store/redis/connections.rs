use super::faults::fault;
use super::reply::timed_out;
use super::server::Server;
use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::ConnectHandle;
use fred::types::config::{Options, Server as Address};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::Receiver as BroadcastReceiver;
use tokio::sync::broadcast::error::RecvError;
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
        let (tasks, _) = start(&clients).await;
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

/// Starts the clients, and waits until they are connected, but not for long: they go on trying. With the error of the
/// first that is not connected, as soon as there is one that no waiting removes.
pub(super) async fn start(clients: &[Client]) -> (Vec<ConnectHandle>, Option<Error>) {
    // Each failed attempt is an event, and only those after this are seen.
    let errors: Vec<_> = clients.iter().map(EventInterface::error_rx).collect();
    let tasks = clients.iter().map(ClientLike::connect).collect();
    let mut refused = None;
    for (client, errors) in clients.iter().zip(errors) {
        let connected = connected(client, errors).await;
        refused = refused.or(connected.err());
    }
    (tasks, refused)
}

/// # Errors
/// The client is not connected: with why, as far as it has told.
async fn connected(
    client: &Client,
    mut errors: BroadcastReceiver<(Error, Option<Address>)>,
) -> Result<(), Error> {
    let mut late = pin!(tokio::time::sleep(CONNECT_TIMEOUT));
    let mut connecting = pin!(client.wait_for_connect());
    let mut last = timed_out();
    loop {
        tokio::select! {
            biased;
            error = errors.recv() => match error {
                Ok((error, _)) if fault(error.details()).is_some() => return Err(error),
                Ok((error, _)) => last = error,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(last),
            },
            answer = &mut connecting => return answer,
            () = &mut late => return Err(last),
        }
    }
}
