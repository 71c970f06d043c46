//! What a bulk write records in its unit of work.

use crate::autocache::Autocache;
use crate::coherence::Token;
use crate::connection::{touched_by, was_undone};
use crate::entity::Row;
use crate::keyspace::{Entry, Keyspace};
use crate::write::{Moment, Siblings, UnitOfWork, all_list_keys};
use sea_orm::sea_query::{Value, ValueTuple};
use sea_orm::{DbBackend, DbErr, Statement};
use std::future::Future;
use std::sync::Arc;

/// While in doubt, any row of the written entities may have changed: dropped so, it records that.
#[derive(Debug)]
pub(super) struct Ledger<'w> {
    work: &'w UnitOfWork,
    keyspace: Arc<Keyspace>,
    siblings: Siblings,
    /// The entities of which any row may have changed while in doubt.
    written: Vec<Arc<Keyspace>>,
    dialect: DbBackend,
    /// From before its first statement.
    since: Moment,
    doubt: bool,
}

impl<'w> Ledger<'w> {
    pub(super) fn of(
        autocache: &Autocache,
        work: &'w UnitOfWork,
        keyspace: &Arc<Keyspace>,
        statement: &Statement,
    ) -> Self {
        let touched = touched_by(autocache, statement);
        let mut written: Vec<_> = touched.into_iter().map(|region| region.keyspace.clone()).collect();
        if !keyspace.is_off() && !written.iter().any(|other| other.id() == keyspace.id()) {
            written.push(keyspace.clone());
        }
        let siblings = autocache.siblings_of(keyspace, true);
        siblings.dependent().iter().for_each(|keyspace| work.record_entity(keyspace));
        let (dialect, since) = (statement.db_backend, work.moment());
        Self { work, keyspace: keyspace.clone(), siblings, written, dialect, since, doubt: false }
    }

    /// Runs the statement. From its start on there is doubt, unless the database takes it back.
    pub(super) async fn during<T>(
        &mut self,
        statement: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        self.doubt = true;
        let result = statement.await;
        self.doubt = !result.as_ref().is_err_and(|error| was_undone(error, self.dialect));
        result
    }

    /// All rows and lists that have changed are recorded.
    pub(super) fn settle(mut self) {
        self.doubt = false;
    }

    /// The database holds this row. It may have joined every list that its values name, but for those that it was
    /// in before: a generated column or a trigger changes more than the statement says.
    pub(super) fn holds(&self, row: &Row, before: Option<&Row>) {
        let keyspace = &self.keyspace;
        let value = |column: usize| -> Value { keyspace.schema.get(row, column) };
        let entry = |key: &str| keyspace.encode_row(key, &value, Token::random());
        self.conclude(&keyspace.schema.pk_of(&**row), entry);
        let mut lists = all_list_keys(keyspace, &value);
        if let Some(before) = before {
            let left = all_list_keys(keyspace, &|column| keyspace.schema.get(before, column));
            lists.retain(|list| !left.contains(list));
        }
        lists.iter().for_each(|list| self.touch(keyspace, list));
        self.touch_siblings(row);
        if let Some(before) = before {
            self.touch_siblings(before);
        }
    }

    /// The statement sets these columns.
    pub(super) fn sets(&self, names: &[String]) {
        self.siblings.moved_by(names).for_each(|keyspace| self.touch_entity(keyspace));
    }

    /// There is no such row any more.
    pub(super) fn gone(&self, row: &Row) {
        let pk = self.keyspace.schema.pk_of(&**row);
        self.conclude(&pk, |key| self.keyspace.encode_tombstone(key, &pk, Token::random()));
        self.touch_siblings(row);
    }

    /// What other entities of the table make of this row.
    fn touch_siblings(&self, row: &Row) {
        let beside = self.siblings.after(&|column| self.keyspace.schema.get(row, column));
        beside.keys.iter().for_each(|(keyspace, key)| self.touch(keyspace, key));
        beside.entities.iter().for_each(|keyspace| self.touch_entity(keyspace));
    }

    fn conclude(&self, pk: &ValueTuple, entry: impl FnOnce(&str) -> Option<Entry>) {
        let Some(key) = self.keyspace.key(pk).filter(|_| !self.keyspace.is_off()) else { return };
        self.work.publish(&self.keyspace, &key, entry(&key), self.since);
    }

    /// The row with this key may change.
    pub(super) fn touch_row(&self, pk: &ValueTuple) {
        if let Some(key) = self.keyspace.key(pk) {
            self.touch(&self.keyspace, &key);
        }
    }

    /// What stands under this key may change.
    pub(super) fn touch(&self, keyspace: &Arc<Keyspace>, key: &str) {
        if !keyspace.is_off() {
            self.work.touch(keyspace, key);
        }
    }
}

impl Ledger<'_> {
    /// Any row of the entity may change.
    pub(super) fn touch_entity(&self, keyspace: &Arc<Keyspace>) {
        if !keyspace.is_off() {
            self.work.record_entity(keyspace);
        }
    }
}

impl Drop for Ledger<'_> {
    fn drop(&mut self) {
        if self.doubt {
            self.written.iter().for_each(|keyspace| self.work.record_entity(keyspace));
        }
    }
}
