//! The right of one reader to fill a key, and for how long.

use crate::coherence::{Step, Token};
use crate::keyspace::Keyspace;
use crate::store::Command;
use std::sync::Arc;
use std::time::Duration;

/// How long a reader may take between its lease and its fill.
pub(super) const LEASE: Duration = Duration::from_secs(3);
/// The pauses before each look at a key that another reader is about to fill.
pub(super) const POLLS: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
];

/// Gives leases back when the read that took them is dropped.
pub(super) struct LeaseGuard {
    keyspace: Arc<Keyspace>,
    leases: Vec<(String, Token)>,
}

impl LeaseGuard {
    pub(super) fn new(keyspace: &Arc<Keyspace>, leases: impl Iterator<Item = (String, Token)>) -> Self {
        Self { keyspace: keyspace.clone(), leases: leases.collect() }
    }

    pub(super) fn disarm(mut self) {
        self.leases.clear();
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let leases = std::mem::take(&mut self.leases);
        if leases.is_empty() {
            return;
        }
        // Without a runtime the leases expire by themselves.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let keyspace = self.keyspace.clone();
            let unlease = |(key, token)| Command { key, step: Step::Unlease { token } };
            let commands = leases.into_iter().map(unlease).collect();
            runtime.spawn(async move { keyspace.backend.run(commands).await });
        }
    }
}
