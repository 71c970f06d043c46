use std::sync::Arc;
use tokio::sync::Notify;

/// Where a held call waits. Clones are the same gate; each opening lets one call through.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    reached: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until a call has come to the gate.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets the call that waits go on, or the next one that comes.
    pub fn open(&self) {
        self.opened.notify_one();
    }

    pub(super) async fn pass(&self) {
        self.reached.notify_one();
        self.opened.notified().await;
    }
}
