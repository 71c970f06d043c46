//! The guard: writes to cached tables that no signal has announced, such as SeaORM's own bulk
//! statements and raw SQL. A connection sees them all; hooks see none of them.

use super::swept::Swept;
use super::{RowChange, UnitOfWork};
use crate::autocache::{Autocache, Region, Unannounced as Policy};
use crate::coherence::{Answer, Outcome, Step, Token};
use crate::error::CacheError;
use crate::signals::Claim;
use crate::store::{Command, StoreError};
use crate::telemetry::TARGET;
use bytes::Bytes;
use sea_orm::sea_query::{Value, ValueTuple};
use sea_orm::{DbErr, Statement};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// An unannounced write while its statement runs.
#[derive(Debug, Default)]
pub(super) struct Guarded {
    rows: Vec<(Arc<Region>, String, Token)>,
    /// What signals have announced of this very statement.
    announced: Vec<(Arc<Region>, String, Token)>,
    entities: Swept,
}

impl Guarded {
    /// Places intents for the rows that are known; of entities nothing can be announced.
    pub(super) async fn before(autocache: &Autocache, statement: &Statement) -> Result<Self, DbErr> {
        let (unannounced, announced) = concerned(autocache, statement)?;
        let mut guarded = Self { announced, ..Self::default() };
        for Unannounced { region, key } in unannounced {
            let Some(key) = key else {
                guarded.entities.push(region);
                continue;
            };
            let (token, hold) = (Token::random(), region.settings.hold);
            let intent = Step::Intent { token, hold, reissued: false };
            if tell(&region, &key, intent).await.is_err() {
                region.backend.owe(&key, token, hold, region.sweep());
            }
            guarded.rows.push((region, key, token));
        }
        Ok(guarded)
    }

    pub(super) async fn succeeded(self) {
        self.entities.clear().await;
        for (region, key, token) in self.rows {
            let finish = Step::Finish { token, outcome: Outcome::Delete };
            match tell(&region, &key, finish).await {
                Err(_) => region.backend.owe(&key, token, Duration::ZERO, region.sweep()),
                Ok(answer) => {
                    region.backend.settle(&key, token);
                    region.count_end(&answer);
                }
            }
        }
    }

    /// A refused statement is over, and its rows may be cached again at once. Of any other error nobody
    /// knows what the database has done or will do: rows wait for their hold.
    pub(super) async fn failed(self, refused: bool) {
        if !refused {
            return;
        }
        self.entities.forget();
        for (region, key, token) in self.rows.into_iter().chain(self.announced) {
            region.pending.forget(&key, token);
            // If it gets lost the hold ends the write.
            let _ = tell(&region, &key, Step::Release { token }).await;
        }
    }
}

async fn tell(region: &Region, key: &str, step: Step<Bytes>) -> Result<Answer<Bytes>, StoreError> {
    let replies = region.backend.run(vec![Command { key: key.to_owned(), step }]).await;
    replies.into_iter().next().unwrap_or(Ok(Answer::Unchanged))
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

type Announced = Vec<(Arc<Region>, String, Token)>;

/// What is to be invalidated for this statement, as the policy says, and what signals have announced.
fn concerned(autocache: &Autocache, statement: &Statement) -> Result<(Vec<Unannounced>, Announced), DbErr> {
    let (unannounced, announced) = sorted(autocache, statement);
    let Some(first) = unannounced.first() else { return Ok((unannounced, announced)) };
    let table = first.region.table.clone();
    match autocache.settings().unannounced {
        Policy::Refuse => return Err(CacheError::Unannounced { table }.into()),
        Policy::Warn => {
            warn_once(&table, "its cached rows may be stale now: invalidate them");
            return Ok((Vec::new(), announced));
        }
        Policy::Invalidate => {}
    }
    if unannounced.iter().any(|write| write.key.is_none()) {
        let advice = "every entry of it is dropped; to drop only what has changed, save or delete the models";
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
fn sorted(autocache: &Autocache, statement: &Statement) -> (Vec<Unannounced>, Announced) {
    let (mut unannounced, mut announced) = (Vec::new(), Vec::new());
    let written = |region: &Arc<Region>| writes_to(&statement.sql, &region.table) && !region.is_off();
    for region in autocache.regions().into_iter().filter(written) {
        let key = row_of(&region, statement);
        match region.pending.claim_statement(key.as_deref()) {
            Claim::Nothing => unannounced.push(Unannounced { key, region }),
            Claim::Noted => {}
            Claim::Write(key, token) => announced.push((region, key, token)),
        }
    }
    (unannounced, announced)
}

/// Whether the statement writes to this table. Where its form is not known, a mention will do.
fn writes_to(sql: &str, table: &str) -> bool {
    match target(sql) {
        Some(target) => target == table,
        None => mentions(sql, table),
    }
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
            assert!(writes_to(sql, "book"), "{sql}");
            assert!(!writes_to(sql, "title"), "{sql}");
        }
    }

    #[test]
    fn where_the_form_is_not_known_a_mention_will_do() {
        let two = "UPDATE author SET a = 1; DELETE FROM book";
        assert!(writes_to(two, "book") && writes_to(two, "author"));
        assert!(writes_to("WITH x AS (SELECT 1) UPDATE book SET a = 1", "book"));
        assert!(writes_to("TRUNCATE TABLE book", "book"));
        assert!(!writes_to("TRUNCATE TABLE bookshelf", "book"));
        assert!(!writes_to("UPDATE author SET x = (SELECT 1 FROM book)", "book"));
    }
}
