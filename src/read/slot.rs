//! Where a read puts its rows.
//!
//! The core that reads is not generic; the place for a row is, so a hit is decoded where the caller wants it,
//! without an `Arc` around it.

use crate::entity::{CachedEntity, EntityOps, Row, decode_model};
use crate::entry::values::Reader;
use sea_orm::{EntityTrait, ModelTrait};
use std::any::Any;

/// The place for a row of one entity.
pub(crate) trait RowSlot: Send {
    /// Decodes the row with these values. Whether there is one.
    fn decode(&mut self, values: &mut Reader<'_>) -> bool;

    /// Takes a copy of this row. Whether it is one of the entity.
    fn copy(&mut self, row: &dyn Any) -> bool;

    /// Takes this row, or a copy of it.
    fn put(&mut self, row: &Row) {
        self.copy(&**row);
    }

    fn row(&self) -> Option<&dyn Any>;

    fn clear(&mut self);
}

impl<M> RowSlot for Option<M>
where
    M: ModelTrait<Entity: CachedEntity + EntityTrait<Model = M>> + Sync + 'static,
{
    fn decode(&mut self, values: &mut Reader<'_>) -> bool {
        *self = decode_model::<M::Entity>(values);
        self.is_some()
    }

    #[inline]
    fn copy(&mut self, row: &dyn Any) -> bool {
        *self = row.downcast_ref::<M>().cloned();
        self.is_some()
    }

    fn row(&self) -> Option<&dyn Any> {
        match self {
            Some(row) => Some(row),
            None => None,
        }
    }

    fn clear(&mut self) {
        *self = None;
    }
}

/// Places for rows of one entity, by their number.
pub(crate) trait RowSlots: Send {
    fn slot(&mut self, place: usize) -> &mut dyn RowSlot;

    /// Copies the row from one place to another.
    fn duplicate(&mut self, from: usize, to: usize);
}

impl<M> RowSlots for Vec<Option<M>>
where
    M: ModelTrait<Entity: CachedEntity + EntityTrait<Model = M>> + Sync + 'static,
{
    fn slot(&mut self, place: usize) -> &mut dyn RowSlot {
        &mut self[place]
    }

    fn duplicate(&mut self, from: usize, to: usize) {
        let row = self[from].clone();
        self[to] = row;
    }
}

/// The place for a row that stays untyped.
pub(super) struct SharedRow {
    ops: &'static dyn EntityOps,
    pub(super) row: Option<Row>,
}

impl SharedRow {
    pub(super) fn of(ops: &'static dyn EntityOps) -> Self {
        Self { ops, row: None }
    }
}

impl RowSlot for SharedRow {
    fn decode(&mut self, values: &mut Reader<'_>) -> bool {
        self.row = self.ops.decode(values);
        self.row.is_some()
    }

    /// A copy needs the type; shared rows are only [`put`](RowSlot::put).
    fn copy(&mut self, _: &dyn Any) -> bool {
        false
    }

    fn put(&mut self, row: &Row) {
        self.row = Some(row.clone());
    }

    fn row(&self) -> Option<&dyn Any> {
        match &self.row {
            Some(row) => Some(&**row),
            None => None,
        }
    }

    fn clear(&mut self) {
        self.row = None;
    }
}

impl RowSlots for Vec<SharedRow> {
    fn slot(&mut self, place: usize) -> &mut dyn RowSlot {
        &mut self[place]
    }

    fn duplicate(&mut self, from: usize, to: usize) {
        self[to].row = self[from].row.clone();
    }
}
