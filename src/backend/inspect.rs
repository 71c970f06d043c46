use super::Backend;
use crate::store::{Inspected, StoreError};

impl Backend {
    /// What the store holds under a key, whatever is known of it here. Not counted, and no outage begins or ends by it.
    pub(crate) async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        self.inner.store.as_dyn().inspect(key).await
    }

    /// Whether a read of this key asks the database without asking the store.
    pub(crate) fn bypasses(&self, key: &str) -> bool {
        self.inner.breaker.is_open() || self.inner.journal.suspects(key)
    }
}
