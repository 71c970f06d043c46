use super::near::Near;
use bytes::Bytes;
use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::time::Instant;

/// As many as the memory store's map counts of the reads that it sees.
const USES_MAX: u8 = 2;

/// The decoded form of an entry, of whatever type.
pub(super) type Decoded = Arc<dyn Any + Send + Sync>;

/// An entry in this process' memory. Decoded once, then shared.
#[derive(Debug)]
pub struct Resident {
    bytes: Bytes,
    decoded: OnceLock<Decoded>,
    /// Set by the store that has it. `None` within: never.
    expires: OnceLock<Option<Instant>>,
    /// How often it was read past the store, up to [`USES_MAX`], less one for each time it was spared for it.
    used: AtomicU8,
    /// Whether it need not be listed, because it is or may not be: for readers, without the lock.
    settled: AtomicBool,
    standing: Mutex<Standing>,
}

/// Where an entry can be found beside its key.
#[derive(Debug)]
enum Standing {
    Unlisted,
    Listed(Weak<Near>, i64),
    /// Its store holds it no more. It never does again.
    Withdrawn,
}

impl Resident {
    /// An entry that nobody has decoded yet.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
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

    /// The decoded form, if somebody has left it here and it is a `T`.
    #[must_use]
    #[inline]
    pub fn decoded<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.decoded.get()?.downcast_ref()
    }

    /// Leaves the decoded form for the next reader. The first one stays.
    pub fn remember<T: Send + Sync + 'static>(&self, decoded: T) {
        let _ = self.decoded.set(Arc::new(decoded));
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

    /// Lets its decoded form be found by this number for as long as it stands in its store.
    ///
    /// A reader comes here with what it has found under the key a while ago. The lock decides whether the
    /// store has withdrawn it since: if so, it stays unlisted; if not, the withdrawal waits, and finds it
    /// listed.
    pub(crate) fn list_in(self: &Arc<Self>, near: &Arc<Near>, number: i64) {
        if self.settled.load(Ordering::Relaxed) {
            return;
        }
        let (Some(expires), Some(decoded)) = (self.expires.get(), self.decoded.get()) else { return };
        let mut standing = self.standing();
        if matches!(*standing, Standing::Unlisted) {
            near.put(number, *expires, decoded.clone(), self.clone());
            *standing = Standing::Listed(Arc::downgrade(near), number);
        }
        self.settled.store(true, Ordering::Relaxed);
    }

    /// The store gives it up. Comes before the answer of the step that is the cause, under the lock of
    /// the key's shard.
    pub(super) fn withdraw(&self) {
        let standing = std::mem::replace(&mut *self.standing(), Standing::Withdrawn);
        if let Standing::Listed(near, number) = standing
            && let Some(near) = near.upgrade()
        {
            near.remove(number, self);
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Resident {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
