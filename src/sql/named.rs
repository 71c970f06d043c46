//! The rows that a condition names: by columns that equal values.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, Value, ValueWithSpan};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// Columns and the numbers of the values that they equal.
pub(crate) type Equals = Vec<(String, usize)>;

/// How the placeholders of a text are numbered.
pub(super) struct Numbers {
    /// Where they are: those without a number count in their order.
    places: Vec<Location>,
}

impl Numbers {
    pub(super) fn of(tokens: &[TokenWithSpan]) -> Self {
        let placeholders = tokens.iter().filter(|token| matches!(token.token, Token::Placeholder(_)));
        Self { places: placeholders.map(|token| token.span.start).collect() }
    }

    /// The number of the value that this expression is, with or without a cast.
    pub(super) fn number(&self, expression: &Expr) -> Option<usize> {
        match expression {
            Expr::Value(value) => self.of_value(value),
            Expr::Cast { expr, .. } | Expr::Nested(expr) => self.number(expr),
            _ => None,
        }
    }

    fn of_value(&self, value: &ValueWithSpan) -> Option<usize> {
        let Value::Placeholder(text) = &value.value else { return None };
        match text.strip_prefix('$') {
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1),
            None if text == "?" => self.places.binary_search(&value.span.start).ok(),
            None => None,
        }
    }
}

/// The table whose rows a condition is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'s> {
    pub(super) numbers: &'s Numbers,
    /// Its name, or its alias.
    pub(super) table: &'s str,
    /// Whether a column without a table may be another table's.
    pub(super) is_joined: bool,
}

impl Subject<'_> {
    /// Every row for which the condition holds has the columns of one of these. `None`: it may be any row.
    pub(super) fn named(self, condition: &Expr) -> Option<Vec<Equals>> {
        match condition {
            Expr::Nested(inner) => self.named(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                match (self.named(left), self.named(right)) {
                    (Some(left), Some(right)) if right.len() == 1 => Some(both(left, &right[0])),
                    (Some(left), Some(right)) if left.len() == 1 => Some(both(right, &left[0])),
                    // Those of one side will do.
                    (left, right) => left.or(right),
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                let (mut left, right) = (self.named(left)?, self.named(right)?);
                left.extend(right);
                Some(left)
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => Some(vec![self.equals(left, right)?]),
            Expr::In { expr, target: InTarget::List(list), negated: false, .. } => {
                list.iter().map(|value| self.equals(expr, value)).collect()
            }
            _ => None,
        }
    }

    /// A column and a value, or as many of both.
    fn equals(self, left: &Expr, right: &Expr) -> Option<Equals> {
        match (left, right) {
            (Expr::Tuple(columns), Expr::Tuple(values)) if columns.len() == values.len() => {
                let each = columns.iter().zip(values);
                each.map(|(column, value)| self.column(column).zip(self.numbers.number(value))).collect()
            }
            (column, value) => Some(vec![self.column(column).zip(self.numbers.number(value))?]),
        }
    }

    fn column(self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Identifier(column) if !self.is_joined => Some(column.value.clone()),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, column] if table.value == self.table => Some(column.value.clone()),
                _ => None,
            },
            Expr::Cast { expr, .. } | Expr::Nested(expr) => self.column(expr),
            _ => None,
        }
    }
}

fn both(mut each: Vec<Equals>, more: &Equals) -> Vec<Equals> {
    each.iter_mut().for_each(|equals| equals.extend(more.iter().cloned()));
    each
}
