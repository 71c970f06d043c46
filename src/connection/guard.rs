//! The guard: writes to cached tables that no signal has announced, such as SeaORM's own bulk
//! statements and raw SQL. A connection sees them all; hooks see none of them.

use super::UnitOfWork;
use super::announced::{Announced, InFlight, RowChange};
use super::swept::Swept;
use super::wording::{Verb, Wording, mentions};
use crate::autocache::{Autocache, Region, Unannounced as Policy};
use crate::error::CacheError;
use crate::signals::Claim;
use crate::telemetry::TARGET;
use sea_orm::sea_query::ValueTuple;
use sea_orm::{DbErr, Statement};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// An unannounced write while its statement runs.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    rows: Option<Announced>,
    /// What signals have announced of this very statement.
    announced: Vec<(Arc<Region>, String, InFlight)>,
    entities: Swept,
}

impl Guarded {
    /// Places intents for the rows that are known; of entities nothing can be announced.
    ///
    /// # Errors
    /// The policy refuses the statement; under `Strict`, the cache could not be told of its rows.
    pub(super) async fn before(autocache: &Autocache, statement: &Statement) -> Result<Self, DbErr> {
        let (unannounced, announced) = concerned(autocache, statement)?;
        let settings = autocache.settings();
        let mut rows = Announced::new(settings.hold);
        let mut guarded = Self { announced, ..Self::default() };
        let mut regions = Vec::new();
        for Unannounced { region, key } in unannounced {
            match key {
                Some(key) => rows.add(&region, key, RowChange::Unknown),
                None => regions.push(region),
            }
        }
        rows.place(settings.consistency).await?;
        guarded.rows = Some(rows);
        regions.into_iter().for_each(|region| guarded.entities.push(region));
        Ok(guarded)
    }

    /// # Errors
    /// Under `Strict`, when the cache was not told that the rows have changed.
    pub(super) async fn succeeded(self, autocache: &Autocache) -> Result<(), DbErr> {
        self.entities.clear().await;
        match self.rows {
            Some(rows) => rows.finish(autocache.settings().consistency).await,
            None => Ok(()),
        }
    }

    /// A refused statement is over, and its rows may be cached again at once. Of any other error nobody
    /// knows what the database has done or will do: rows wait for their hold.
    pub(super) async fn failed(self, refused: bool) {
        if !refused {
            return;
        }
        self.entities.forget();
        if let Some(rows) = self.rows {
            rows.release().await;
        }
        for (region, key, write) in self.announced {
            region.pending.forget(&key, &write);
            // If it gets lost the hold ends the write.
            if let Some(announced) = write.take() {
                announced.release().await;
            }
        }
    }
}

/// Notes what a statement of a transaction has changed without a signal.
pub(super) fn record(work: &UnitOfWork, statement: &Statement) -> Result<(), DbErr> {
    for Unannounced { region, key } in concerned(work.autocache(), statement)?.0 {
        match key {
            Some(key) => work.record(&region, &key, RowChange::Unknown),
            None => work.record_entity(&region),
        }
    }
    Ok(())
}

/// A stream ends when its reader says so, so nobody would know when to invalidate.
pub(super) fn may_stream(autocache: &Autocache, statement: &Statement) -> Result<(), DbErr> {
    match concerned(autocache, statement)?.0.into_iter().next() {
        Some(write) => Err(CacheError::Unannounced { table: write.region.table.clone() }.into()),
        None => Ok(()),
    }
}

type Claimed = Vec<(Arc<Region>, String, InFlight)>;

/// What is to be invalidated for this statement, as the policy says, and what signals have announced.
fn concerned(autocache: &Autocache, statement: &Statement) -> Result<(Vec<Unannounced>, Claimed), DbErr> {
    let (unannounced, announced) = sorted(autocache, statement);
    let Some(first) = unannounced.first() else { return Ok((unannounced, announced)) };
    let table = first.region.table.clone();
    match autocache.settings().unannounced {
        Policy::Refuse => return Err(CacheError::Unannounced { table }.into()),
        Policy::Warn => {
            let advice = "its cached rows may be stale now. Call `.exec_cached(&db)` in place of `.exec(&db)`, or \
                          invalidate the rows";
            warn_once(&table, advice);
            return Ok((Vec::new(), announced));
        }
        Policy::Invalidate => {}
    }
    if unannounced.iter().any(|write| write.key.is_none()) {
        let advice = "every entry of it is dropped. To drop only what has changed, call `.exec_cached(&db)` in \
                      place of `.exec(&db)` (SeaORM's `update_many`, `delete_many`, `insert_many`, `insert`), or \
                      save and delete the models themselves";
        warn_once(&table, advice);
    }
    Ok((unannounced, announced))
}

fn warn_once(table: &str, what: &str) {
    static SAID: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert(format!("{table} {what}")) {
        tracing::warn!(target: TARGET, table, "a cached table was written without a signal (a bulk or raw statement); {what}");
    }
}

/// What an unannounced write is about.
#[derive(Debug)]
struct Unannounced {
    region: Arc<Region>,
    /// The one row, where the statement names its primary key; else any row.
    key: Option<String>,
}

/// The cached entities that this statement writes to, by whether a signal has announced it.
fn sorted(autocache: &Autocache, statement: &Statement) -> (Vec<Unannounced>, Claimed) {
    let (mut unannounced, mut announced) = (Vec::new(), Vec::new());
    let wording = Wording::of(&statement.sql);
    for region in written(autocache, &wording).into_iter().filter(|region| !region.is_off()) {
        let key = key_of(&region, &wording, statement);
        match region.pending.claim_statement(key.as_deref()) {
            Claim::Nothing => {}
            Claim::Noted => continue,
            Claim::Write(key, write) => {
                announced.push((region, key, write));
                continue;
            }
        }
        if wording.verb.may_remove() {
            let dependents = dependents(autocache, &region.table).into_iter();
            unannounced.extend(dependents.map(|region| Unannounced { region, key: None }));
        }
        let key = key.filter(|_| wording.is_plain() && !may_move(&region, &wording));
        unannounced.push(Unannounced { key, region });
    }
    (unannounced, announced)
}

/// The cached entities of which this statement may change rows, by itself or by what the database carries on.
pub(crate) fn touched_by(autocache: &Autocache, sql: &str) -> Vec<Arc<Region>> {
    let wording = Wording::of(sql);
    let mut touched = written(autocache, &wording);
    if wording.verb.may_remove() {
        let tables: Vec<String> = touched.iter().map(|region| region.table.clone()).collect();
        touched.extend(tables.iter().flat_map(|table| dependents(autocache, table)));
    }
    touched.retain(|region| !region.is_off());
    touched
}

/// The regions of the tables that this statement writes to. Where its form is not known, a mention will do.
fn written(autocache: &Autocache, wording: &Wording<'_>) -> Vec<Arc<Region>> {
    match wording.table {
        Some(table) => autocache.regions_of_table(table),
        None => {
            autocache.regions().into_iter().filter(|region| mentions(wording.sql, &region.table)).collect()
        }
    }
}

/// The key of the one row that the statement names by its primary key. Where the database takes other values
/// for the same one, the row may have another key.
fn key_of(region: &Region, wording: &Wording<'_>, statement: &Statement) -> Option<String> {
    let (column, kind) = region.single_pk.as_ref().filter(|_| region.exact_keys)?;
    let values = &statement.values.as_ref()?.0;
    let place = wording.row_of(&region.table, column)?;
    let is_last = place + 1 == values.len();
    let value = values.get(place).filter(|value| is_last && value.array_type() == *kind)?;
    region.key(&ValueTuple::One(value.clone()))
}

/// Whether the row may be another one afterwards, or on a list that only its values name.
fn may_move(region: &Region, wording: &Wording<'_>) -> bool {
    let listed = region.indexes.iter().filter(|index| index.cached).map(|index| index.columns.as_slice());
    let key = region.single_pk.as_ref().map(|(column, _)| std::slice::from_ref(column));
    wording.verb != Verb::Delete && listed.chain(key).any(|columns| wording.sets(columns))
}

/// The regions whose rows the database may delete or change along with rows of this table.
fn dependents(autocache: &Autocache, table: &str) -> Vec<Arc<Region>> {
    let mut found: Vec<Arc<Region>> = Vec::new();
    let mut tables = vec![table.to_owned()];
    while let Some(table) = tables.pop() {
        for child in autocache.children_of(&table) {
            if !found.iter().any(|other| other.id() == child.id()) {
                tables.push(child.table.clone());
                found.push(child);
            }
        }
    }
    found
}
