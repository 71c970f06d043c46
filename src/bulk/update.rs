//! `UPDATE`.

use super::Done;
use super::ledger::{Joined, Ledger};
use super::statement::{Site, keys_of};
use crate::controller::is_one_of;
use crate::entity::CachedEntity;
use sea_orm::sea_query::UpdateStatement;
use sea_orm::{ConnectionTrait, DbErr, IdenStatic, Iterable, PrimaryKeyToColumn};

pub(super) async fn run<E: CachedEntity, C: ConnectionTrait>(
    site: &Site<'_, C>,
    mut update: UpdateStatement,
    mut ledger: Ledger<'_, E>,
) -> Result<Done<E>, DbErr> {
    let set: Vec<String> = update.get_values().iter().map(|(column, _)| column.to_string()).collect();
    if set.is_empty() {
        return Ok(Done::of(site.concerned::<E>().await?.unwrap_or_default()));
    }
    let renames = E::PrimaryKey::iter()
        .any(|key| set.iter().any(|column| column.eq_ignore_ascii_case(key.into_column().as_str())));
    let joined = if renames { Joined::Every } else { Joined::By(set) };
    if site.returns && !renames {
        let rows = ledger.during(site.returned::<E>(update)).await?;
        return Ok(recorded(ledger, rows, &joined));
    }
    // Rows that have got another key can only be found again where the database returns them.
    let concerned = if site.returns || !renames { site.concerned::<E>().await? } else { None };
    let Some(before) = concerned else { return site.in_doubt(update, ledger).await };
    if before.is_empty() {
        return Ok(Done::of(before));
    }
    let pks = keys_of(&before);
    pks.iter().for_each(|pk| ledger.touch_row(pk));
    update.cond_where(is_one_of::<E>(&pks));
    if site.returns {
        let rows = ledger.during(site.returned::<E>(update)).await?;
        return Ok(recorded(ledger, rows, &joined));
    }
    let affected = ledger.during(site.db.execute(&update)).await?.rows_affected();
    let rows = site.reread::<E>(&pks).await?;
    Ok(Done { affected, ..recorded(ledger, rows, &joined) })
}

fn recorded<E: CachedEntity>(ledger: Ledger<'_, E>, rows: Vec<E::Model>, joined: &Joined) -> Done<E> {
    rows.iter().for_each(|row| ledger.holds(row, joined));
    ledger.settle();
    Done::of(rows)
}
