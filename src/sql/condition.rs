//! The rows that an `UPDATE` or `DELETE` is about. SeaORM keeps the conditions of its statements to itself, so
//! they are cut out of the text.

use super::parse::dialect_of;
use super::shape::Verb;
use super::shape_of;
use sea_orm::sea_query::{Expr, Value};
use sea_orm::{DbBackend, Statement};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Whitespace};

/// Which rows an `UPDATE` or `DELETE` of one table is about.
#[derive(Debug, PartialEq)]
pub(crate) enum Rows {
    All,
    /// Those of this condition. The statement's `ORDER BY` and `LIMIT` are part of the text.
    Where(Expr),
}

impl Rows {
    /// The rows of an `UPDATE` or `DELETE` of this table; `None` if it has another form.
    pub(crate) fn of(statement: &Statement, table: &str) -> Option<Self> {
        let shape = shape_of(statement);
        let write = shape.sole_write()?;
        // Without quotes the database may read the table's name in another case.
        let is_of_table = write.table.table == table && write.table.is_quoted;
        if !is_of_table || write.is_joined || !matches!(write.verb, Verb::Update | Verb::Delete) {
            return None;
        }
        let parts = Parts::of(statement)?;
        let values: &[Value] = statement.values.as_ref().map_or(&[], |values| values.0.as_slice());
        let Some(begin) = parts.condition.or(parts.limit) else { return Some(Self::All) };
        let end = parts.returning.unwrap_or(Place { at: statement.sql.len(), values: values.len() });
        let text = statement.sql.get(begin.at..end.at)?.trim_end();
        let text = match parts.condition {
            Some(_) => text.get("WHERE".len()..)?.trim_start().to_owned(),
            None => format!("1 = 1 {text}"),
        };
        let values = match statement.db_backend {
            // Numbers count from the statement's first value.
            DbBackend::Postgres => values,
            _ => values.get(begin.values..end.values)?,
        };
        Some(Self::Where(Expr::cust_with_values(text, values.iter().cloned())))
    }
}

/// Where a word begins, and how many placeholders come before it.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: usize,
    values: usize,
}

/// Where the parts of an `UPDATE` or `DELETE` begin that come after its table.
#[derive(Debug, Default)]
struct Parts {
    condition: Option<Place>,
    /// The first `ORDER` or `LIMIT`.
    limit: Option<Place>,
    returning: Option<Place>,
}

impl Parts {
    /// `None` if it has a part that SeaQuery would not send again as it is.
    fn of(statement: &Statement) -> Option<Self> {
        let sql = statement.sql.as_str();
        let tokens = Tokenizer::new(dialect_of(statement.db_backend), sql).tokenize_with_location().ok()?;
        let (mut parts, mut depth, mut values) = (Self::default(), 0_usize, 0);
        let mut offsets = Offsets::of(sql);
        for token in &tokens {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.checked_sub(1)?,
                Token::Placeholder(_) => values += 1,
                // SeaQuery replaces no placeholder between brackets, and reads comments and dollars in its own way.
                Token::LBracket
                | Token::DollarQuotedString(_)
                | Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) =>
                {
                    return None;
                }
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                    let part = match word.keyword {
                        Keyword::WHERE => &mut parts.condition,
                        Keyword::ORDER | Keyword::LIMIT => &mut parts.limit,
                        Keyword::RETURNING => &mut parts.returning,
                        _ => continue,
                    };
                    let at = offsets.at(token.span.start)?;
                    part.get_or_insert(Place { at, values });
                }
                _ => {}
            }
        }
        let given = statement.values.as_ref().map_or(0, |values| values.0.len());
        let fits = statement.db_backend == DbBackend::Postgres || values == given;
        fits.then_some(parts)
    }
}

/// Byte offsets of locations, which come in order.
struct Offsets<'s> {
    rest: std::str::CharIndices<'s>,
    here: Location,
}

impl<'s> Offsets<'s> {
    fn of(sql: &'s str) -> Self {
        Self { rest: sql.char_indices(), here: Location { line: 1, column: 1 } }
    }

    fn at(&mut self, wanted: Location) -> Option<usize> {
        loop {
            let (at, c) = self.rest.clone().next()?;
            if self.here == wanted {
                return Some(at);
            }
            self.rest.next();
            self.here = match c {
                '\n' => Location { line: self.here.line + 1, column: 1 },
                _ => Location { line: self.here.line, column: self.here.column + 1 },
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(dialect: DbBackend, sql: &str, values: usize) -> Statement {
        Statement::from_sql_and_values(dialect, sql, (0..values).map(|n| Value::Int(i32::try_from(n).ok())))
    }

    fn where_of(dialect: DbBackend, sql: &str, values: usize) -> Option<(String, usize)> {
        match Rows::of(&statement(dialect, sql, values), "book")? {
            Rows::Where(Expr::CustomWithExpr(text, values)) => Some((text.into_owned(), values.len())),
            Rows::Where(_) => None,
            Rows::All => Some((String::new(), 0)),
        }
    }

    #[test]
    fn the_condition_is_what_comes_after_where() {
        let found = |dialect, sql, values| where_of(dialect, sql, values).expect(sql);
        let mysql = DbBackend::MySql;
        let update = "UPDATE `book` SET `title` = ? WHERE `book`.`id` = ? AND (`a` = 'WHERE ?' OR `b` > ?)";
        assert_eq!(
            found(mysql, update, 3),
            ("`book`.`id` = ? AND (`a` = 'WHERE ?' OR `b` > ?)".to_owned(), 2)
        );
        let limited =
            "UPDATE `shop`.`book` SET `a` = (SELECT 1 FROM `b` WHERE 1 = 1) ORDER BY `id` ASC LIMIT ?";
        assert_eq!(found(mysql, limited, 1), ("1 = 1 ORDER BY `id` ASC LIMIT ?".to_owned(), 1));
        let delete = r#"DELETE FROM "book" WHERE "book"."note" <> 'it''s (' AND "rank" = $1 RETURNING "id""#;
        let text = r#""book"."note" <> 'it''s (' AND "rank" = $1"#.to_owned();
        assert_eq!(found(DbBackend::Postgres, delete, 1), (text, 1));
        assert_eq!(found(DbBackend::Sqlite, "DELETE FROM `book`", 0), (String::new(), 0));
    }

    #[test]
    fn what_might_be_read_in_two_ways_is_not_read() {
        for sql in [
            "WITH `x` AS (SELECT 1) UPDATE `book` SET `a` = 1",
            "UPDATE `book` JOIN `other` ON 1 = 1 SET `a` = 1",
            "UPDATE `book` SET `a` = 1 FROM `other` WHERE 1 = 1",
            "UPDATE `book` AS `b` SET `a` = 1 WHERE 1 = 1",
            "UPDATE `other` SET `a` = 1 WHERE 1 = 1",
            r"DELETE FROM `book` WHERE `a` LIKE 'x\'",
            "DELETE FROM `book` WHERE `a` = 1 -- WHERE",
            "DELETE FROM `book` WHERE `a` = 1 /* x */",
            "DELETE FROM `book` WHERE `a` = 1; DELETE FROM `other`",
            "DELETE FROM `book` WHERE `a` = ?",
            "DELETE FROM `book` WHERE `a` = (1",
        ] {
            assert_eq!(where_of(DbBackend::MySql, sql, 0), None, "{sql}");
        }
        for sql in ["DELETE FROM \"book\" WHERE a = ANY(ARRAY[$1])", "DELETE FROM \"book\" WHERE a = $$x$$"] {
            assert_eq!(where_of(DbBackend::Postgres, sql, 1), None, "{sql}");
        }
    }
}
