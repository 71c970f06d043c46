//! One server: the connections to it, who it is, and what follows both.

use super::address::Address;
use super::identity::Identity;
use super::inquiry::Inquiry;
use super::sentinels::Sentinels;
use super::wire::{Connection, Dial, Request, RespValue, Wire, WireError, WireErrorKind};
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A server that has been silent for so long gets new connections; the next ones are waited for longer.
const PATIENCE_MIN: Duration = Duration::from_millis(400);
const PATIENCE_SECOND: Duration = Duration::from_secs(2);
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Connections that have ended are not replaced more often.
const ENDED_PAUSE: Duration = Duration::from_millis(50);
/// How long a server may take to answer one who wants to know whether it is there.
const ANSWER_MAX: Duration = Duration::from_millis(100);

/// A server. Its connections are replaced as a whole when they lead nowhere.
#[derive(Debug)]
pub(super) struct Node {
    dial: Arc<Dial>,
    /// How many connections share the load.
    connections: usize,
    link: ArcSwap<Link>,
    next: AtomicUsize,
    /// Whether a node of a Cluster has not answered: commands fail at once until it does.
    is_away: AtomicBool,
}

/// A command for a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) request: &'a Request,
    /// Whether a node of a Cluster is to be told that another one has sent it.
    pub(super) asking: bool,
}

impl<'a> Outgoing<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        Self { request, asking: false }
    }
}

/// Connections that were made together. They belong to the runtime on which they were made.
#[derive(Debug)]
pub(super) struct Link {
    /// `None` while it is not known where the server is.
    address: Option<Address>,
    wires: Vec<Wire>,
    identity: Arc<Identity>,
    /// Who knows whether the server is still the primary.
    sentinels: Option<Arc<Sentinels>>,
    follower: Option<AbortHandle>,
    made: Instant,
    patience: Duration,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.follower.iter().for_each(AbortHandle::abort);
    }
}

impl Node {
    /// Connects, but does not wait for long. Without an address it fails until it is [led](Self::lead_to) to one.
    ///
    /// # Errors
    /// The settings are wrong.
    pub(super) fn open(
        dial: &Arc<Dial>,
        connections: usize,
        address: Option<Address>,
        sentinels: Option<Arc<Sentinels>>,
    ) -> BoxFuture<'_, Result<Arc<Self>, WireError>> {
        Box::pin(async move {
            let link = Link::open(dial, connections, address, sentinels, PATIENCE_MIN).await?;
            Ok(Self::on(dial, connections, link))
        })
    }

    /// On connections that the user has made.
    #[cfg(feature = "fred")]
    pub(super) async fn adopt(
        dial: &Arc<Dial>,
        address: Address,
        wires: Vec<Wire>,
        identity: Arc<Identity>,
    ) -> Arc<Self> {
        let connections = wires.len();
        let (address, made, patience) = (Some(address), Instant::now(), PATIENCE_MIN);
        let link = Link { address, wires, identity, sentinels: None, follower: None, made, patience };
        Self::on(dial, connections, link.followed(dial.command_timeout).await)
    }

    fn on(dial: &Arc<Dial>, connections: usize, link: Link) -> Arc<Self> {
        let link = ArcSwap::from_pointee(link);
        let (next, is_away) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { dial: dial.clone(), connections, link, next, is_away })
    }

    pub(super) fn address(&self) -> Option<Address> {
        self.link.load().address.clone()
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.is_away.store(away, Ordering::Release);
    }

    /// See [`Identity::trouble`].
    pub(super) fn trouble(&self) -> Option<String> {
        self.link.load().identity.trouble()
    }

    /// See [`Identity::stamp`].
    pub(super) fn stamp(&self) -> Option<u32> {
        self.link.load().identity.stamp()
    }

    /// Reads a key.
    pub(super) async fn get(&self, key: String, limit: Duration) -> Result<Option<Bytes>, WireError> {
        let link = self.link.load();
        match link.wire(&self.next)? {
            #[cfg(feature = "fred")]
            Wire::Fred(wire) => in_time(limit, pin!(wire.get(key))).await,
            #[cfg(feature = "redis-rs")]
            Wire::RedisRs(wire) => in_time(limit, pin!(wire.get(key))).await,
        }
    }

    /// Reads keys by one command.
    pub(super) async fn mget(
        &self,
        keys: Vec<String>,
        limit: Duration,
    ) -> Result<Vec<Option<Bytes>>, WireError> {
        let link = self.link.load();
        let wire = link.wire(&self.next)?;
        let answers = pin!(wire.mget(keys));
        in_time(limit, answers).await
    }

    /// One round trip.
    pub(super) async fn send(
        &self,
        commands: &[Outgoing<'_>],
        limit: Duration,
    ) -> Vec<Result<RespValue, WireError>> {
        let link = self.link.load_full();
        let wire = match link.wire(&self.next) {
            Ok(wire) => wire,
            Err(error) => return commands.iter().map(|_| Err(error.clone())).collect(),
        };
        let asking = Request::of("ASKING", []);
        let mut sent: Vec<&Request> = Vec::with_capacity(commands.len());
        for command in commands {
            sent.extend(command.asking.then_some(&asking));
            sent.push(command.request);
        }
        let mut all = wire.send(&sent, limit).await.into_iter();
        let answer = |command: &Outgoing<'_>| {
            let asked = if command.asking { all.next() } else { None };
            match (asked, all.next()) {
                (Some(Err(error)), _) => Err(error),
                (_, answer) => {
                    answer.unwrap_or_else(|| Err(WireError::new(WireErrorKind::Client, "no answer")))
                }
            }
        };
        let answers: Vec<_> = commands.iter().map(answer).collect();
        let is_of_replica =
            |answer: &Result<_, WireError>| matches!(answer, Err(error) if error.is_of_replica());
        if answers.iter().any(is_of_replica) {
            link.identity.demote();
        }
        answers
    }

    /// As [`send`](Self::send), of one.
    pub(super) async fn ask(&self, request: Request, limit: Duration) -> Result<RespValue, WireError> {
        let mut answers = self.send(&[Outgoing::of(&request)], limit).await;
        answers.pop().unwrap_or_else(|| Err(WireError::new(WireErrorKind::Client, "no answer")))
    }

    /// Whether the server is there, on each of its connections, and is a primary.
    pub(super) async fn answers(&self) -> bool {
        let link = self.link.load_full();
        let inquiries: Vec<Inquiry> = link.wires.iter().map(|wire| link.inquiry(wire, ANSWER_MAX)).collect();
        let asked = inquiries.iter().map(Inquiry::ask);
        let is_there =
            |answer: Result<(), WireError>| answer.is_ok() || answer.is_err_and(|error| !error.is_away());
        !link.wires.is_empty()
            && join_all(asked).await.into_iter().all(is_there)
            && !link.identity.is_replica()
    }

    /// New connections, if these lead nowhere: one of them has ended, or the server has been silent for too long.
    /// Whether it has them.
    pub(super) async fn renew(&self, away: Duration) -> bool {
        let link = self.link.load_full();
        let age = link.made.elapsed();
        let has_ended = link.wires.iter().any(Wire::has_ended);
        // Those from before the outage have led somewhere.
        let patience = if age > away { PATIENCE_MIN } else { link.patience };
        let is_silent = away.min(age) >= patience;
        if age < ENDED_PAUSE || !(has_ended || is_silent) || !has_ended && self.answers().await {
            return false;
        }
        let next_patience = PATIENCE_MAX.min(PATIENCE_SECOND.max(patience * 2));
        self.replace(link.address.clone(), next_patience).await
    }

    /// Another server has taken its place.
    pub(super) async fn lead_to(&self, address: Address) -> bool {
        self.replace(Some(address), PATIENCE_MIN).await
    }

    async fn replace(&self, address: Option<Address>, patience: Duration) -> bool {
        let sentinels = self.link.load().sentinels.clone();
        match Link::open(&self.dial, self.connections, address, sentinels, patience).await {
            Ok(link) => {
                self.link.store(Arc::new(link));
                true
            }
            Err(_) => false,
        }
    }
}

impl Link {
    async fn open(
        dial: &Dial,
        connections: usize,
        address: Option<Address>,
        sentinels: Option<Arc<Sentinels>>,
        patience: Duration,
    ) -> Result<Self, WireError> {
        let identity = Arc::new(Identity::default());
        let mut wires = Vec::with_capacity(connections);
        if let Some(address) = &address {
            let opened = (0..connections).map(|_| Wire::open(dial, address, &identity));
            for wire in join_all(opened).await {
                wires.push(wire?);
            }
        }
        let link =
            Self { address, wires, identity, sentinels, follower: None, made: Instant::now(), patience };
        Ok(link.followed(dial.command_timeout).await)
    }

    /// With a task that follows who the server is.
    async fn followed(mut self, limit: Duration) -> Self {
        if let Some(wire) = self.wires.first() {
            let inquiry = self.inquiry(wire, limit);
            let _ = inquiry.ask().await;
            self.follower = Some(tokio::spawn(inquiry.follow()).abort_handle());
        }
        self
    }

    fn inquiry(&self, wire: &Wire, limit: Duration) -> Inquiry {
        let sentinels = self.sentinels.clone().zip(self.address.clone());
        Inquiry { wire: wire.clone(), identity: self.identity.clone(), sentinels, limit }
    }

    /// A connection for a command; `next` counts them.
    fn wire(&self, next: &AtomicUsize) -> Result<&Wire, WireError> {
        if self.identity.is_replica() {
            return Err(WireError::new(WireErrorKind::Broken, "the server is a replica"));
        }
        match self.wires.as_slice() {
            [only] => Ok(only),
            [] => Err(WireError::new(WireErrorKind::Broken, "no server is known")),
            wires => Ok(&wires[next.fetch_add(1, Ordering::Relaxed) % wires.len()]),
        }
    }
}

/// The answer, unless it comes too late. The timeout is around the client's future, not within, where it costs twice
/// as much; and beside it, since its 5 KiB are not to be moved once more.
async fn in_time<T, F>(limit: Duration, mut answer: Pin<&mut F>) -> Result<T, WireError>
where
    F: Future<Output = Result<T, WireError>>,
{
    let mut late = pin!(tokio::time::sleep(limit));
    let first = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => late.as_mut().poll(context).map(|()| Err(WireError::timed_out())),
    });
    first.await
}
