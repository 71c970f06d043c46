//! What a bulk write tells the unit of work that it belongs to.

use crate::autocache::{Autocache, Region};
use crate::coherence::Token;
use crate::connection::{RowChange, UnitOfWork, touched_by, was_refused};
use crate::entity::CachedEntity;
use crate::relation::{IndexDef, all_keys_of};
use sea_orm::sea_query::ValueTuple;
use sea_orm::{DbErr, ModelTrait};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// The lists that the rows of a write may have joined.
#[derive(Debug)]
pub(super) enum Joined {
    /// All that their values name.
    Every,
    /// Those of indexes with one of these columns.
    By(Vec<String>),
}

/// While in doubt, any row of the written entities may have changed: dropped so, it says that.
#[derive(Debug)]
pub(super) struct Ledger<'w, E> {
    work: &'w UnitOfWork,
    region: Arc<Region>,
    /// What any row may have changed of as long as nobody knows better.
    written: Vec<Arc<Region>>,
    doubt: bool,
    entity: PhantomData<fn() -> E>,
}

impl<'w, E: CachedEntity> Ledger<'w, E> {
    pub(super) fn of(work: &'w UnitOfWork, region: &Arc<Region>, sql: &str) -> Self {
        let mut written = touched_by(work.autocache(), sql);
        if !region.is_off() && !written.iter().any(|other| other.id() == region.id()) {
            written.push(region.clone());
        }
        Self { work, region: region.clone(), written, doubt: false, entity: PhantomData }
    }

    pub(super) fn autocache(&self) -> &Autocache {
        self.work.autocache()
    }

    /// Runs the statement. From its beginning on there is doubt, unless the database refuses it.
    pub(super) async fn during<T>(
        &mut self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        self.doubt = true;
        let result = statement.await;
        self.doubt = !result.as_ref().is_err_and(was_refused);
        result
    }

    /// All rows and lists that have changed are recorded.
    pub(super) fn settle(mut self) {
        self.doubt = false;
    }

    /// The database holds this row, and it may have joined these lists.
    pub(super) fn holds(&self, row: &E::Model, joined: &Joined) {
        self.conclude(&row.get_primary_key_value(), Some(row));
        match joined {
            Joined::Every => {
                all_keys_of::<E>(&self.region, row).iter().for_each(|list| self.touch(&self.region, list));
            }
            Joined::By(columns) => {
                let set =
                    |name: &&'static str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
                let concerned = |index: &&IndexDef| index.cached && index.columns.iter().any(&set);
                for index in self.region.indexes.iter().filter(concerned) {
                    let list = self.region.index_key(index, &index.values_of::<E>(row));
                    self.touch(&self.region, &list);
                }
            }
        }
    }

    /// There is no such row any more.
    pub(super) fn gone(&self, pk: &ValueTuple) {
        self.conclude(pk, None);
    }

    fn conclude(&self, pk: &ValueTuple, row: Option<&E::Model>) {
        let Some(key) = self.region.key(pk).filter(|_| !self.region.is_off()) else { return };
        let entry = self.region.encode::<E>(pk, row, Token::random());
        let change = entry.map_or(RowChange::Unknown, |(bytes, lifetime)| RowChange::Known(bytes, lifetime));
        self.work.record(&self.region, &key, change);
    }

    /// The row with this key may change.
    pub(super) fn touch_row(&self, pk: &ValueTuple) {
        if let Some(key) = self.region.key(pk) {
            self.touch(&self.region, &key);
        }
    }

    /// What stands under this key may change.
    pub(super) fn touch(&self, region: &Arc<Region>, key: &str) {
        if !region.is_off() {
            self.work.record(region, key, RowChange::Unknown);
        }
    }
}

impl<E> Drop for Ledger<'_, E> {
    fn drop(&mut self) {
        if self.doubt {
            self.written.iter().for_each(|region| self.work.record_entity(region));
        }
    }
}
