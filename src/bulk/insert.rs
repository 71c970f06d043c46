//! `INSERT`. Where the database returns no rows, those of a plain insert are found by their keys: as they
//! were given, or as the database has counted them.

use super::ledger::{Joined, Ledger};
use super::statement::Site;
use super::text::{self, Inserted};
use super::{Done, Want};
use crate::controller::Pk;
use crate::entity::CachedEntity;
use crate::relation::pk_columns;
use sea_orm::sea_query::{Expr, InsertStatement, IntoValueTuple, Query, Value, ValueTuple};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, PrimaryKeyTrait, TryFromU64};

pub(super) async fn run<E: CachedEntity, C: ConnectionTrait>(
    site: &Site<'_, C>,
    insert: InsertStatement,
    mut ledger: Ledger<'_, E>,
) -> Result<Done<E>, DbErr> {
    if site.returns && !text::upsert_sets(&site.built, &pk_columns::<E>()) {
        let rows = ledger.during(site.returned::<E>(insert)).await?;
        return Ok(recorded(ledger, rows));
    }
    let Some(keys) = Keys::of::<E>(site) else { return site.in_doubt(insert, ledger).await };
    let result = ledger.during(site.db.execute(&insert)).await?;
    let affected = result.rows_affected();
    let pks = keys.resolved::<E, C>(site, &result).await?;
    let rows = site.reread::<E>(&pks).await?;
    if !pks.is_empty() && rows.len() == pks.len() {
        return Ok(Done { affected, ..recorded(ledger, rows) });
    }
    // The rows have other keys than those that were found: the entity stays in doubt.
    match site.want {
        Want::Count => Ok(Done { affected, rows: None }),
        Want::Rows | Want::One => Err(DbErr::RecordNotFound("Failed to find inserted item".to_owned())),
    }
}

fn recorded<E: CachedEntity>(ledger: Ledger<'_, E>, rows: Vec<E::Model>) -> Done<E> {
    rows.iter().for_each(|row| ledger.holds(row, &Joined::Every));
    ledger.settle();
    Done::of(rows)
}

/// The keys of the rows that a plain insert makes.
enum Keys {
    Given(Vec<ValueTuple>),
    /// The database counts on from the key that it tells of.
    Counted(usize),
}

impl Keys {
    fn of<E: CachedEntity>(site: &Site<'_, impl ConnectionTrait>) -> Option<Self> {
        let inserted = text::inserted(&site.built)?;
        let names = pk_columns::<E>();
        let named = |name: &&str| inserted.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        if names.iter().all(named) {
            return given(site, &inserted, &names).map(Self::Given);
        }
        // Of several rows MySQL tells the first and counts in steps; of others only a single one is sure.
        let countable = site.dialect == DbBackend::MySql || inserted.rows.len() == 1;
        let counts = E::PrimaryKey::auto_increment() && names.len() == 1 && countable;
        counts.then_some(Self::Counted(inserted.rows.len()))
    }

    async fn resolved<E: CachedEntity, C: ConnectionTrait>(
        self,
        site: &Site<'_, C>,
        result: &ExecResult,
    ) -> Result<Vec<ValueTuple>, DbErr> {
        let count = match self {
            Self::Given(pks) => return Ok(pks),
            Self::Counted(count) => count as u64,
        };
        let first = result.last_insert_id();
        if first == 0 {
            return Ok(Vec::new());
        }
        let step = if count > 1 { step_of(site.db).await? } else { 1 };
        let pk = |place: u64| Ok(Pk::<E>::try_from_u64(first + place * step)?.into_value_tuple());
        (0..count).map(pk).collect()
    }
}

/// The keys as the statement gives them; `None` if one of them is an expression, or left to the database.
fn given(
    site: &Site<'_, impl ConnectionTrait>,
    inserted: &Inserted,
    names: &[&'static str],
) -> Option<Vec<ValueTuple>> {
    let values = &site.built.values.as_ref()?.0;
    let places: Option<Vec<usize>> = names
        .iter()
        .map(|name| inserted.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))
        .collect();
    let places = places?;
    let value = |row: &Vec<Option<usize>>, place: usize| {
        let value: &Value = values.get(row[place]?)?;
        (*value != value.as_null()).then(|| value.clone())
    };
    let key = |row: &Vec<Option<usize>>| {
        let values: Option<Vec<Value>> = places.iter().map(|place| value(row, *place)).collect();
        values.map(ValueTuple::Many)
    };
    inserted.rows.iter().map(key).collect()
}

/// By how much MySQL counts on.
async fn step_of<C: ConnectionTrait>(db: &C) -> Result<u64, DbErr> {
    let step = Expr::cust("CAST(@@auto_increment_increment AS SIGNED)");
    let row = db.query_one(&Query::select().expr(step).take()).await?;
    let step = row.map_or(Ok(1), |row| row.try_get_by_index::<i64>(0))?;
    Ok(u64::try_from(step).unwrap_or(1))
}
