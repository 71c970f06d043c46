//! The text of a built statement, as far as it must be understood: SeaORM keeps the conditions of its
//! statements to itself, and its text is of few forms. Whatever is of another form is `None`.

use sea_orm::sea_query::{Expr, Value};
use sea_orm::{DbBackend, Statement};

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'s> {
    Word(&'s str),
    /// A name or a text, with its quotes.
    Quoted(&'s str),
    /// The place of a value, by its number.
    Placeholder(usize),
    Open,
    Close,
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Token<'s> {
    kind: Kind<'s>,
    at: usize,
    /// How many parentheses are open around it.
    depth: usize,
    /// How many placeholders come before it.
    values: usize,
}

impl Token<'_> {
    fn is_word(&self, words: &[&str]) -> bool {
        matches!(self.kind, Kind::Word(word) if words.iter().any(|other| other.eq_ignore_ascii_case(word)))
    }
}

struct Scanner<'s> {
    sql: &'s str,
    /// Postgres numbers its placeholders, and `?` is an operator there.
    numbered: bool,
    at: usize,
    depth: usize,
    values: usize,
}

/// The pieces of a statement; `None` if something in it might be read in two ways.
fn tokens(statement: &Statement) -> Option<Vec<Token<'_>>> {
    let numbered = statement.db_backend == DbBackend::Postgres;
    let mut scanner = Scanner { sql: &statement.sql, numbered, at: 0, depth: 0, values: 0 };
    let mut tokens = Vec::new();
    while let Some(begin) = scanner.skip_space() {
        let (at, depth, values) = (scanner.at, scanner.depth, scanner.values);
        let kind = scanner.next(begin)?;
        let depth = if kind == Kind::Close { scanner.depth } else { depth };
        tokens.push(Token { kind, at, depth, values });
    }
    let given = statement.values.as_ref().map_or(0, |values| values.0.len());
    (scanner.depth == 0 && (numbered || scanner.values == given)).then_some(tokens)
}

impl<'s> Scanner<'s> {
    fn skip_space(&mut self) -> Option<u8> {
        let rest = &self.sql[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.sql.as_bytes().get(self.at).copied()
    }

    fn next(&mut self, begin: u8) -> Option<Kind<'s>> {
        let rest = &self.sql[self.at..];
        if rest.starts_with("--") || rest.starts_with("/*") {
            return None;
        }
        let (kind, length) = match begin {
            b'\'' | b'"' | b'`' => {
                let length = quoted(rest)?;
                (Kind::Quoted(&rest[..length]), length)
            }
            b'(' => {
                self.depth += 1;
                (Kind::Open, 1)
            }
            b')' => {
                self.depth = self.depth.checked_sub(1)?;
                (Kind::Close, 1)
            }
            b'?' if !self.numbered => {
                self.values += 1;
                (Kind::Placeholder(self.values - 1), 1)
            }
            b'$' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                let number: usize = rest[1..=digits].parse().ok()?;
                (Kind::Placeholder(number.checked_sub(1)?), digits + 1)
            }
            b'\\' | b'[' | b';' | b'#' => return None,
            _ => match rest.bytes().take_while(|byte| is_word(*byte)).count() {
                0 => (Kind::Other, 1),
                length => (Kind::Word(&rest[..length]), length),
            },
        };
        self.at += length;
        Some(kind)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The length of the quoted piece at the beginning. A quote inside is doubled; databases do not agree on
/// what a backslash means.
fn quoted(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = *bytes.first()?;
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => return None,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The name without its quotes.
fn bare(name: &str) -> String {
    let (quote, inner) = (&name[..1], &name[1..name.len() - 1]);
    inner.replace(&quote.repeat(2), quote)
}

/// Which rows an `UPDATE` or `DELETE` of one table is about.
#[derive(Debug, PartialEq)]
pub(super) enum Rows {
    All,
    /// Those of this condition. The statement's `ORDER BY` and `LIMIT` are part of the text.
    Where(Expr),
}

/// The rows of an `UPDATE` or `DELETE` of this table; `None` if it has another form.
pub(super) fn rows_of(statement: &Statement, table: &str) -> Option<Rows> {
    let tokens = tokens(statement)?;
    let rest = after_table(&tokens, table)?;
    if rest.iter().any(|token| token.depth == 0 && token.is_word(&["FROM", "USING", "JOIN"])) {
        return None;
    }
    let begin = rest.iter().find(|token| token.depth == 0 && token.is_word(&["WHERE", "ORDER", "LIMIT"]));
    let Some(begin) = begin else { return Some(Rows::All) };
    let end = rest.iter().find(|token| token.depth == 0 && token.is_word(&["RETURNING"]));
    let (end, values_end) = end.map_or((statement.sql.len(), None), |end| (end.at, Some(end.values)));
    let text = statement.sql[begin.at..end].trim_end();
    let text = match text.get(.."WHERE ".len()) {
        Some(word) if begin.is_word(&["WHERE"]) => &text[word.len()..],
        _ => &format!("1 = 1 {text}"),
    };
    let all: &[Value] = statement.values.as_ref().map_or(&[], |values| values.0.as_slice());
    let values = match statement.db_backend {
        // Numbers count from the statement's first value.
        DbBackend::Postgres => all,
        _ => all.get(begin.values..values_end.unwrap_or(all.len()))?,
    };
    Some(Rows::Where(Expr::cust_with_values(text.to_owned(), values.iter().cloned())))
}

/// What comes after `UPDATE table SET` or `DELETE FROM table`.
fn after_table<'t, 's>(tokens: &'t [Token<'s>], table: &str) -> Option<&'t [Token<'s>]> {
    let (update, names) = match tokens {
        [verb, names @ ..] if verb.is_word(&["UPDATE"]) => (true, names),
        [verb, from, names @ ..] if verb.is_word(&["DELETE"]) && from.is_word(&["FROM"]) => (false, names),
        _ => return None,
    };
    let (name, rest) = match names {
        [Token { kind: Kind::Quoted(_), .. }, Token { kind: Kind::Other, .. }, name, rest @ ..] => {
            (name, rest)
        }
        [name, rest @ ..] => (name, rest),
        [] => return None,
    };
    let Kind::Quoted(name) = name.kind else { return None };
    if bare(name) != table {
        return None;
    }
    match rest {
        [set, rest @ ..] if update && set.is_word(&["SET"]) => Some(rest),
        [] if !update => Some(rest),
        [next, ..] if !update && next.is_word(&["WHERE", "ORDER", "LIMIT", "RETURNING"]) => Some(rest),
        _ => None,
    }
}

/// What a plain `INSERT … VALUES …` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inserted {
    pub(super) columns: Vec<String>,
    /// For each row the numbers of its values, in the order of the columns. `None`: an expression.
    pub(super) rows: Vec<Vec<Option<usize>>>,
}

/// The values of an `INSERT` that can only add rows; `None` if it has another form.
pub(super) fn inserted(statement: &Statement) -> Option<Inserted> {
    let tokens = tokens(statement)?;
    let mut pieces = tokens.split(|token| token.depth == 0 && token.is_word(&["VALUES"]));
    let (head, values) = (pieces.next()?, pieces.next()?);
    let [insert, into, ..] = head else { return None };
    if pieces.next().is_some() || !insert.is_word(&["INSERT"]) || !into.is_word(&["INTO"]) {
        return None;
    }
    let in_parentheses = head.iter().filter(|token| token.depth == 1);
    let columns = in_parentheses.filter_map(|token| match token.kind {
        Kind::Quoted(name) => Some(bare(name)),
        _ => None,
    });
    let columns: Vec<String> = columns.collect();
    let mut rows = Vec::new();
    let mut group: Vec<&[Token<'_>]> = Vec::new();
    let mut begin = 0;
    for (at, token) in values.iter().enumerate() {
        match (token.kind, token.depth) {
            (Kind::Open, 0) => begin = at + 1,
            (Kind::Close, 0) => {
                group.push(&values[begin..at]);
                rows.push(group.drain(..).filter(|piece| !piece.is_empty()).map(single).collect());
            }
            (Kind::Other, 1) if is_comma(statement, token) => {
                group.push(&values[begin..at]);
                begin = at + 1;
            }
            // Between the rows there is nothing else: `ON CONFLICT` and its like end up here.
            (Kind::Other, 0) if is_comma(statement, token) => {}
            (_, 0) => return None,
            _ => {}
        }
    }
    let whole = |row: &Vec<Option<usize>>| row.len() == columns.len();
    rows.iter().all(whole).then_some(Inserted { columns, rows })
}

fn is_comma(statement: &Statement, token: &Token<'_>) -> bool {
    statement.sql[token.at..].starts_with(',')
}

fn single(piece: &[Token<'_>]) -> Option<usize> {
    match piece {
        [Token { kind: Kind::Placeholder(value), .. }] => Some(*value),
        _ => None,
    }
}

/// Whether the `INSERT` has no rows at all.
pub(super) fn is_empty_insert(statement: &Statement) -> bool {
    if statement.values.as_ref().is_some_and(|values| !values.0.is_empty()) {
        return false;
    }
    let sources = ["VALUES", "SELECT", "DEFAULT", "TABLE"];
    tokens(statement).is_some_and(|tokens| !tokens.iter().any(|token| token.is_word(&sources)))
}

/// Whether an upsert may give one of these columns another value.
pub(super) fn upsert_sets(statement: &Statement, columns: &[&str]) -> bool {
    if !statement.sql.contains(" UPDATE ") {
        return false;
    }
    let Some(tokens) = tokens(statement) else { return true };
    let Some(on) = tokens.iter().position(|token| token.depth == 0 && token.is_word(&["ON"])) else {
        return false;
    };
    let Some(set) = tokens[on..].iter().position(|token| token.depth == 0 && token.is_word(&["UPDATE"]))
    else {
        return false;
    };
    let named = |token: &Token<'_>| match token.kind {
        Kind::Quoted(name) => columns.iter().any(|column| column.eq_ignore_ascii_case(&bare(name))),
        _ => false,
    };
    let action = tokens[on + set..].iter();
    action.take_while(|token| token.depth > 0 || !token.is_word(&["WHERE", "RETURNING"])).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(dialect: DbBackend, sql: &str, values: usize) -> Statement {
        Statement::from_sql_and_values(dialect, sql, (0..values).map(|n| Value::Int(i32::try_from(n).ok())))
    }

    fn where_of(dialect: DbBackend, sql: &str, values: usize) -> Option<(String, usize)> {
        match rows_of(&statement(dialect, sql, values), "book")? {
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

    #[test]
    fn the_values_of_an_insert_are_found_by_row_and_column() {
        let read = |sql, values| inserted(&statement(DbBackend::MySql, sql, values));
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
