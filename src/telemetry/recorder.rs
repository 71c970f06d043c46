use super::counts::{Cells, Counts, Event};
use super::meters::{EntityMeters, Watch};
use super::spread::Spread;
use super::stats::EntityStats;
use super::timed::Timed;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The counters of one entity.
#[derive(Debug)]
pub(crate) struct Recorder {
    entity: Arc<str>,
    backend: Arc<str>,
    cells: Spread<Cells>,
    meters: EntityMeters,
}

impl Recorder {
    pub(crate) fn new(entity: &str, backend: &str) -> Self {
        Self {
            entity: entity.into(),
            backend: backend.into(),
            cells: Spread::default(),
            meters: EntityMeters::new(entity, backend),
        }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.count_many(event, 1);
    }

    #[inline]
    pub(crate) fn count_many(&self, event: Event, n: u64) {
        if n == 0 {
            return;
        }
        self.cells.mine().cell(event).fetch_add(n, Ordering::Relaxed);
        self.meters.add(event, n);
    }

    /// A hit through the id index.
    #[inline]
    pub(crate) fn count_by_id(&self) {
        let cells = self.cells.mine();
        let before = cells.by_id.fetch_add(1, Ordering::Relaxed);
        if EntityMeters::ends_batch(before) {
            self.export_by_id(cells);
        }
    }

    /// Hits that are round trips which the backend has not counted.
    pub(crate) fn by_id(&self) -> u64 {
        self.cells.all().map(|cells| cells.by_id.load(Ordering::Relaxed)).sum()
    }

    /// A read has ended.
    #[inline]
    pub(crate) fn time(&self, timed: Timed, watch: Watch) {
        self.meters.time(timed, watch);
    }

    /// Exports what [`count_by_id`](Self::count_by_id) has kept back.
    #[cfg(feature = "metrics")]
    pub(crate) fn export(&self) {
        self.cells.all().for_each(|cells| self.export_by_id(cells));
    }

    fn export_by_id(&self, cells: &Cells) {
        let now = cells.by_id.load(Ordering::Relaxed);
        // Of several threads each exports a stretch of its own.
        let before = cells.by_id_exported.fetch_max(now, Ordering::Relaxed);
        self.meters.add_by_id(now.saturating_sub(before));
    }

    pub(crate) fn read(&self) -> EntityStats {
        let mut counts = Counts::default();
        self.cells.all().for_each(|cells| counts.add(&cells.read()));
        EntityStats { entity: self.entity.to_string(), backend: self.backend.to_string(), counts }
    }
}
