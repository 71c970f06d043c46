//! What an `INSERT` says: which values its rows have, and what it does to rows that are there already.

use super::scanner::{Scanner, tokens};
use super::token::{Kind, Token, unquoted};
use super::write::{Target, Verb};
use sea_orm::Statement;

/// What a plain `INSERT … VALUES …` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    pub(crate) columns: Vec<String>,
    /// For each row the numbers of its values, in the order of the columns. `None`: an expression.
    pub(crate) rows: Vec<Vec<Option<usize>>>,
}

impl Inserted {
    /// What an `INSERT` says that can only add rows; `None` if it has another form.
    pub(crate) fn of(statement: &Statement) -> Option<Self> {
        let mut scanner = Scanner::of(&statement.sql, statement.db_backend);
        if Target::read(&mut scanner)?.verb != Verb::Insert {
            return None;
        }
        let tokens = tokens(statement, scanner)?;
        let mut pieces = tokens.split(|token| token.is_clause(&["VALUES"]));
        let (head, values) = (pieces.next()?, pieces.next()?);
        if pieces.next().is_some() {
            return None;
        }
        let in_parentheses = head.iter().filter(|token| token.depth == 1);
        let columns = in_parentheses.filter_map(|token| match token.kind {
            Kind::Quoted => Some(unquoted(token.text).into_owned()),
            _ => None,
        });
        let columns: Vec<String> = columns.collect();
        let rows = rows_of(values)?;
        let is_whole = |row: &Vec<Option<usize>>| row.len() == columns.len();
        rows.iter().all(is_whole).then_some(Self { columns, rows })
    }
}

/// The rows of values between parentheses.
fn rows_of(values: &[Token<'_>]) -> Option<Vec<Vec<Option<usize>>>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut begin = 0;
    for (at, token) in values.iter().enumerate() {
        match (token.kind, token.depth) {
            (Kind::Open, 0) => begin = at + 1,
            (Kind::Close, 0) => {
                row.extend(value_of(&values[begin..at]));
                rows.push(std::mem::take(&mut row));
            }
            (Kind::Mark, 1) if token.is_mark(",") => {
                row.extend(value_of(&values[begin..at]));
                begin = at + 1;
            }
            // Between the rows there is nothing else: `ON CONFLICT` and its like end up here.
            (Kind::Mark, 0) if token.is_mark(",") => {}
            (_, 0) => return None,
            _ => {}
        }
    }
    Some(rows)
}

/// The number of the value that these tokens are, if they are more than none.
fn value_of(tokens: &[Token<'_>]) -> Option<Option<usize>> {
    match tokens {
        [] => None,
        [token] => Some(token.placeholder()),
        _ => Some(None),
    }
}

/// Whether the `INSERT` has no rows at all.
pub(crate) fn is_empty_insert(statement: &Statement) -> bool {
    if statement.values.as_ref().is_some_and(|values| !values.0.is_empty()) {
        return false;
    }
    let sources = ["VALUES", "SELECT", "DEFAULT", "TABLE"];
    let tokens = tokens(statement, Scanner::of(&statement.sql, statement.db_backend));
    tokens.is_some_and(|tokens| !tokens.iter().any(|token| token.is_one_of(&sources)))
}

/// Whether an upsert may give one of these columns another value.
pub(crate) fn upsert_sets(statement: &Statement, columns: &[&str]) -> bool {
    if !statement.sql.contains(" UPDATE ") {
        return false;
    }
    let scanner = Scanner::of(&statement.sql, statement.db_backend);
    let Some(tokens) = tokens(statement, scanner) else { return true };
    let names = |token: &Token<'_>| match token.kind {
        Kind::Quoted => columns.iter().any(|column| column.eq_ignore_ascii_case(&unquoted(token.text))),
        _ => false,
    };
    let upsert = tokens.iter().skip_while(|token| !token.is_clause(&["ON"]));
    let action = upsert.skip_while(|token| !token.is_clause(&["UPDATE"]));
    action.take_while(|token| !token.is_clause(&["WHERE", "RETURNING"])).any(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::DbBackend;
    use sea_orm::sea_query::Value;

    fn statement(dialect: DbBackend, sql: &str, values: usize) -> Statement {
        Statement::from_sql_and_values(dialect, sql, (0..values).map(|n| Value::Int(i32::try_from(n).ok())))
    }

    #[test]
    fn the_values_of_an_insert_are_found_by_row_and_column() {
        let read = |sql, values| Inserted::of(&statement(DbBackend::MySql, sql, values));
        let two =
            read("INSERT INTO `book` (`id`, `a``b`) VALUES (?, ?), (?, UPPER(?, 'x'))", 4).expect("two rows");
        assert_eq!(two.columns, ["id", "a`b"]);
        assert_eq!(two.rows, [vec![Some(0), Some(1)], vec![Some(2), None]]);
        let defaults = read("INSERT INTO `book` VALUES ()", 0).expect("a row");
        assert_eq!((defaults.columns.len(), defaults.rows.len()), (0, 1));
        for other in [
            "INSERT INTO `book` (`id`) VALUES (1) ON DUPLICATE KEY UPDATE `id` = VALUES(`id`)",
            "INSERT IGNORE INTO `book` (`id`) VALUES (1)",
            "REPLACE INTO `book` (`id`) VALUES (1)",
            "INSERT INTO `book` (`id`) SELECT 1",
            "INSERT INTO `book` ()",
        ] {
            assert_eq!(read(other, 0), None, "{other}");
        }
        let empty = |sql| is_empty_insert(&statement(DbBackend::MySql, sql, 0));
        assert!(empty("INSERT INTO `book` ()") && !empty("INSERT INTO `book` VALUES ()"));
    }

    #[test]
    fn an_upsert_that_gives_a_row_another_key_is_noticed() {
        let sets = |sql: &str| upsert_sets(&statement(DbBackend::Postgres, sql, 0), &["id"]);
        let insert = r#"INSERT INTO "book" ("id", "title") VALUES (1, 'UPDATE')"#;
        assert!(!sets(insert));
        assert!(!sets(&format!(r#"{insert} ON CONFLICT ("id") DO NOTHING"#)));
        let update = format!(r#"{insert} ON CONFLICT ("id") DO UPDATE SET"#);
        assert!(!sets(&format!(r#"{update} "title" = "excluded"."title" RETURNING "id""#)));
        assert!(sets(&format!(r#"{update} "id" = 7"#)));
    }
}
