//! The guard: writes to cached tables that run no hooks, such as SeaORM's own bulk statements and raw SQL. A
//! connection sees them all; hooks see none of them.

use super::written::{Concerned, Row, Site, Untracked, only_reads};
use crate::autocache::Autocache;
use crate::coherence::Step;
use crate::error::CacheError;
use crate::executor::Executor;
use crate::keyspace::Keyspace;
use crate::settings::{Consistency, UntrackedWrites};
use crate::sql::{self, Control};
use crate::telemetry::TARGET;
use crate::write::{Announced, HookNotes, IntentSet, PendingClear, RowChange, UnitOfWork, all_list_keys};
use futures_util::future::BoxFuture;
use sea_orm::{DbBackend, DbErr, Statement};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What hooks have announced of a statement in flight. Dropped before its outcome is known, no `after_*` hook ends
/// those writes: their intents stand until their TTL.
#[derive(Debug, Default)]
struct Tracked(Vec<(Arc<HookNotes>, Announced)>);

impl Tracked {
    /// Takes the writes from the hooks. None, where an `after_*` hook has them already.
    fn take(&mut self) -> impl Iterator<Item = IntentSet> {
        std::mem::take(&mut self.0).into_iter().filter_map(|(notes, announced)| {
            let write = announced.write?;
            notes.forget(&announced.key, &write);
            write.take()
        })
    }

    /// The `after_*` hooks do the rest.
    fn leave(&mut self) {
        self.0.clear();
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.take().for_each(drop);
    }
}

/// A write while its statement runs. Its functions box their futures: connections are generic, and programs would
/// compile all that is awaited here.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    rows: Option<IntentSet>,
    /// What hooks have announced of this very statement.
    tracked: Tracked,
    entities: PendingClear,
    /// Rows that the statement names, and whose lists only the database knows once it has run.
    listed: Vec<Row>,
    /// Whether the database takes all of the statement back when it answers with an error.
    is_whole: bool,
}

impl Guarded {
    /// Places intents for the rows that are known; for entities there is no intent.
    ///
    /// # Errors
    /// The policy refuses the statement; under `Strict`, the cache did not acknowledge the intents.
    pub(super) fn before<'a>(
        autocache: &'a Autocache,
        statement: &'a Statement,
    ) -> BoxFuture<'a, Result<Self, DbErr>> {
        Box::pin(async move {
            let mut concerned = concerned(autocache, statement, Site::Connection)?;
            let settings = autocache.settings();
            let mut rows = IntentSet::new(settings.intent_ttl);
            let mut guarded = Self { is_whole: is_whole(statement), ..Self::default() };
            let mut regions = Vec::new();
            for untracked in std::mem::take(&mut concerned.untracked) {
                match untracked {
                    Untracked::Row(row) => {
                        rows.add(&row.region.keyspace, row.key.clone(), RowChange::Unknown);
                        guarded.listed.extend(row.is_listed().then_some(row));
                    }
                    Untracked::Entity(region) => regions.push(region),
                }
            }
            regions.append(&mut concerned.dependent);
            guarded.tracked = Tracked(concerned.tracked);
            rows.place(settings.consistency).await?;
            guarded.rows = Some(rows);
            regions.into_iter().for_each(|region| guarded.entities.push(region.keyspace.clone()));
            Ok(guarded)
        })
    }

    /// Records what a statement of a transaction is about to change without hooks.
    ///
    /// # Errors
    /// The policy refuses the statement, or it would end the transaction.
    pub(super) fn recorded(
        autocache: &Autocache,
        work: &UnitOfWork,
        statement: &Statement,
    ) -> Result<Self, DbErr> {
        match sql::shape_of(statement).control {
            Control::Nothing => {}
            Control::Undoes => work.note_failure(),
            Control::Ends => return Err(CacheError::EndsTransaction.into()),
        }
        let mut guarded = Self::default();
        let concerned = concerned(autocache, statement, Site::Transaction(work))?;
        concerned.dependent.iter().for_each(|region| work.record_entity(&region.keyspace));
        for untracked in concerned.untracked {
            match untracked {
                Untracked::Row(row) => {
                    work.touch(&row.region.keyspace, &row.key);
                    guarded.listed.extend(row.is_listed().then_some(row));
                }
                Untracked::Entity(region) => work.record_entity(&region.keyspace),
            }
        }
        Ok(guarded)
    }

    /// Whether the statement is no write of a cached entity.
    pub(super) fn is_nothing(&self) -> bool {
        self.rows.is_none() && self.tracked.0.is_empty() && self.listed.is_empty()
    }

    /// # Errors
    /// Under `Strict`, when the cache did not acknowledge that the rows have changed.
    pub(super) fn succeeded<'a>(
        mut self,
        autocache: &'a Autocache,
        db: &'a dyn Executor,
    ) -> BoxFuture<'a, Result<(), DbErr>> {
        Box::pin(async move {
            self.tracked.leave();
            let consistency = autocache.settings().consistency;
            let cleared = self.entities.clear(consistency).await;
            let Some(mut rows) = self.rows else { return cleared };
            for row in &self.listed {
                match lists_of(row, db).await {
                    Ok(lists) => lists.iter().for_each(|list| {
                        rows.conclude_unmarked(&row.region.keyspace, list, Step::Invalidate);
                    }),
                    Err(_) => rows.add_unproven(&row.region.keyspace),
                }
            }
            rows.finish(consistency).await.and(cleared)
        })
    }

    /// The statement of a transaction has run.
    pub(super) fn happened<'a>(&'a self, work: &'a UnitOfWork, db: &'a dyn Executor) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for row in &self.listed {
                let keyspace = &row.region.keyspace;
                match lists_of(row, db).await {
                    Ok(lists) => {
                        lists.iter().for_each(|list| work.touch(keyspace, list));
                    }
                    Err(_) => {
                        work.note_failure();
                        work.record_entity(keyspace);
                    }
                }
            }
        })
    }

    /// The end of the statement will not be seen: the lists that its rows join are not known.
    pub(super) fn unseen(&self, work: &UnitOfWork) {
        self.listed.iter().for_each(|row| work.record_entity(&row.region.keyspace));
    }

    /// A statement that the database has refused is over, and its rows may be cached again at once: as they were,
    /// if it certainly has changed nothing, else as after a success. After any other error the outcome is
    /// unknown: the intents stand until their TTL.
    pub(super) fn failed<'a>(
        mut self,
        autocache: &'a Autocache,
        db: &'a dyn Executor,
        refused: bool,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !refused {
                return;
            }
            for mut intents in self.tracked.take() {
                if self.is_whole {
                    intents.release().await;
                } else {
                    // The statement's error says more than the cache's.
                    let _ = intents.finish(Consistency::Available).await;
                }
            }
            if !self.is_whole {
                let _ = self.succeeded(autocache, db).await;
                return;
            }
            self.entities.forget();
            if let Some(mut rows) = self.rows {
                rows.release().await;
            }
        })
    }
}

/// Whether an error of this statement undoes all of it. Texts of several statements may have committed some of
/// them. On SQLite `OR FAIL` does, also as a table's own rule and in triggers, and on MySQL a table whose engine knows
/// no transactions.
fn is_whole(statement: &Statement) -> bool {
    statement.db_backend == DbBackend::Postgres && sql::shape_of(statement).sole_write().is_some()
}

/// The lists that a row is in now. A generated column or a trigger may have put it there.
async fn lists_of(row: &Row, db: &dyn Executor) -> Result<Vec<String>, DbErr> {
    let keyspace: &Keyspace = &row.region.keyspace;
    let schema = &keyspace.schema;
    let Some(found) = db.select_one(&schema.select_by_pk(&row.pk)).await? else { return Ok(Vec::new()) };
    let model = schema.ops.read(&found)?;
    Ok(all_list_keys(keyspace, &|column| schema.get(&model, column)))
}

/// A stream ends when its reader drops it, so there is no moment to invalidate at.
pub(super) fn may_stream(autocache: &Autocache, statement: &Statement) -> Result<(), DbErr> {
    if only_reads(autocache, statement) || !autocache.has_regions() {
        return Ok(());
    }
    let concerned = concerned(autocache, statement, Site::Connection)?;
    let mut regions = concerned.untracked.iter().map(Untracked::region).chain(&concerned.dependent);
    match regions.next() {
        Some(region) => Err(CacheError::UntrackedWrite { table: region.keyspace.table().to_owned() }.into()),
        None => Ok(()),
    }
}

/// What is to be invalidated for this statement, as the policy says, and what hooks have announced.
fn concerned(autocache: &Autocache, statement: &Statement, site: Site<'_>) -> Result<Concerned, DbErr> {
    let mut concerned = Concerned::of(autocache, statement, site);
    heed_policy(autocache, &mut concerned)?;
    Ok(concerned)
}

/// # Errors
/// The policy refuses the statement: nothing is taken from what it concerns.
pub(super) fn heed_policy(autocache: &Autocache, concerned: &mut Concerned) -> Result<(), CacheError> {
    let Some(first) = concerned.untracked.first() else { return Ok(()) };
    let table = first.region().keyspace.table().to_owned();
    match autocache.settings().untracked_writes {
        UntrackedWrites::Refuse => return Err(CacheError::UntrackedWrite { table }),
        UntrackedWrites::Warn => {
            let advice = "its cached rows may be stale now. Call `.exec_cached(&db)` in place of `.exec(&db)`, or \
                          invalidate the rows";
            warn_once(&table, advice);
            concerned.untracked.clear();
        }
        UntrackedWrites::Invalidate => {
            if concerned.untracked.iter().any(|write| matches!(write, Untracked::Entity(_))) {
                let advice = "every entry of it is dropped. To drop only what has changed, call \
                              `.exec_cached(&db)` in place of `.exec(&db)` (SeaORM's `update_many`, \
                              `delete_many`, `insert_many`, `insert`), or save and delete the models themselves";
                warn_once(&table, advice);
            }
        }
    }
    Ok(())
}

pub(super) fn warn_once(table: &str, what: &str) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert(format!("{table} {what}")) {
        tracing::warn!(target: TARGET, table, "a cached table was written without hooks (a bulk or raw statement); {what}");
    }
}
