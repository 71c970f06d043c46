//! What the text of a write says: its verb, its table, and the one row that it names.
//!
//! Read for every write of a cached entity: one pass over the text, and nothing is allocated.

use super::scanner::{Place, Scanner, trimmed};
use super::token::{Kind, unquoted};
use sea_orm::DbBackend;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
    /// An insert may replace a row; of other statements nothing is known.
    Other,
}

impl Verb {
    /// Whether rows may be gone afterwards.
    pub(crate) fn may_remove(self) -> bool {
        matches!(self, Self::Delete | Self::Other)
    }
}

/// The text of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParsedWrite<'s> {
    pub(crate) verb: Verb,
    /// The table of a single `INSERT`, `UPDATE` or `DELETE` of a usual form.
    pub(crate) table: Option<&'s str>,
    /// Whether the table's name is quoted.
    pub(super) is_quoted: bool,
    pub(super) sql: &'s str,
    dialect: DbBackend,
    pub(super) clauses: Option<Clauses>,
}

impl<'s> ParsedWrite<'s> {
    pub(crate) fn of(sql: &'s str, dialect: DbBackend) -> Self {
        let sql = trimmed(sql);
        let mut write =
            Self { verb: Verb::Other, table: None, is_quoted: false, sql, dialect, clauses: None };
        let mut tokens = Scanner::of(sql, dialect);
        let Some(target) = Target::read(&mut tokens) else { return write };
        // A doubled quote is part of the name; then a mention will do.
        let Cow::Borrowed(table) = unquoted(target.table) else { return write };
        let Some(clauses) = Clauses::read(tokens) else { return write };
        let replaces = target.verb == Verb::Insert && clauses.replaces;
        write.verb = if replaces { Verb::Other } else { target.verb };
        write.is_quoted = table.len() < target.table.len();
        (write.table, write.clauses) = (Some(table), Some(clauses));
        write
    }

    /// Whether the text has this word, in any case: databases do not agree on what case means.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        mentions(self.sql, word)
    }

    /// Whether the statement may set one of these columns.
    pub(crate) fn sets(&self, columns: &[&'static str]) -> bool {
        let condition = self.clauses.and_then(|clauses| clauses.condition);
        let before = condition.and_then(|condition| self.sql.get(..condition.at)).unwrap_or(self.sql);
        columns.iter().any(|column| mentions(before, column))
    }

    /// The place among the statement's values of the one row's primary key, if the condition is SeaORM's own
    /// for one row: `WHERE "table"."pk" = $n`, and nothing after it but `RETURNING`.
    pub(crate) fn row_of(&self, table: &str, pk: &str) -> Option<usize> {
        if self.table != Some(table) || !matches!(self.verb, Verb::Update | Verb::Delete) {
            return None;
        }
        let condition = self.clauses?.condition?;
        let mut tokens = Scanner::at(self.sql, self.dialect, condition);
        if !tokens.takes("WHERE") {
            return None;
        }
        let (qualifier, column) = path(&mut tokens)?;
        if unquoted(qualifier?) != table || unquoted(column) != pk {
            return None;
        }
        if tokens.advance() != Kind::Mark || tokens.text() != "=" || tokens.advance() != Kind::Placeholder {
            return None;
        }
        let place = tokens.token(Kind::Placeholder).placeholder()?;
        match tokens.advance() {
            Kind::End => Some(place),
            Kind::Word if tokens.is_word("RETURNING") => Some(place),
            _ => None,
        }
    }

    /// Whether the condition may be believed to name the rows: no other table takes part, and there is no
    /// string literal.
    pub(crate) fn is_plain(&self) -> bool {
        self.clauses.is_some_and(|clauses| !clauses.literals && !clauses.joins)
    }
}

/// What a statement begins with.
pub(super) struct Target<'s> {
    /// [`Verb::Other`] for `REPLACE`.
    pub(super) verb: Verb,
    /// The last part of the table's name, as it is quoted. A schema does not count: a table of the same name
    /// in another one is taken for this one.
    table: &'s str,
}

impl<'s> Target<'s> {
    /// `None` unless the text goes on like a write of this one table. A keyword before the table, an alias,
    /// a second table do not.
    pub(super) fn read(tokens: &mut Scanner<'s>) -> Option<Self> {
        let verb = match tokens.advance() {
            Kind::Word if tokens.is_word("UPDATE") => Verb::Update,
            Kind::Word if tokens.is_word("INSERT") => tokens.takes("INTO").then_some(Verb::Insert)?,
            Kind::Word if tokens.is_word("DELETE") => tokens.takes("FROM").then_some(Verb::Delete)?,
            Kind::Word if tokens.is_word("REPLACE") => tokens.takes("INTO").then_some(Verb::Other)?,
            _ => return None,
        };
        let (_, table) = path(tokens)?;
        let mut next = *tokens;
        let kind = next.advance();
        let is_one_of = |words: &[&str]| kind == Kind::Word && words.iter().any(|word| next.is_word(word));
        let goes_on = match verb {
            Verb::Update => is_one_of(&["SET"]),
            Verb::Delete => kind == Kind::End || is_one_of(&["WHERE", "RETURNING", "ORDER", "LIMIT"]),
            Verb::Insert | Verb::Other => {
                kind == Kind::Open || is_one_of(&["VALUES", "SELECT", "DEFAULT", "SET"])
            }
        };
        goes_on.then_some(Self { verb, table })
    }
}

/// What comes after the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clauses {
    /// The first `WHERE`.
    pub(super) condition: Option<Place>,
    /// The first `ORDER` or `LIMIT`.
    pub(super) limit: Option<Place>,
    pub(super) returning: Option<Place>,
    /// Whether another table may take part: by itself, or also in a subquery.
    pub(super) joins_outside: bool,
    joins: bool,
    /// Whether an insert may replace rows.
    replaces: bool,
    literals: bool,
    pub(super) brackets: bool,
    /// How many unnumbered placeholders there are.
    pub(super) values: usize,
}

impl Clauses {
    /// `None` if the text can be read in two ways.
    fn read(mut tokens: Scanner<'_>) -> Option<Self> {
        let mut clauses = Self::default();
        loop {
            match tokens.advance_to_word() {
                Kind::Word => clauses.add(&tokens),
                Kind::Ambiguous => return None,
                _ => break,
            }
            // Most statements end so, and names need not be told apart.
            if tokens.is_word("RETURNING") && tokens.ends_in_names() {
                break;
            }
        }
        clauses.literals = tokens.literals;
        clauses.brackets = tokens.brackets;
        clauses.values = tokens.values();
        Some(clauses)
    }

    fn add(&mut self, word: &Scanner<'_>) {
        let is_one_of = |words: &[&str]| words.iter().any(|other| word.is_word(other));
        let is_outside = word.depth() == 0;
        if is_one_of(&["FROM", "USING", "JOIN"]) {
            self.joins = true;
            self.joins_outside |= is_outside;
        } else if word.is_word("REPLACE") {
            self.replaces = true;
        } else if is_outside && word.is_word("WHERE") {
            self.condition.get_or_insert(word.place());
        } else if is_outside && is_one_of(&["ORDER", "LIMIT"]) {
            self.limit.get_or_insert(word.place());
        } else if is_outside && word.is_word("RETURNING") {
            self.returning.get_or_insert(word.place());
        }
    }
}

/// The last name of a path with dots, and the one before it, as they are quoted.
fn path<'s>(tokens: &mut Scanner<'s>) -> Option<(Option<&'s str>, &'s str)> {
    let mut before = None;
    loop {
        let kind = tokens.advance();
        let name = tokens.text();
        // SQLite takes a string literal for a name where it needs one; that is not followed here.
        if !matches!(kind, Kind::Word | Kind::Quoted) || name.starts_with('\'') {
            return None;
        }
        if !tokens.skip(b'.') {
            return Some((before, name));
        }
        before = Some(name);
    }
}

/// Whether the text has this word. Of characters beyond ASCII only letters are part of a word here: a mention
/// too many does no harm.
fn mentions(sql: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let parts = sql.as_bytes().windows(word.len().max(1)).enumerate();
    let mut found = parts.filter(|(_, part)| part.eq_ignore_ascii_case(word.as_bytes()));
    found.any(|(at, part)| {
        let before = sql.get(..at).and_then(|before| before.chars().next_back());
        let after = sql.get(at + part.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECTS: [DbBackend; 3] = [DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite];

    fn each<T>(sql: &str, what: impl Fn(ParsedWrite<'_>) -> T) -> [T; 3] {
        DIALECTS.map(|dialect| what(ParsedWrite::of(sql, dialect)))
    }

    fn target(sql: &str) -> [(Verb, Option<String>); 3] {
        each(sql, |write| (write.verb, write.table.map(str::to_owned)))
    }

    fn known(verb: Verb, table: &str) -> [(Verb, Option<String>); 3] {
        DIALECTS.map(|_| (verb, Some(table.to_owned())))
    }

    fn unknown() -> [(Verb, Option<String>); 3] {
        DIALECTS.map(|_| (Verb::Other, None))
    }

    #[test]
    fn the_table_of_a_write_is_found_whatever_its_quotes() {
        for sql in [
            r#"INSERT INTO "book" ("title") VALUES ($1)"#,
            "UPDATE `book` SET `title` = ?",
            r#"update "public"."book" set title = 'x';"#,
            "DELETE FROM book WHERE 1 = 1",
            "insert into book(title) values (1)",
        ] {
            assert_eq!(each(sql, |write| write.table == Some("book")), [true; 3], "{sql}");
        }
    }

    #[test]
    fn where_the_form_is_not_known_a_mention_will_do() {
        let two = "UPDATE author SET a = 1; DELETE FROM book";
        assert_eq!(target(two), unknown());
        assert!(mentions(two, "book") && mentions(two, "author"));
        assert_eq!(target("WITH x AS (SELECT 1) UPDATE book SET a = 1"), unknown());
        assert!(mentions("TRUNCATE TABLE book", "book"));
        assert!(!mentions("TRUNCATE TABLE bookshelf", "book"));
        assert_eq!(target("UPDATE author SET x = (SELECT 1 FROM book)"), known(Verb::Update, "author"));
    }

    #[test]
    fn where_databases_read_a_text_differently_a_mention_will_do() {
        for sql in [
            "UPDATE book SET a = 1 -- x",
            "UPDATE book SET a = /* x */ 1",
            r"UPDATE book SET a = 'it\'s'",
            "UPDATE book SET a = $x$'$x$",
            "UPDATE book SET a = 'x",
            "DELETE FROM book WHERE (a = 1",
        ] {
            assert_eq!(target(sql), unknown(), "{sql}");
            assert_eq!(each(sql, |write| write.mentions("book")), [true; 3], "{sql}");
        }
        let string = "UPDATE book SET a = '; -- $x$ /* ('";
        assert_eq!(target(string), known(Verb::Update, "book"));
    }

    #[test]
    fn brackets_quote_names_but_not_those_of_postgres() {
        let sql = r#"UPDATE [book] SET "a" = ? WHERE [book].[id] = ?"#;
        let own = ParsedWrite::of(sql, DbBackend::Sqlite);
        assert_eq!((own.table, own.row_of("book", "id")), (Some("book"), Some(1)));
        assert_eq!(ParsedWrite::of(sql, DbBackend::Postgres).table, None);
        let sql = r#"UPDATE "book" SET "a" = CAST($1 AS "tea"[]) WHERE "book"."id" = $2"#;
        let array = ParsedWrite::of(sql, DbBackend::Postgres);
        assert_eq!((array.row_of("book", "id"), array.is_plain()), (Some(1), true));
    }

    #[test]
    fn a_row_may_only_be_replaced_by_an_insert_that_says_so() {
        assert_eq!(target("INSERT INTO book VALUES (1)"), known(Verb::Insert, "book"));
        assert_eq!(target("INSERT INTO book (\"replace\") VALUES (1)"), known(Verb::Insert, "book"));
        assert_eq!(target("INSERT INTO book VALUES (1) ON CONFLICT REPLACE"), known(Verb::Other, "book"));
        assert_eq!(target("REPLACE INTO book VALUES (1)"), known(Verb::Other, "book"));
    }

    #[test]
    fn a_column_counts_as_set_only_before_the_condition() {
        let sql = r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id""#;
        let sets = |column| each(sql, |write| write.sets(&[column]));
        assert_eq!((sets("title"), sets("TITLE"), sets("id")), ([true; 3], [true; 3], [false; 3]));
    }

    #[test]
    fn a_row_is_known_only_from_the_usual_form() {
        let place = |sql: &str| {
            let dialect = if sql.contains('`') { DbBackend::MySql } else { DbBackend::Postgres };
            ParsedWrite::of(sql, dialect).row_of("book", "id")
        };
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
            assert_eq!(target(sql), unknown(), "{sql}");
        }
        assert_eq!(target(r#"UPDATE "my book" SET a = 1"#), known(Verb::Update, "my book"));
        assert!(mentions("TRUNCATE BOOK", "book") && mentions("UPDATE ONLY book SET a = 1", "Book"));
    }

    #[test]
    fn a_condition_that_something_might_widen_is_not_believed() {
        let plain = |sql| each(sql, |write| write.is_plain());
        for sql in [
            r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id""#,
            r#"DELETE FROM "book" WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "from" = $1 WHERE "book"."id" = $2"#,
        ] {
            assert_eq!(plain(sql), [true; 3], "{sql}");
        }
        for sql in [
            r#"UPDATE "book" SET "a" = 1 FROM "other" WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "a" = 1 WHERE "rank" = $1 -- WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "a" = (SELECT 1 FROM "other") WHERE "book"."id" = $1"#,
            r#"UPDATE "book" SET "a" = ' WHERE "book"."id" = $1 RETURNING '"#,
        ] {
            assert_eq!(plain(sql), [false; 3], "{sql}");
        }
    }
}
