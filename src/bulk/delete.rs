//! `DELETE`, and what changes with it by cascade.

use super::Done;
use super::ledger::Ledger;
use super::site::Site;
use crate::cascade::{Deleted, cascade_of};
use crate::entity::{Row, SELECT_KEYS_MAX};
use crate::executor::WriteStatement;
use crate::key::pk_text;
use sea_orm::DbErr;
use sea_orm::sea_query::{DeleteStatement, ValueTuple};
use std::collections::HashSet;

pub(super) async fn run(
    site: &Site<'_>,
    mut delete: DeleteStatement,
    mut ledger: Ledger<'_>,
) -> Result<Done, DbErr> {
    let alone = site.autocache.children_of(site.schema().table).is_empty();
    if site.returns && alone {
        let rows = ledger.during(site.returned(WriteStatement::Delete(delete))).await?;
        return Ok(recorded(ledger, rows));
    }
    let Some(before) = site.concerned().await? else {
        return site.in_doubt(WriteStatement::Delete(delete), ledger).await;
    };
    if before.is_empty() {
        return Ok(Done::of(before));
    }
    touch_cascade(site, &ledger, &before).await?;
    let pks = site.keys_of(&before);
    pks.iter().for_each(|pk| ledger.touch_row(pk));
    delete.cond_where(site.is_one_of(&pks));
    let delete = WriteStatement::Delete(delete);
    if site.returns {
        let rows = ledger.during(site.returned(delete)).await?;
        return Ok(recorded(ledger, rows));
    }
    let affected = ledger.during(site.db.execute(&delete)).await?.rows_affected();
    let rows = if affected == before.len() as u64 { before } else { lost(site, before, &pks).await? };
    Ok(Done { affected, ..recorded(ledger, rows) })
}

/// What changes with the rows by cascade, found while they are locked: nothing can be added to it.
async fn touch_cascade(site: &Site<'_>, ledger: &Ledger<'_>, rows: &[Row]) -> Result<(), DbErr> {
    for rows in rows.chunks(SELECT_KEYS_MAX) {
        let deleted = Deleted::of(site.schema(), rows);
        let cascade = cascade_of(site.autocache, deleted, site.db).await?;
        cascade.keys.iter().for_each(|(keyspace, key)| ledger.touch(keyspace, key));
        cascade.unproven.iter().for_each(|keyspace| ledger.touch_entity(keyspace));
    }
    Ok(())
}

/// The rows that are not there any more. A condition that holds by chance may have spared some.
async fn lost(site: &Site<'_>, before: Vec<Row>, pks: &[ValueTuple]) -> Result<Vec<Row>, DbErr> {
    let spared = site.keys_of(&site.reread(pks).await?);
    let spared: HashSet<Option<String>> = spared.iter().map(pk_text).collect();
    let is_lost = |row: &Row| !spared.contains(&pk_text(&site.schema().pk_of(&**row)));
    Ok(before.into_iter().filter(is_lost).collect())
}

fn recorded(ledger: Ledger<'_>, rows: Vec<Row>) -> Done {
    rows.iter().for_each(|row| ledger.gone(row));
    ledger.settle();
    Done::of(rows)
}
