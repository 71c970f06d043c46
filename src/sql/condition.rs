//! The rows that an `UPDATE` or `DELETE` is about. SeaORM keeps the conditions of its statements to itself, so
//! they are cut out of the text.

use super::scanner::fits;
use super::write::{ParsedWrite, Verb};
use sea_orm::sea_query::{Expr, Value};
use sea_orm::{DbBackend, Statement};

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
        let write = ParsedWrite::of(&statement.sql, statement.db_backend);
        let clauses = write.clauses.filter(|clauses| fits(statement, clauses.values))?;
        // Without quotes the database may read the table's name in another case.
        let is_of_table = write.table == Some(table) && write.is_quoted;
        // SeaQuery replaces no placeholder between brackets.
        let is_readable = !clauses.joins_outside && !clauses.brackets;
        if !is_of_table || !is_readable || !matches!(write.verb, Verb::Update | Verb::Delete) {
            return None;
        }
        let Some(begin) = clauses.condition.or(clauses.limit) else { return Some(Self::All) };
        let end = clauses.returning.map_or(write.sql.len(), |returning| returning.at);
        let text = write.sql.get(begin.at..end)?.trim_end();
        let text = match clauses.condition {
            Some(_) => text.get("WHERE".len()..)?.trim_start().to_owned(),
            None => format!("1 = 1 {text}"),
        };
        let all: &[Value] = statement.values.as_ref().map_or(&[], |values| values.0.as_slice());
        let values = match statement.db_backend {
            // Numbers count from the statement's first value.
            DbBackend::Postgres => all,
            _ => {
                let end = clauses.returning.map_or(all.len(), |returning| returning.values);
                all.get(begin.values..end)?
            }
        };
        Some(Self::Where(Expr::cust_with_values(text, values.iter().cloned())))
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
