//! The order of a list, made from its rows.

use crate::entity::{Row, Schema, integer, is_null};
use crate::keyspace::{IndexDef, Keyspace};
use sea_orm::DbBackend;
use sea_orm::sea_query::backend::QueryBuilder as _;
use sea_orm::sea_query::{Order, SqliteQueryBuilder, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Larger exponents are no column's.
const EXPONENT_MAX: i32 = 100_000;

/// The order of the lists of one index.
pub(super) struct ListOrder<'a> {
    schema: &'a Schema,
    columns: &'a [(usize, Order)],
    nulls_last: bool,
}

impl<'a> ListOrder<'a> {
    pub(super) fn of(keyspace: &'a Keyspace, index: &'a IndexDef) -> Self {
        let nulls_last = keyspace.database == Some(DbBackend::Postgres);
        Self { schema: &keyspace.schema, columns: &index.order, nulls_last }
    }

    pub(super) fn sort(&self, rows: &mut [Row]) {
        // Most lists are in the order of their keys already.
        if !rows.is_sorted_by(|a, b| self.compare(a, b) != Ordering::Greater) {
            rows.sort_by_cached_key(|row| Place { values: self.values(row), order: self });
        }
    }

    fn values(&self, row: &Row) -> Vec<Value> {
        self.columns.iter().map(|(column, _)| self.schema.get(row, *column)).collect()
    }

    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let get = |row, column: &usize| self.schema.get(row, *column);
        let each = self.columns.iter();
        first_difference(
            each.map(|(column, order)| compare_by(order, self.nulls_last, &get(a, column), &get(b, column))),
        )
    }
}

/// A row's place in an order.
struct Place<'o> {
    values: Vec<Value>,
    order: &'o ListOrder<'o>,
}

impl Ord for Place<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let values = self.values.iter().zip(&other.values).zip(self.order.columns);
        first_difference(values.map(|((a, b), (_, order))| compare_by(order, self.order.nulls_last, a, b)))
    }
}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place<'_> {}

fn first_difference(mut orderings: impl Iterator<Item = Ordering>) -> Ordering {
    orderings.find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// Two values of a column in this order.
fn compare_by(order: &Order, nulls_last: bool, a: &Value, b: &Value) -> Ordering {
    if let Order::Field(values) = order {
        // The values need not be of the column's own type: `1` is `1_i64` for the database, too.
        let is = |value: &Value, other: &Value| {
            !is_null(value) && !is_null(other) && compare(value, other).is_eq()
        };
        let place = |value: &Value| values.0.iter().position(|other| is(value, other)).unwrap_or(usize::MAX);
        return place(a).cmp(&place(b));
    }
    let ordering = match (is_null(a), is_null(b)) {
        (true, true) => Ordering::Equal,
        (true, false) if nulls_last => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) if nulls_last => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare(a, b),
    };
    if matches!(order, Order::Desc) { ordering.reverse() } else { ordering }
}

/// Two values of one column.
fn compare(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (float(a), float(b)) {
        // Both zeros are one number. A NaN is the greatest, and like every other.
        return a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Char(a), Value::Char(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        // Dates, UUIDs, decimals and all that depends on features of other crates: as SQL literals.
        _ => compare_literals(&literal(a), &literal(b)),
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
    let (a, b) = (&*without_exponent(a), &*without_exponent(b));
    match (Number::of(a), Number::of(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// A number in full: very large and very small ones are written with an exponent.
fn without_exponent(text: &str) -> Cow<'_, str> {
    let parts = text.split_once(['E', 'e']).and_then(|(amount, exponent)| {
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
        let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= EXPONENT_MAX)?;
        Some((sign, whole, fraction, usize::try_from(exponent.unsigned_abs()).ok()?, exponent < 0))
    });
    let Some((sign, whole, fraction, shift, smaller)) = parts else { return Cow::Borrowed(text) };
    let zeros = "0".repeat(shift);
    let (digits, point) = if smaller {
        (format!("{zeros}{whole}{fraction}"), whole.len())
    } else {
        (format!("{whole}{fraction}{zeros}"), whole.len() + shift)
    };
    match digits.split_at_checked(point) {
        Some((whole, fraction)) => Cow::Owned(format!("{sign}{whole}.{fraction}")),
        None => Cow::Borrowed(text),
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
            &[(-1.5_f64).into(), 0.0_f64.into(), 2.25_f64.into(), f64::NAN.into()],
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
    fn numbers_that_are_equal_for_a_database_are_a_tie() {
        for (a, b) in [(-0.0_f64, 0.0), (f64::NAN, -f64::NAN)] {
            assert_eq!(compare(&a.into(), &b.into()), Ordering::Equal, "{a} and {b}");
        }
        assert_eq!(compare_literals("-0", "0.00"), Ordering::Equal);
    }

    #[test]
    fn values_of_an_order_are_found_whatever_their_type_is() {
        let order = Order::Field(sea_orm::sea_query::Values(vec![3_i32.into(), 1_i32.into()]));
        let by = |a: i64, b: i64| compare_by(&order, false, &a.into(), &b.into());
        assert_eq!(
            (by(3, 1), by(1, 3), by(1, 7), by(7, 9)),
            (Ordering::Less, Ordering::Greater, Ordering::Less, Ordering::Equal)
        );
    }

    #[test]
    fn decimals_are_ordered_by_amount_and_dates_by_their_text() {
        let ascending = ["-10.5", "-9.75", "-0.1", "0", "0.10", "0.2", "9.9", "10", "10.01"];
        for pair in ascending.windows(2) {
            assert_eq!(compare_literals(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        let ascending =
            ["-1E+3", "-2.5e2", "-1E-7", "0", "1E-8", "1E-7", "2.5E-7", "9", "10", "1.5E+3", "1501"];
        for pair in ascending.windows(2) {
            assert_eq!(compare_literals(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare_literals(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare_literals("1.50", "1.5"), Ordering::Equal);
        assert_eq!(compare_literals("1.5E+3", "1500"), Ordering::Equal);
        assert_eq!(compare_literals("2024-02-29", "2024-10-01"), Ordering::Less);
    }

    #[test]
    fn null_comes_where_the_database_puts_it() {
        for (order, nulls_last, null_first) in [
            (Order::Asc, false, true),
            (Order::Asc, true, false),
            (Order::Desc, false, false),
            (Order::Desc, true, true),
        ] {
            let (null, one) = (Value::from(None::<i32>), Value::from(1));
            assert_eq!(compare_by(&order, nulls_last, &null, &one).is_lt(), null_first);
            assert_eq!(compare_by(&order, nulls_last, &one, &null).is_lt(), !null_first);
        }
    }
}
