//! `INSERT`. Where the database returns no rows, those of a plain insert are found by their keys: as they
//! were given, or as the database has counted them.

use super::ledger::Ledger;
use super::site::Site;
use super::{Done, Want};
use crate::entity::{Row, integer_of, is_null, pk_tuple};
use crate::executor::{Executor, WriteStatement};
use crate::sql::{self, TableWrite, Verb};
use sea_orm::sea_query::{Expr, Query, Value, ValueTuple};
use sea_orm::{DbBackend, DbErr, ExecResult};

pub(super) async fn run(
    site: &Site<'_>,
    insert: WriteStatement,
    mut ledger: Ledger<'_>,
) -> Result<Done, DbErr> {
    if site.returns && !may_set_key(site) {
        let rows = ledger.during(site.returned(insert)).await?;
        return Ok(recorded(ledger, rows));
    }
    let Some(keys) = Keys::of(site) else { return site.in_doubt(insert, ledger).await };
    let result = ledger.during(site.db.execute(&insert)).await?;
    let affected = result.rows_affected();
    let pks = keys.resolved(site, &result).await?;
    let rows = site.reread(&pks).await?;
    if !pks.is_empty() && rows.len() == pks.len() {
        return Ok(Done { affected, ..recorded(ledger, rows) });
    }
    // The rows have other keys than those that were found: the entity stays in doubt.
    match site.want {
        Want::Count => Ok(Done { affected, rows: None }),
        Want::Rows | Want::One => Err(DbErr::RecordNotFound("Failed to find inserted item".to_owned())),
    }
}

/// Whether an upsert may give a row another primary key.
fn may_set_key(site: &Site<'_>) -> bool {
    let names = pk_names(site);
    sql::shape_of(&site.built).sole_write().is_none_or(|write| names.iter().any(|name| write.sets(name)))
}

fn pk_names(site: &Site<'_>) -> Vec<&'static str> {
    site.schema().pk.iter().map(|column| site.schema().columns[*column].name).collect()
}

fn recorded(ledger: Ledger<'_>, rows: Vec<Row>) -> Done {
    rows.iter().for_each(|row| ledger.holds(row, None));
    ledger.settle();
    Done::of(rows)
}

/// The keys of the rows that a plain insert makes.
enum Keys {
    Given(Vec<ValueTuple>),
    /// The database counts on from the key that it answers.
    Counted(usize),
}

impl Keys {
    fn of(site: &Site<'_>) -> Option<Self> {
        let shape = sql::shape_of(&site.built);
        let is_plain = |write: &&TableWrite| {
            write.verb == Verb::Insert && write.is_plain && !write.may_skip && !write.rows.is_empty()
        };
        let inserted = shape.sole_write().filter(is_plain)?;
        let names = pk_names(site);
        let named = |name: &&str| inserted.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        if names.iter().all(named) {
            return given(site, inserted, &names).map(Self::Given);
        }
        // Of several rows MySQL answers the first and counts in steps; of others only a single one is sure.
        let countable = site.dialect == DbBackend::MySql || inserted.rows.len() == 1;
        let counts = site.schema().auto_increment && names.len() == 1 && countable;
        counts.then_some(Self::Counted(inserted.rows.len()))
    }

    async fn resolved(self, site: &Site<'_>, result: &ExecResult) -> Result<Vec<ValueTuple>, DbErr> {
        let count = match self {
            Self::Given(pks) => return Ok(pks),
            Self::Counted(count) => count as u64,
        };
        let first = result.last_insert_id();
        if first == 0 {
            return Ok(Vec::new());
        }
        let step = if count > 1 { step_of(site.db).await? } else { 1 };
        let kind = &site.schema().columns[site.schema().pk[0]].kind;
        let pk = |place: u64| integer_of(kind, i128::from(first + place * step)).map(ValueTuple::One);
        Ok((0..count).map(pk).collect::<Option<_>>().unwrap_or_default())
    }
}

/// The keys as the statement gives them; `None` if one of them is an expression, or left to the database, or
/// none of its column.
fn given(site: &Site<'_>, inserted: &TableWrite, names: &[&'static str]) -> Option<Vec<ValueTuple>> {
    let values = &site.built.values.as_ref()?.0;
    let places: Option<Vec<usize>> = names
        .iter()
        .map(|name| inserted.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))
        .collect();
    let places = places?;
    let value = |row: &Vec<Option<usize>>, place: usize| {
        let value: &Value = values.get(row[place]?)?;
        (!is_null(value)).then(|| value.clone())
    };
    let key = |row: &Vec<Option<usize>>| {
        let values: Vec<Value> = places.iter().map(|place| value(row, *place)).collect::<Option<_>>()?;
        site.schema().convert(&site.schema().pk, values).ok().map(pk_tuple)
    };
    inserted.rows.iter().map(key).collect()
}

/// By how much MySQL counts on.
async fn step_of(db: &dyn Executor) -> Result<u64, DbErr> {
    let step = Expr::cust("CAST(@@auto_increment_increment AS SIGNED)");
    let row = db.select_one(&Query::select().expr(step).take()).await?;
    let step = row.map_or(Ok(1), |row| row.try_get_by_index::<i64>(0))?;
    Ok(u64::try_from(step).unwrap_or(1))
}
