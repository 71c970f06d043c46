use crate::autocache::Region;
use std::sync::Arc;

/// Entities of which a statement under way may change any row. Whoever drops this without saying how
/// the statement has ended leaves them owed: it may still commit.
#[derive(Debug, Default)]
pub(super) struct Swept(Vec<Arc<Region>>);

impl Swept {
    pub(super) fn of(regions: Vec<Arc<Region>>) -> Self {
        Self(regions)
    }

    pub(super) fn push(&mut self, region: Arc<Region>) {
        self.0.push(region);
    }

    /// The statement has committed.
    pub(super) async fn clear(mut self) {
        while let Some(region) = self.0.last().cloned() {
            region.clear().await;
            self.0.pop();
        }
    }

    /// The statement has certainly changed nothing.
    pub(super) fn forget(mut self) {
        self.0.clear();
    }
}

impl Drop for Swept {
    fn drop(&mut self) {
        for region in self.0.drain(..) {
            region.backend.owe_entity(region.entity_keys(), region.settings.hold);
        }
    }
}
