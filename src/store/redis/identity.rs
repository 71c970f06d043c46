//! Which server answers: its stamp, followed over reconnects, and whether it is a primary.

use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// So long after a server was asked who it is, the answer counts. A failover that takes longer finds no reader who
/// still believes in the old primary, however long that one, or the reader, was stopped.
pub(super) const TRUST: Duration = Duration::from_secs(3);

/// Bit 32: the stamp is known. The bits below: the stamp. Those above: how often it was forgotten.
const KNOWN: u64 = 1 << 32;
const GENERATION: u32 = 33;

/// The server behind some connections. Unknown from the moment one of them breaks until the next server has answered
/// who it is.
#[derive(Debug)]
pub(super) struct Identity {
    state: AtomicU64,
    is_replica: AtomicBool,
    made: Instant,
    /// When the answer was asked for, in milliseconds after `made`.
    asked_ms: AtomicU64,
    pub(super) changed: Notify,
    /// Why the last attempt to connect has failed.
    trouble: Mutex<Option<String>>,
}

/// What a server has said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    stamp: u32,
    is_replica: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            state: AtomicU64::new(0),
            is_replica: AtomicBool::new(false),
            made: Instant::now(),
            asked_ms: AtomicU64::new(0),
            changed: Notify::new(),
            trouble: Mutex::default(),
        }
    }
}

impl Identity {
    /// The stamp of the primary that answers. `None` while it is not known, or not for sure any more.
    pub(super) fn stamp(&self) -> Option<u32> {
        let state = self.state.load(Ordering::Acquire);
        let asked = || Duration::from_millis(self.asked_ms.load(Ordering::Acquire));
        let is_fresh = || self.made.elapsed().saturating_sub(asked()) < TRUST;
        // The lowest 32 bits.
        (state & KNOWN != 0 && is_fresh()).then_some(state as u32)
    }

    /// Why there is no connection; `None` where there is, or nobody has said.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An attempt to connect has failed for this reason, or has not.
    pub(super) fn note_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn is_known(&self) -> bool {
        self.state.load(Ordering::Acquire) & KNOWN != 0
    }

    /// Whether the server is not the one to ask.
    pub(super) fn is_replica(&self) -> bool {
        self.is_replica.load(Ordering::Acquire)
    }

    /// To be taken before the server is asked who it is.
    pub(super) fn generation(&self) -> u64 {
        self.state.load(Ordering::Acquire) >> GENERATION
    }

    /// A connection has broken: another server may answer next.
    pub(super) fn forget(&self) {
        let next = |state: u64| Some(((state >> GENERATION) + 1) << GENERATION);
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        self.changed.notify_one();
    }

    /// The server has answered as only a replica does.
    pub(super) fn demote(&self) {
        if !self.is_replica.swap(true, Ordering::AcqRel) {
            self.forget();
        }
    }

    /// What the server has answered that was asked at this moment, in this generation. Without effect if a connection
    /// has broken meanwhile.
    pub(super) fn learn(&self, generation: u64, asked: Instant, account: Account) {
        let Account { stamp, is_replica } = account;
        let known = if is_replica { 0 } else { KNOWN | u64::from(stamp) };
        let after = asked.saturating_duration_since(self.made).as_millis();
        self.asked_ms.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Release);
        let learnt =
            |state: u64| (state >> GENERATION == generation).then_some(generation << GENERATION | known);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, learnt).is_ok() {
            self.is_replica.store(is_replica, Ordering::Release);
        }
    }
}

impl Account {
    /// From the sections `server` and `replication` of `INFO`. The run id is new with every start of a server; the
    /// replication id with every promotion, so that a server which was replaced and is promoted again is another one.
    pub(super) fn of(server: &str, replication: &str) -> Self {
        let line = |text: &str, name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or_default().trim().to_owned()
        };
        let identity = [line(server, "run_id"), line(replication, "master_replid")].join(" ");
        let digest = Sha256::digest(identity);
        let stamp = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Self { stamp, is_replica: line(replication, "role") == "slave" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary(run: &str, replication: &str) -> Account {
        let server = format!("redis_version:7\r\nrun_id:{run}\r\n");
        Account::of(&server, &format!("role:master\r\nmaster_replid:{replication}\r\nmaster_replid2:x\r\n"))
    }

    #[test]
    fn another_run_and_another_promotion_have_another_stamp() {
        assert_eq!(primary("a", "b"), primary("a", "b"));
        assert_ne!(primary("a", "b"), primary("c", "b"));
        assert_ne!(primary("a", "b"), primary("a", "c"));
        assert!(Account::of("run_id:a", "role:slave").is_replica);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_before_a_connection_broke_teaches_nothing() {
        let identity = Identity::default();
        let before = identity.generation();
        identity.forget();
        identity.learn(before, Instant::now(), primary("a", "b"));
        assert_eq!(identity.stamp(), None);
        identity.learn(identity.generation(), Instant::now(), primary("a", "b"));
        assert_eq!(identity.stamp(), Some(primary("a", "b").stamp));
        identity.forget();
        assert_eq!(identity.stamp(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_go_on_saying_who_it_is_is_not_trusted() {
        let identity = Identity::default();
        identity.learn(0, Instant::now(), primary("a", "b"));
        tokio::time::advance(TRUST - Duration::from_millis(1)).await;
        assert!(identity.stamp().is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(identity.stamp().is_none() && identity.is_known());
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_has_no_stamp_until_it_is_promoted() {
        let identity = Identity::default();
        identity.learn(0, Instant::now(), primary("a", "b"));
        identity.demote();
        assert!(identity.is_replica() && identity.stamp().is_none());
        identity.learn(identity.generation(), Instant::now(), Account::of("run_id:a", "role:slave"));
        assert!(identity.is_replica() && identity.stamp().is_none());
        identity.learn(identity.generation(), Instant::now(), primary("a", "c"));
        assert!(!identity.is_replica() && identity.stamp().is_some());
    }
}
