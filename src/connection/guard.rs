//! The guard: writes to cached tables that no signal has announced, such as SeaORM's own bulk
//! statements and raw SQL. A connection sees them all; hooks see none of them.

use super::UnitOfWork;
use super::announced::{Announced, InFlight, RowChange};
use super::swept::Swept;
use crate::autocache::{Autocache, Region, Unannounced as Policy};
use crate::error::CacheError;
use crate::signals::Claim;
use crate::telemetry::TARGET;
use sea_orm::sea_query::{Value, ValueTuple};
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
    let verb = Verb::of(&statement.sql);
    for region in written(autocache, &statement.sql).into_iter().filter(|region| !region.is_off()) {
        let key = row_of(&region, statement);
        match region.pending.claim_statement(key.as_deref()) {
            Claim::Nothing => {}
            Claim::Noted => continue,
            Claim::Write(key, write) => {
                announced.push((region, key, write));
                continue;
            }
        }
        if verb != Verb::Update {
            let dependents = dependents(autocache, &region.table).into_iter();
            unannounced.extend(dependents.map(|region| Unannounced { region, key: None }));
        }
        // The row may have moved to a list that only its values name.
        let moves =
            verb != Verb::Delete && region.indexes.iter().any(|i| i.cached && sets(statement, &i.columns));
        unannounced.push(Unannounced { key: key.filter(|_| !moves), region });
    }
    (unannounced, announced)
}

/// The cached entities of which this statement may change rows, by itself or by what the database carries on.
pub(crate) fn touched_by(autocache: &Autocache, sql: &str) -> Vec<Arc<Region>> {
    let mut touched = written(autocache, sql);
    if Verb::of(sql) != Verb::Update {
        let tables: Vec<String> = touched.iter().map(|region| region.table.clone()).collect();
        touched.extend(tables.iter().flat_map(|table| dependents(autocache, table)));
    }
    touched.retain(|region| !region.is_off());
    touched
}

/// The regions of the tables that this statement writes to. Where its form is not known, a mention will do.
fn written(autocache: &Autocache, sql: &str) -> Vec<Arc<Region>> {
    match target(sql) {
        Some(table) => autocache.regions_of_table(table),
        None => autocache.regions().into_iter().filter(|region| mentions(sql, &region.table)).collect(),
    }
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Update,
    Delete,
    /// An insert may replace a row; of other statements nothing is known.
    Other,
}

impl Verb {
    fn of(sql: &str) -> Self {
        let begins = |verb: &str| {
            sql.trim_start().get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
        };
        match target(sql) {
            Some(_) if begins("update") => Self::Update,
            Some(_) if begins("delete") => Self::Delete,
            Some(_) if begins("insert") && !mentions(sql, "REPLACE") => Self::Update,
            _ => Self::Other,
        }
    }
}

/// Whether the statement may set one of these columns.
fn sets(statement: &Statement, columns: &[&'static str]) -> bool {
    let before = statement.sql.rsplit_once(" WHERE ").map_or(statement.sql.as_str(), |(before, _)| before);
    columns.iter().any(|column| mentions(before, column))
}

/// The table of a single `INSERT`, `UPDATE` or `DELETE`.
fn target(sql: &str) -> Option<&str> {
    let sql = sql.trim().trim_end_matches(';');
    if sql.contains(';') {
        return None;
    }
    let rest = ["insert into", "replace into", "update", "delete from"].iter().find_map(|verb| {
        let (start, rest) = sql.split_at_checked(verb.len())?;
        (start.eq_ignore_ascii_case(verb) && rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
    })?;
    let name = rest.split(|c: char| c.is_whitespace() || c == '(').next()?;
    // A schema before it does not count: two schemas with one table name are one entity too many.
    name.rsplit('.').next().map(|name| name.trim_matches(['"', '`', '[', ']']))
}

fn mentions(sql: &str, table: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(table).any(|(at, _)| {
        let before = sql[..at].chars().next_back().is_some_and(is_part);
        let after = sql[at + table.len()..].chars().next().is_some_and(is_part);
        !before && !after
    })
}

/// The row's key, if the statement is SeaORM's own form for one row by its primary key:
/// `… WHERE "table"."pk" = $n`, and nothing after it but `RETURNING`.
fn row_of(region: &Region, statement: &Statement) -> Option<String> {
    let pk = region.single_pk?;
    let (before, condition) = statement.sql.rsplit_once(" WHERE ")?;
    let condition = condition.split(" RETURNING ").next()?;
    let (column, placeholder) = condition.split_once(" = ")?;
    let (table, column) = column.rsplit_once('.')?;
    let bare = |name: &str| name.trim_matches(['"', '`']).to_owned();
    if bare(table.rsplit('.').next()?) != region.table || bare(column) != pk {
        return None;
    }
    let place = match placeholder.strip_prefix('$') {
        Some(number) => number.parse::<usize>().ok()?.checked_sub(1)?,
        None if placeholder == "?" => before.matches('?').count(),
        None => return None,
    };
    let values: &[Value] = &statement.values.as_ref()?.0;
    let is_last = place + 1 == values.len();
    let value = values.get(place).filter(|_| is_last)?.clone();
    region.key(&ValueTuple::One(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_write_is_found_whatever_its_quotes() {
        for sql in [
            r#"INSERT INTO "book" ("title") VALUES ($1)"#,
            "UPDATE `book` SET `title` = ?",
            r#"update "public"."book" set title = 'x';"#,
            "DELETE FROM book WHERE 1 = 1",
            "insert into book(title) values (1)",
        ] {
            assert_eq!(target(sql), Some("book"), "{sql}");
        }
    }

    #[test]
    fn where_the_form_is_not_known_a_mention_will_do() {
        let two = "UPDATE author SET a = 1; DELETE FROM book";
        assert_eq!(target(two), None);
        assert!(mentions(two, "book") && mentions(two, "author"));
        assert_eq!(target("WITH x AS (SELECT 1) UPDATE book SET a = 1"), None);
        assert!(mentions("TRUNCATE TABLE book", "book"));
        assert!(!mentions("TRUNCATE TABLE bookshelf", "book"));
        assert_eq!(target("UPDATE author SET x = (SELECT 1 FROM book)"), Some("author"));
    }
}
