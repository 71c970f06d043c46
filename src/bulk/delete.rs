//! `DELETE`, and what the database deletes or changes along with the rows.

use super::Done;
use super::ledger::Ledger;
use super::statement::{Site, keys_of};
use crate::controller::{SELECT_KEYS_MAX, is_one_of};
use crate::entity::CachedEntity;
use crate::key::pk_text;
use crate::relation::{Deleted, columns_of_row, taken_along_with};
use sea_orm::sea_query::{DeleteStatement, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, ModelTrait};
use std::collections::HashSet;

pub(super) async fn run<E: CachedEntity, C: ConnectionTrait>(
    site: &Site<'_, C>,
    mut delete: DeleteStatement,
    mut ledger: Ledger<'_, E>,
) -> Result<Done<E>, DbErr> {
    let alone = ledger.autocache().children_of(&site.region.table).is_empty();
    if site.returns && alone {
        let rows = ledger.during(site.returned::<E>(delete)).await?;
        return Ok(recorded(ledger, rows));
    }
    let Some(before) = site.concerned::<E>().await? else { return site.in_doubt(delete, ledger).await };
    if before.is_empty() {
        return Ok(Done::of(before));
    }
    take_along(site, &ledger, &before).await?;
    let pks = keys_of(&before);
    pks.iter().for_each(|pk| ledger.touch_row(pk));
    delete.cond_where(is_one_of::<E>(&pks));
    if site.returns {
        let rows = ledger.during(site.returned::<E>(delete)).await?;
        return Ok(recorded(ledger, rows));
    }
    let affected = ledger.during(site.db.execute(&delete)).await?.rows_affected();
    let rows =
        if affected == before.len() as u64 { before } else { lost::<E, C>(site, before, &pks).await? };
    Ok(Done { affected, ..recorded(ledger, rows) })
}

/// What goes with the rows, found while they are locked: nobody adds to it any more.
async fn take_along<E: CachedEntity, C: ConnectionTrait>(
    site: &Site<'_, C>,
    ledger: &Ledger<'_, E>,
    rows: &[E::Model],
) -> Result<(), DbErr> {
    for rows in rows.chunks(SELECT_KEYS_MAX) {
        let deleted = Deleted::of(&site.region, rows.iter().map(columns_of_row::<E>).collect());
        for (region, key) in taken_along_with(ledger.autocache(), deleted, site.db).await? {
            ledger.touch(&region, &key);
        }
    }
    Ok(())
}

/// The rows that are not there any more. A condition that holds by chance may have spared some.
async fn lost<E: CachedEntity, C: ConnectionTrait>(
    site: &Site<'_, C>,
    before: Vec<E::Model>,
    pks: &[ValueTuple],
) -> Result<Vec<E::Model>, DbErr> {
    let spared: HashSet<Option<String>> =
        keys_of(&site.reread::<E>(pks).await?).iter().map(pk_text).collect();
    Ok(before.into_iter().filter(|row| !spared.contains(&pk_text(&row.get_primary_key_value()))).collect())
}

fn recorded<E: CachedEntity>(ledger: Ledger<'_, E>, rows: Vec<E::Model>) -> Done<E> {
    rows.iter().for_each(|row| ledger.gone(&row.get_primary_key_value()));
    ledger.settle();
    Done::of(rows)
}
