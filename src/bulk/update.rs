//! `UPDATE`.

use super::Done;
use super::ledger::Ledger;
use super::site::Site;
use crate::entity::Row;
use crate::executor::WriteStatement;
use crate::key::pk_text;
use sea_orm::DbErr;
use sea_orm::sea_query::UpdateStatement;
use std::collections::HashMap;

pub(super) async fn run(
    site: &Site<'_>,
    mut update: UpdateStatement,
    mut ledger: Ledger<'_>,
) -> Result<Done, DbErr> {
    let schema = site.schema();
    let names: Vec<String> = update.get_values().iter().map(|(column, _)| column.to_string()).collect();
    if names.is_empty() {
        return Ok(Done::of(site.concerned().await?.unwrap_or_default()));
    }
    ledger.sets(&names);
    let is_set =
        |column: &usize| names.iter().any(|name| name.eq_ignore_ascii_case(schema.columns[*column].name));
    let moves = schema.pk.iter().any(is_set);
    if site.returns && !moves {
        let rows = ledger.during(site.returned(WriteStatement::Update(update))).await?;
        return Ok(recorded(site, ledger, rows, &[]));
    }
    // Rows that have got another key can only be found again where the database returns them.
    let concerned = if site.returns || !moves { site.concerned().await? } else { None };
    let Some(before) = concerned else { return site.in_doubt(WriteStatement::Update(update), ledger).await };
    if before.is_empty() {
        return Ok(Done::of(before));
    }
    let pks = site.keys_of(&before);
    pks.iter().for_each(|pk| ledger.touch_row(pk));
    update.cond_where(site.is_one_of(&pks));
    let update = WriteStatement::Update(update);
    if site.returns {
        let rows = ledger.during(site.returned(update)).await?;
        return Ok(recorded(site, ledger, rows, &[]));
    }
    let affected = ledger.during(site.db.execute(&update)).await?.rows_affected();
    let rows = site.reread(&pks).await?;
    Ok(Done { affected, ..recorded(site, ledger, rows, &before) })
}

/// Records the rows; some may be known as they were before the statement.
fn recorded(site: &Site<'_>, ledger: Ledger<'_>, rows: Vec<Row>, before: &[Row]) -> Done {
    let key = |row: &Row| pk_text(&site.schema().pk_of(&**row));
    let before: HashMap<Option<String>, &Row> = before.iter().map(|row| (key(row), row)).collect();
    rows.iter().for_each(|row| ledger.holds(row, before.get(&key(row)).copied()));
    ledger.settle();
    Done::of(rows)
}
