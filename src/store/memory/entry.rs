use crate::entry::Reading;
use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::time::Instant;

/// As many as the memory store's map counts of the reads that it sees.
const USES_MAX: u8 = 2;

/// The decoded form of an entry, and what the reader that decoded it expected of its header. A reader with the
/// same expectations need not look at the header again.
#[derive(Clone)]
pub(crate) struct Decoded {
    pub(crate) reading: Reading,
    pub(crate) row: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("reading", &self.reading).finish_non_exhaustive()
    }
}

/// Where an entry can be found beside its key.
pub(super) trait EntryIndex: Send + Sync {
    /// Takes this very entry out.
    fn remove(&self, id: i64, entry: &MemoryEntry);
}

/// An entry in this process' memory. Decoded once, then shared.
pub struct MemoryEntry {
    bytes: Bytes,
    /// What its row takes beside them once it is decoded, about. 0 where a store does not ask for it.
    decoded_bytes: usize,
    decoded: OnceLock<Decoded>,
    /// Set by the store that has it. `None` within: never.
    expires: OnceLock<Option<Instant>>,
    /// Hits through the id index since the last eviction pass, up to [`USES_MAX`]. The eviction policy cannot
    /// see them, so each buys one reprieve.
    used: AtomicU8,
    /// Whether it need not be listed, because it is or may not be: for readers, without the lock.
    settled: AtomicBool,
    standing: Mutex<Standing>,
}

enum Standing {
    Unlisted,
    Listed(Weak<dyn EntryIndex>, i64),
    /// Its store holds it no more. It never does again.
    Withdrawn,
}

impl MemoryEntry {
    /// An entry that is not decoded yet.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self::with_decoded_bytes(bytes, 0)
    }

    /// As [`new`](Self::new), for a store that is bounded by bytes.
    pub(super) fn weighed(bytes: Bytes) -> Self {
        let decoded_bytes = crate::entry::decoded_bytes(&bytes);
        // It was written into more room than it needs: up to twice as much.
        Self::with_decoded_bytes(Bytes::copy_from_slice(&bytes), decoded_bytes)
    }

    fn with_decoded_bytes(bytes: Bytes, decoded_bytes: usize) -> Self {
        Self {
            bytes,
            decoded_bytes,
            decoded: OnceLock::new(),
            expires: OnceLock::new(),
            used: AtomicU8::new(0),
            settled: AtomicBool::new(false),
            standing: Mutex::new(Standing::Unlisted),
        }
    }

    /// The entry's bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its bytes and its row.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.decoded_bytes
    }

    /// The decoded form, if a reader has left it here.
    #[inline]
    pub(crate) fn decoded(&self) -> Option<&Decoded> {
        self.decoded.get()
    }

    /// Leaves the decoded form for the next reader. The first one stays.
    pub(crate) fn remember(&self, decoded: Decoded) {
        let _ = self.decoded.set(decoded);
    }

    pub(super) fn set_expiry(&self, expires: Option<Instant>) {
        let _ = self.expires.set(expires);
    }

    /// An entry that is read all the time is not written to, so that cores which read it share its memory. One
    /// of two reads at the same moment may not be counted.
    #[inline]
    pub(super) fn note_use(&self) {
        let used = self.used.load(Ordering::Relaxed);
        if used < USES_MAX {
            self.used.store(used + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed) > 0
    }

    /// Takes one use back. Whether there was one.
    pub(super) fn take_use(&self) -> bool {
        let used = self.used.load(Ordering::Relaxed);
        self.used.store(used.saturating_sub(1), Ordering::Relaxed);
        used > 0
    }

    /// Lists the entry in an index by `put`, which tells whether it did, for as long as it stands in its store.
    ///
    /// A reader comes here with what it has found under the key a while ago. The lock decides whether the
    /// store has withdrawn it since: if so, it stays unlisted; if not, the withdrawal waits, and finds it
    /// listed.
    pub(super) fn list(
        &self,
        index: Weak<dyn EntryIndex>,
        id: i64,
        put: impl FnOnce(Option<Instant>, Decoded) -> bool,
    ) {
        if self.settled.load(Ordering::Relaxed) {
            return;
        }
        let (Some(expires), Some(decoded)) = (self.expires.get(), self.decoded.get()) else { return };
        let mut standing = self.standing();
        if matches!(*standing, Standing::Unlisted) && put(*expires, decoded.clone()) {
            *standing = Standing::Listed(index, id);
        }
        self.settled.store(true, Ordering::Relaxed);
    }

    /// The store gives it up. Comes before the answer of the step that is the cause, under the lock of
    /// the key's shard.
    pub(super) fn withdraw(&self) {
        let standing = std::mem::replace(&mut *self.standing(), Standing::Withdrawn);
        if let Standing::Listed(index, id) = standing
            && let Some(index) = index.upgrade()
        {
            index.remove(id, self);
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for MemoryEntry {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for MemoryEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEntry").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
