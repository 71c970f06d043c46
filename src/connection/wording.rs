//! What the text of a write says, as far as the guard must know it: which table, and which one row.
//!
//! Read for every write of a cached entity, most of which signals have announced: the usual forms are found
//! with few looks at the text. Whatever is not of a usual form has no table, and then a mention of a table
//! counts as a write to it.

use memchr::memmem::{Finder, FinderRev};
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
    /// An insert may replace a row; of other statements nothing is known.
    Other,
}

impl Verb {
    /// Whether rows may be gone afterwards.
    pub(super) fn may_remove(self) -> bool {
        matches!(self, Self::Delete | Self::Other)
    }
}

/// A statement's text.
pub(super) struct Wording<'s> {
    pub(super) sql: &'s str,
    pub(super) verb: Verb,
    /// The table of a single `INSERT`, `UPDATE` or `DELETE` of a usual form.
    pub(super) table: Option<&'s str>,
    /// What comes after the table.
    rest: &'s str,
}

impl<'s> Wording<'s> {
    pub(super) fn of(sql: &'s str) -> Self {
        let Some((verb, table, rest)) = target(sql) else {
            return Self { sql, verb: Verb::Other, table: None, rest: sql };
        };
        let verb = match verb {
            "update" => Verb::Update,
            "delete from" => Verb::Delete,
            "insert into" if !mentions(sql, "replace") => Verb::Insert,
            _ => Verb::Other,
        };
        Self { sql, verb, table: Some(table), rest }
    }

    /// Whether the statement may set one of these columns.
    pub(super) fn sets(&self, columns: &[&'static str]) -> bool {
        let before = self.condition().map_or(self.sql, |at| &self.sql[..at]);
        columns.iter().any(|column| mentions(before, column))
    }

    /// The place among the statement's values of the one row's primary key, if the statement ends as SeaORM's
    /// own form for one row does: `… WHERE "table"."pk" = $n`, and nothing after it but `RETURNING`.
    pub(super) fn row_of(&self, table: &str, pk: &str) -> Option<usize> {
        if self.table != Some(table) || !matches!(self.verb, Verb::Update | Verb::Delete) {
            return None;
        }
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

    /// Whether the end of the text may be believed: nothing in it could hide, or widen, the condition.
    pub(super) fn is_plain(&self) -> bool {
        let hides = ["'", "--", "/*", "#"].iter().any(|mark| self.rest.contains(mark));
        !hides && !["from", "using", "join"].iter().any(|word| mentions(self.rest, word))
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

/// The verb and the table of a single `INSERT`, `UPDATE` or `DELETE`, and what comes after it.
fn target(sql: &str) -> Option<(&'static str, &str, &str)> {
    let sql = sql.trim().trim_end_matches(';');
    if sql.contains(';') {
        return None;
    }
    let (verb, rest) = ["insert into", "replace into", "update", "delete from"].iter().find_map(|verb| {
        let (start, rest) = sql.split_at_checked(verb.len())?;
        let begins = start.eq_ignore_ascii_case(verb) && rest.starts_with(char::is_whitespace);
        begins.then(|| (*verb, rest.trim_start()))
    })?;
    let (table, rest) = leading_name(rest)?;
    goes_on(verb, rest).then_some((verb, table, rest))
}

/// The last part of the name that the text begins with, and what comes after it. A schema before it does not
/// count: two schemas with one table name are one entity too many.
fn leading_name(mut text: &str) -> Option<(&str, &str)> {
    loop {
        let (part, rest) = leading_part(text)?;
        match rest.strip_prefix('.') {
            Some(next) => text = next,
            None => return Some((part, rest)),
        }
    }
}

fn leading_part(text: &str) -> Option<(&str, &str)> {
    let quote = match text.as_bytes().first()? {
        b'"' => '"',
        b'`' => '`',
        b'[' => ']',
        _ => {
            let end = text.find(|c| !is_part_of_name(c)).unwrap_or(text.len());
            return (end > 0).then(|| text.split_at(end));
        }
    };
    let (part, rest) = text[1..].split_once(quote)?;
    // A doubled quote is part of the name.
    (!part.is_empty() && !rest.starts_with(quote)).then_some((part, rest))
}

/// Whether the text after the table is that of a write of this one table. A keyword before the table, an
/// alias, a second table and a comment are not.
fn goes_on(verb: &str, rest: &str) -> bool {
    let next = rest.trim_start();
    let word = &next[..next.find(|c| !is_part_of_name(c)).unwrap_or(next.len())];
    let is_one_of = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    match verb {
        "update" => is_one_of(&["set"]),
        "delete from" => next.is_empty() || is_one_of(&["where", "returning", "order", "limit"]),
        _ => next.starts_with('(') || is_one_of(&["values", "select", "default", "set"]),
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
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
    !text.is_empty() && text.chars().all(is_part_of_name)
}

/// Whether the text has this word, in whatever case: databases do not agree on what case means.
pub(super) fn mentions(sql: &str, word: &str) -> bool {
    let (sql, word) = (sql.to_ascii_lowercase(), word.to_ascii_lowercase());
    sql.match_indices(&word).any(|(at, _)| {
        let before = sql[..at].chars().next_back().is_some_and(is_part_of_name);
        let after = sql[at + word.len()..].chars().next().is_some_and(is_part_of_name);
        !before && !after
    })
}

/// Whether the text can only read: one `SELECT`.
pub(super) fn only_reads(sql: &str) -> bool {
    let sql = sql.trim();
    let selects = sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    selects && !has_more(sql.trim_end_matches(';'))
}

/// Whether another statement may follow in this text.
fn has_more(sql: &str) -> bool {
    if !sql.contains(';') {
        return false;
    }
    // What a backslash means, and where a dollar's quote ends, is not known here.
    let dollars = sql.as_bytes().windows(2).any(|pair| pair[0] == b'$' && !pair[1].is_ascii_digit());
    if dollars || sql.contains('\\') {
        return true;
    }
    let mut quote = None;
    sql.bytes().any(|byte| match quote {
        Some(open) => {
            quote = Some(open).filter(|open| *open != byte);
            false
        }
        None => {
            quote = Some(byte).filter(|byte| matches!(byte, b'\'' | b'"' | b'`'));
            byte == b';'
        }
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
        assert_eq!(
            target("UPDATE author SET x = (SELECT 1 FROM book)"),
            Some(("update", "author", " SET x = (SELECT 1 FROM book)"))
        );
    }

    #[test]
    fn a_row_is_known_only_from_the_usual_form() {
        let place = |sql: &str| Wording::of(sql).row_of("book", "id");
        for (sql, found) in [
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2"#, Some(1)),
            (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id", "title""#, Some(1)),
            (r#"DELETE FROM "shop"."book" WHERE "shop"."book"."id" = $1"#, Some(0)),
            (r#"INSERT INTO "book" ("id") SELECT $1 FROM "book" WHERE "book"."id" = $2"#, None),
            (r#"WITH x AS (DELETE FROM "book") UPDATE "book" SET "a" = $1 WHERE "book"."id" = $2"#, None),
            (r#"UPDATE "book" SET "a" = 0; UPDATE "book" SET "a" = $1 WHERE "book"."id" = $2"#, None),
            (r#"UPDATE "author" SET "a" = $1 WHERE "book"."id" = $2"#, None),
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
    fn what_might_write_more_than_one_table_is_not_taken_for_a_write_of_one() {
        for sql in [
            "UPDATE ONLY book SET a = 1",
            "DELETE FROM ONLY book",
            "UPDATE IGNORE book SET a = 1",
            "UPDATE author, book SET book.a = 1",
            "UPDATE author JOIN book ON 1 = 1 SET book.a = 1",
            "UPDATE author AS a SET a = 1",
            "DELETE FROM author, book USING author",
            "DELETE FROM b USING book AS b",
            "UPDATE OR REPLACE book SET a = 1",
            "UPDATE /* hint */ book SET a = 1",
            r#"UPDATE "public" . "book" SET a = 1"#,
            r#"UPDATE "my""book" SET a = 1"#,
            "INSERT INTO book AS b VALUES (1)",
        ] {
            assert_eq!(Wording::of(sql).table, None, "{sql}");
            assert_eq!(Wording::of(sql).verb, Verb::Other, "{sql}");
        }
        assert_eq!(Wording::of(r#"UPDATE "my book" SET a = 1"#).table, Some("my book"));
        assert!(mentions("TRUNCATE BOOK", "book") && mentions("UPDATE ONLY book SET a = 1", "Book"));
    }

    #[test]
    fn a_condition_that_something_might_widen_is_not_believed() {
        let plain = |sql| Wording::of(sql).is_plain();
        assert!(plain(r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id""#));
        assert!(plain(r#"DELETE FROM "book" WHERE "book"."id" = $1"#));
        for sql in [
            r#"UPDATE "book" SET "a" = 1 FROM "other" WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "a" = 1 WHERE "rank" = $1 -- WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "a" = ' WHERE "book"."id" = $1 RETURNING '"#,
        ] {
            assert!(!plain(sql), "{sql}");
        }
    }

    #[test]
    fn a_select_only_reads_unless_something_follows() {
        for sql in ["  select 1", "SELECT 1;", "SELECT ';' , \"a;b\" FROM t ; "] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in [
            "UPDATE t SET a = 1",
            "WITH x AS (DELETE FROM t) SELECT 1",
            "SELECT 1; DELETE FROM t",
            "SELECT 'it''s'; DELETE FROM t",
            r"SELECT '\'; DELETE FROM t",
            "SELECT $x$'$x$; DELETE FROM t; --'",
            "",
            "sel",
            "é",
        ] {
            assert!(!only_reads(sql), "{sql}");
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
