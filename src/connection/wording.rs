//! What the text of a write says, as far as the guard must know it: which table, and which one row.
//!
//! Read for every write of a cached entity, most of which signals have announced: the usual forms are found
//! with few looks at the text.

use memchr::memmem::{Finder, FinderRev};
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Update,
    Delete,
    /// An insert may replace a row; of other statements nothing is known.
    Other,
}

/// A statement's text.
pub(super) struct Wording<'s> {
    pub(super) sql: &'s str,
    pub(super) verb: Verb,
    /// The table of a single `INSERT`, `UPDATE` or `DELETE`.
    pub(super) table: Option<&'s str>,
}

impl<'s> Wording<'s> {
    pub(super) fn of(sql: &'s str) -> Self {
        let Some((verb, table)) = target(sql) else { return Self { sql, verb: Verb::Other, table: None } };
        let verb = match verb {
            "update" => Verb::Update,
            "delete from" => Verb::Delete,
            "insert into" if !mentions(sql, "REPLACE") => Verb::Update,
            _ => Verb::Other,
        };
        Self { sql, verb, table: Some(table) }
    }

    /// Whether the statement may set one of these columns.
    pub(super) fn sets(&self, columns: &[&'static str]) -> bool {
        let before = self.condition().map_or(self.sql, |at| &self.sql[..at]);
        columns.iter().any(|column| mentions(before, column))
    }

    /// The place among the statement's values of the one row's primary key, if the statement is SeaORM's own
    /// form for one row: `… WHERE "table"."pk" = $n`, and nothing after it but `RETURNING`.
    pub(super) fn row_of(&self, table: &str, pk: &str) -> Option<usize> {
        let at = self.condition()?;
        let (before, condition) = (&self.sql[..at], &self.sql[at + WHERE.len()..]);
        let end = returning(condition).unwrap_or(condition.len());
        let (column, placeholder) = condition[..end].rsplit_once(' ')?;
        let mut names = column.strip_suffix(" =")?.rsplit('.').map(unquoted);
        if names.next() != Some(pk) || names.next() != Some(table) || !names.all(is_name) {
            return None;
        }
        match placeholder.strip_prefix('$') {
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1),
            None if placeholder == "?" => Some(before.matches('?').count()),
            None => None,
        }
    }

    /// Where the last condition begins.
    fn condition(&self) -> Option<usize> {
        static FINDER: LazyLock<FinderRev<'_>> = LazyLock::new(|| FinderRev::new(WHERE));
        FINDER.rfind(self.sql)
    }
}

const WHERE: &str = " WHERE ";

fn returning(condition: &str) -> Option<usize> {
    static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(" RETURNING "));
    FINDER.find(condition.as_bytes())
}

/// The verb and the table of a single `INSERT`, `UPDATE` or `DELETE`.
fn target(sql: &str) -> Option<(&'static str, &str)> {
    let sql = sql.trim().trim_end_matches(';');
    if sql.contains(';') {
        return None;
    }
    let (verb, rest) = ["insert into", "replace into", "update", "delete from"].iter().find_map(|verb| {
        let (start, rest) = sql.split_at_checked(verb.len())?;
        let begins = start.eq_ignore_ascii_case(verb) && rest.starts_with(char::is_whitespace);
        begins.then(|| (*verb, rest.trim_start()))
    })?;
    let name = rest.split(|c: char| c.is_whitespace() || c == '(').next()?;
    // A schema before it does not count: two schemas with one table name are one entity too many.
    name.rsplit('.').next().map(|name| (verb, unquoted(name)))
}

/// The name without whatever a database quotes it with.
fn unquoted(name: &str) -> &str {
    let is_quote = |byte: &&u8| matches!(byte, b'"' | b'`' | b'[' | b']');
    let begin = name.as_bytes().iter().take_while(is_quote).count();
    let quotes_after = name.as_bytes().iter().rev().take_while(is_quote).count();
    name.get(begin..name.len() - quotes_after).unwrap_or_default()
}

/// Whether this is no more than a name: a schema's, not the end of another condition.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether the text has this word.
pub(super) fn mentions(sql: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(word).any(|(at, _)| {
        let before = sql[..at].chars().next_back().is_some_and(is_part);
        let after = sql[at + word.len()..].chars().next().is_some_and(is_part);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_write_is_found_whatever_its_quotes() {
        for sql in [
            r#"INSERT INTO "book" ("title") VALUES ($1)"#,
            "UPDATE `book` SET `title` = ?",
            r#"update "public"."book" set title = 'x';"#,
            "DELETE FROM book WHERE 1 = 1",
            "insert into book(title) values (1)",
        ] {
            assert_eq!(Wording::of(sql).table, Some("book"), "{sql}");
        }
    }

    #[test]
    fn where_the_form_is_not_known_a_mention_will_do() {
        let two = "UPDATE author SET a = 1; DELETE FROM book";
        assert_eq!(target(two), None);
        assert!(mentions(two, "book") && mentions(two, "author"));
        assert_eq!(target("WITH x AS (SELECT 1) UPDATE book SET a = 1"), None);
        assert!(mentions("TRUNCATE TABLE book", "book"));
        assert!(!mentions("TRUNCATE TABLE bookshelf", "book"));
        assert_eq!(target("UPDATE author SET x = (SELECT 1 FROM book)"), Some(("update", "author")));
    }

    #[test]
    fn a_row_is_known_only_from_the_usual_form() {
        let place = |sql: &str| Wording::of(sql).row_of("book", "id");
        for (sql, found) in [
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2"#, Some(1)),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id", "title""#, Some(1)),
            (r#"DELETE FROM "shop"."book" WHERE "shop"."book"."id" = $1"#, Some(0)),
            ("UPDATE `book` SET `a` = ?, `b` = ? WHERE `book`.`id` = ?", Some(2)),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 AND "book"."id" = $3"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 OR "book"."id" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE NOT "book"."id" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "a" = 1 OR "shop"."book"."id" = $2"#, None),
            ("UPDATE book SET title = $1 WHERE a=1\nOR\nshop.book.id = $2", None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "a"or"shop"."book"."id" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."pages" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "author"."id" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "id" = $2"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = 7"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $0"#, None),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" <> $2"#, None),
            (r#"UPDATE "book" SET "title" = $1"#, None),
        ] {
            assert_eq!(place(sql), found, "{sql}");
        }
    }

    #[test]
    fn a_name_loses_its_quotes_only() {
        for (name, bare) in
            [("\"a\"", "a"), ("`a b`", "a b"), ("[é]", "é"), ("plain", "plain"), ("\"\"", ""), ("", "")]
        {
            assert_eq!(unquoted(name), bare);
        }
    }
}
