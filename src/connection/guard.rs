//! The guard: writes to cached tables that run no hooks, such as SeaORM's own bulk statements and raw SQL. A
//! connection sees them all; hooks see none of them.

use crate::autocache::{Autocache, Region};
use crate::error::CacheError;
use crate::settings::UntrackedWrites;
use crate::sql::{ParsedWrite, Verb};
use crate::telemetry::TARGET;
use crate::write::{Claim, InFlight, IntentSet, PendingClear, RowChange, UnitOfWork};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::ValueTuple;
use sea_orm::{DbErr, Statement};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A write while its statement runs. Its functions box their futures: connections are generic, and programs would
/// compile all that is awaited here.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    rows: Option<IntentSet>,
    /// The intents that hooks have placed for this very statement.
    tracked: Tracked,
    entities: PendingClear,
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
            let (untracked, tracked) = concerned(autocache, statement)?;
            let settings = autocache.settings();
            let mut rows = IntentSet::new(settings.intent_ttl);
            let mut guarded = Self { tracked, ..Self::default() };
            let mut regions = Vec::new();
            for Untracked { region, key } in untracked {
                match key {
                    Some(key) => rows.add(&region.keyspace, key, RowChange::Unknown),
                    None => regions.push(region),
                }
            }
            rows.place(settings.consistency).await?;
            guarded.rows = Some(rows);
            regions.into_iter().for_each(|region| guarded.entities.push(region.keyspace.clone()));
            Ok(guarded)
        })
    }

    /// Whether the statement is no write of a cached entity.
    pub(super) fn is_nothing(&self) -> bool {
        self.rows.is_none() && self.tracked.is_empty()
    }

    /// # Errors
    /// Under `Strict`, when the cache did not acknowledge that the rows have changed.
    pub(super) fn succeeded(self, autocache: &Autocache) -> BoxFuture<'_, Result<(), DbErr>> {
        Box::pin(async move {
            self.entities.clear().await;
            match self.rows {
                Some(rows) => rows.finish(autocache.settings().consistency).await,
                None => Ok(()),
            }
        })
    }

    /// A refused statement is over, and its rows may be cached again at once. After any other error the outcome
    /// is unknown: the intents stand until their TTL.
    pub(super) fn failed(self, refused: bool) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if !refused {
                return;
            }
            self.entities.forget();
            if let Some(rows) = self.rows {
                rows.release().await;
            }
            for (region, key, write) in self.tracked {
                region.notes.forget(&key, &write);
                if let Some(intents) = write.take() {
                    intents.release().await;
                }
            }
        })
    }
}

/// Records what a statement of a transaction has changed without hooks.
pub(super) fn record(autocache: &Autocache, work: &UnitOfWork, statement: &Statement) -> Result<(), DbErr> {
    for Untracked { region, key } in concerned(autocache, statement)?.0 {
        match key {
            Some(key) => work.record(&region.keyspace, &key, RowChange::Unknown),
            None => work.record_entity(&region.keyspace),
        }
    }
    Ok(())
}

/// A stream ends when its reader drops it, so there is no moment to invalidate at.
pub(super) fn may_stream(autocache: &Autocache, statement: &Statement) -> Result<(), DbErr> {
    match concerned(autocache, statement)?.0.into_iter().next() {
        Some(write) => {
            Err(CacheError::UntrackedWrite { table: write.region.keyspace.table().to_owned() }.into())
        }
        None => Ok(()),
    }
}

/// Intents of a statement that hooks have placed, by region and the key of their note.
type Tracked = Vec<(Arc<Region>, String, InFlight)>;

/// What is to be invalidated for this statement, as the policy says, and what hooks have placed intents for.
fn concerned(autocache: &Autocache, statement: &Statement) -> Result<(Vec<Untracked>, Tracked), DbErr> {
    let (untracked, tracked) = sorted(autocache, statement);
    let Some(first) = untracked.first() else { return Ok((untracked, tracked)) };
    let table = first.region.keyspace.table().to_owned();
    match autocache.settings().untracked_writes {
        UntrackedWrites::Refuse => return Err(CacheError::UntrackedWrite { table }.into()),
        UntrackedWrites::Warn => {
            let advice = "its cached rows may be stale now. Call `.exec_cached(&db)` in place of `.exec(&db)`, or \
                          invalidate the rows";
            warn_once(&table, advice);
            return Ok((Vec::new(), tracked));
        }
        UntrackedWrites::Invalidate => {}
    }
    if untracked.iter().any(|write| write.key.is_none()) {
        let advice = "every entry of it is dropped. To drop only what has changed, call `.exec_cached(&db)` in \
                      place of `.exec(&db)` (SeaORM's `update_many`, `delete_many`, `insert_many`, `insert`), or \
                      save and delete the models themselves";
        warn_once(&table, advice);
    }
    Ok((untracked, tracked))
}

fn warn_once(table: &str, what: &str) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert(format!("{table} {what}")) {
        tracing::warn!(target: TARGET, table, "a cached table was written without hooks (a bulk or raw statement); {what}");
    }
}

/// What a write without hooks is about.
#[derive(Debug)]
struct Untracked {
    region: Arc<Region>,
    /// The one row, where the statement names its primary key; else any row.
    key: Option<String>,
}

/// The cached entities that this statement writes to, by whether a hook has placed its intents.
fn sorted(autocache: &Autocache, statement: &Statement) -> (Vec<Untracked>, Tracked) {
    let (mut untracked, mut tracked) = (Vec::new(), Vec::new());
    let write = ParsedWrite::of(&statement.sql, statement.db_backend);
    for region in written(autocache, &write).into_iter().filter(|region| !region.keyspace.is_off()) {
        let key = key_of(&region, &write, statement);
        match region.notes.claim_statement(key.as_deref()) {
            Claim::Nothing => {}
            Claim::Noted => continue,
            Claim::Write(key, intents) => {
                tracked.push((region, key, intents));
                continue;
            }
        }
        if write.verb.may_remove() {
            let dependents = dependents(autocache, region.keyspace.table()).into_iter();
            untracked.extend(dependents.map(|region| Untracked { region, key: None }));
        }
        let key = key.filter(|_| write.is_plain() && !may_move(&region, &write));
        untracked.push(Untracked { key, region });
    }
    (untracked, tracked)
}

/// The cached entities of which this statement may change rows, by itself or by cascade.
pub(crate) fn touched_by(autocache: &Autocache, statement: &Statement) -> Vec<Arc<Region>> {
    let write = ParsedWrite::of(&statement.sql, statement.db_backend);
    let mut touched = written(autocache, &write);
    if write.verb.may_remove() {
        let tables: Vec<&'static str> = touched.iter().map(|region| region.keyspace.table()).collect();
        touched.extend(tables.iter().flat_map(|table| dependents(autocache, table)));
    }
    touched.retain(|region| !region.keyspace.is_off());
    touched
}

/// The regions of the tables that this statement writes to. Where its form is not known, a mention will do.
fn written(autocache: &Autocache, write: &ParsedWrite<'_>) -> Vec<Arc<Region>> {
    match write.table {
        Some(table) => autocache.regions_of_table(table),
        None => {
            let mut regions = autocache.regions();
            regions.retain(|region| write.mentions(region.keyspace.table()));
            regions
        }
    }
}

/// The key of the one row that the statement names by its primary key. Where the database takes other values
/// for the same one, the row may have another key.
fn key_of(region: &Region, write: &ParsedWrite<'_>, statement: &Statement) -> Option<String> {
    let keyspace = &region.keyspace;
    let [column] = keyspace.schema.pk[..] else { return None };
    let column = keyspace.exact_keys.then_some(&keyspace.schema.columns[column])?;
    let values = &statement.values.as_ref()?.0;
    let place = write.row_of(keyspace.table(), column.name)?;
    let is_last = place + 1 == values.len();
    let value = values.get(place).filter(|value| is_last && column.holds(value))?;
    keyspace.key(&ValueTuple::One(value.clone()))
}

/// Whether the primary key or an indexed column may change.
fn may_move(region: &Region, write: &ParsedWrite<'_>) -> bool {
    let keyspace = &region.keyspace;
    let listed = keyspace.indexes.iter().filter(|index| index.cached).map(|index| index.columns.as_slice());
    let key = [keyspace.schema.pk.as_slice()].into_iter();
    let names = |columns: &[usize]| -> Vec<&'static str> {
        columns.iter().map(|column| keyspace.schema.columns[*column].name).collect()
    };
    write.verb != Verb::Delete && listed.chain(key).any(|columns| write.sets(&names(columns)))
}

/// The regions whose rows may follow the deletion of rows of this table, at any level.
fn dependents(autocache: &Autocache, table: &str) -> Vec<Arc<Region>> {
    let mut found: Vec<Arc<Region>> = Vec::new();
    let mut tables = vec![table.to_owned()];
    while let Some(table) = tables.pop() {
        for child in autocache.children_of(&table) {
            if !found.iter().any(|other| Arc::ptr_eq(other, &child)) {
                tables.push(child.keyspace.table().to_owned());
                found.push(child);
            }
        }
    }
    found
}
