//! The order of a list, made from its rows.

use super::index::{IndexDef, column_of, pk_columns};
use crate::entity::CachedEntity;
use sea_orm::sea_query::backend::QueryBuilder as _;
use sea_orm::sea_query::{Order, SqliteQueryBuilder, Value};
use sea_orm::{DbBackend, ModelTrait};
use std::cmp::Ordering;

/// Sorts rows as their index says; by the primary key in the end.
pub(super) fn sort<E: CachedEntity>(index: &IndexDef, database: Option<DbBackend>, rows: &mut [E::Model]) {
    if rows.len() < 2 {
        return;
    }
    let declared = index.order.iter().cloned();
    let pk = pk_columns::<E>().into_iter().map(|name| (name, Order::Asc));
    let columns: Vec<(E::Column, Order)> =
        declared.chain(pk).filter_map(|(name, order)| Some((column_of::<E>(name)?, order))).collect();
    let nulls_last = database == Some(DbBackend::Postgres);
    let key = |row: &E::Model| columns.iter().map(|(column, _)| row.get(*column)).collect::<Vec<_>>();
    rows.sort_by_cached_key(|row| {
        let values = key(row).into_iter().zip(&columns);
        values
            .map(|(value, (_, order))| Place { value, order: order.clone(), nulls_last })
            .collect::<Vec<_>>()
    });
}

/// A value at its place in an order.
struct Place {
    value: Value,
    order: Order,
    nulls_last: bool,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Order::Field(values) = &self.order {
            let place =
                |value: &Value| values.0.iter().position(|other| other == value).unwrap_or(usize::MAX);
            return place(&self.value).cmp(&place(&other.value));
        }
        let ordering = match (is_null(&self.value), is_null(&other.value)) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_last => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if self.nulls_last => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => compare(&self.value, &other.value),
        };
        if matches!(self.order, Order::Desc) { ordering.reverse() } else { ordering }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}

fn is_null(value: &Value) -> bool {
    *value == value.as_null()
}

/// Two values of one column.
fn compare(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (float(a), float(b)) {
        return a.total_cmp(&b);
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Char(a), Value::Char(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        // Dates, UUIDs, decimals and whatever else depends on features of other crates: as SQL literals.
        _ => compare_literals(&literal(a), &literal(b)),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::TinyInt(v) => v.map(i128::from),
        Value::SmallInt(v) => v.map(i128::from),
        Value::Int(v) => v.map(i128::from),
        Value::BigInt(v) => v.map(i128::from),
        Value::TinyUnsigned(v) => v.map(i128::from),
        Value::SmallUnsigned(v) => v.map(i128::from),
        Value::Unsigned(v) => v.map(i128::from),
        Value::BigUnsigned(v) => v.map(i128::from),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(v) => v.map(f64::from),
        Value::Double(v) => *v,
        _ => None,
    }
}

fn literal(value: &Value) -> String {
    SqliteQueryBuilder.value_to_string(value).trim_matches('\'').to_owned()
}

/// Numbers by their amount, all else by its text, which is right for dates, times and UUIDs.
fn compare_literals(a: &str, b: &str) -> Ordering {
    match (Number::of(a), Number::of(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// A decimal number of any length.
#[derive(PartialEq, Eq)]
struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty() && all_digits(whole) && all_digits(fraction);
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        is_number.then_some(Self { negative, whole, fraction })
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let amount =
            |number: &Self| (number.whole.len(), number.whole.to_owned(), number.fraction.to_owned());
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => amount(self).cmp(&amount(other)),
            (true, true) => amount(other).cmp(&amount(self)),
        }
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered_as_a_database_orders_them() {
        let ascending: [&[Value]; 6] = [
            &[(-5_i32).into(), 0_i32.into(), 7_i32.into(), i32::MAX.into()],
            &[(-1.5_f64).into(), 0.0_f64.into(), 2.25_f64.into()],
            &["A".into(), "B".into(), "a".into(), "é".into()],
            &[false.into(), true.into()],
            &[vec![0_u8].into(), vec![0_u8, 1].into(), vec![9_u8].into()],
            &[uuid::Uuid::from_u128(1).into(), uuid::Uuid::from_u128(u128::MAX).into()],
        ];
        for values in ascending {
            for pair in values.windows(2) {
                assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
                assert_eq!(compare(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
            }
        }
    }

    #[test]
    fn decimals_are_ordered_by_amount_and_dates_by_their_text() {
        let ascending = ["-10.5", "-9.75", "-0.1", "0", "0.10", "0.2", "9.9", "10", "10.01"];
        for pair in ascending.windows(2) {
            assert_eq!(compare_literals(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare_literals("1.50", "1.5"), Ordering::Equal);
        assert_eq!(compare_literals("2024-02-29", "2024-10-01"), Ordering::Less);
    }

    #[test]
    fn null_comes_where_the_database_puts_it() {
        let place = |value: Option<i32>, order: Order, nulls_last: bool| Place {
            value: value.into(),
            order,
            nulls_last,
        };
        for (order, nulls_last, null_first) in [
            (Order::Asc, false, true),
            (Order::Asc, true, false),
            (Order::Desc, false, false),
            (Order::Desc, true, true),
        ] {
            let (null, one) = (place(None, order.clone(), nulls_last), place(Some(1), order, nulls_last));
            assert_eq!(null < one, null_first);
            assert_eq!(one < null, !null_first);
        }
    }
}
