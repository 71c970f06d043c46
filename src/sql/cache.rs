//! Shapes by their texts. A program has few texts, and sends each of them often.

use super::long::shape_of_long;
use super::parse;
use super::shape::Shape;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use sea_orm::Statement;
use std::sync::{Arc, LazyLock};

/// How many texts are kept.
const TEXTS_MAX: usize = 2_000;
/// Longer ones are not: a bulk insert has another text for each number of rows.
const LENGTH_MAX: usize = 4_096;

static SHAPES: LazyLock<Cache<Text, Arc<Shape>>> = LazyLock::new(|| Cache::new(TEXTS_MAX));

#[derive(Clone, PartialEq, Eq, Hash)]
struct Text {
    database: &'static str,
    sql: Box<str>,
}

#[derive(Hash)]
struct TextRef<'s> {
    database: &'static str,
    sql: &'s str,
}

impl Equivalent<Text> for TextRef<'_> {
    fn equivalent(&self, text: &Text) -> bool {
        self.database == text.database && *self.sql == *text.sql
    }
}

/// What the statement's text does.
pub(crate) fn shape_of(statement: &Statement) -> Arc<Shape> {
    let sql = statement.sql.as_str();
    let parse = || Arc::new(parse::shape_of(sql, statement.db_backend));
    if sql.len() > LENGTH_MAX {
        return Arc::new(shape_of_long(sql, statement.db_backend));
    }
    let database = statement.db_backend.as_str();
    if let Some(shape) = SHAPES.get(&TextRef { database, sql }) {
        return shape;
    }
    let shape = parse();
    SHAPES.insert(Text { database, sql: sql.into() }, shape.clone());
    shape
}

/// Whether the statement only reads, as far as its text tells.
pub(crate) fn only_reads(statement: &Statement) -> bool {
    let sql = statement.sql.trim_matches(|c: char| c.is_ascii_whitespace() || c == ';');
    let begins = |word: &str| sql.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if begins("INSERT ") || begins("UPDATE ") || begins("DELETE ") {
        return false;
    }
    // Nothing follows without a semicolon.
    let reads = ["SELECT ", "SHOW ", "PRAGMA "].into_iter().any(begins);
    reads && !sql.contains(';') || shape_of(statement).only_reads()
}

/// Whether a statement that only reads may change what the session sees: its role, or what row policies look at. One
/// that has such a word for another reason costs its transaction some hits.
pub(crate) fn sets_session(statement: &Statement) -> bool {
    ["SET", "RESET", "set_config"].into_iter().any(|word| super::mentions(&statement.sql, word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::DbBackend;

    const DIALECTS: [DbBackend; 3] = [DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite];

    fn only_reads(sql: &str) -> [bool; 3] {
        DIALECTS.map(|dialect| super::only_reads(&Statement::from_string(dialect, sql)))
    }

    #[test]
    fn reads_are_told_from_writes() {
        for sql in [
            "  select 1",
            "SELECT 1;",
            "SELECT ';' , 'a;b' FROM t ; ",
            "SELECT /* hint */ a FROM t -- all",
            r"SELECT a FROM t WHERE a ~ '\d'",
            "/* which */ SELECT 1",
            "-- which\nSELECT 1",
            "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
            "EXPLAIN SELECT 1",
            "EXPLAIN UPDATE t SET a = 1",
            "CREATE INDEX i ON t (a)",
            "SAVEPOINT s",
        ] {
            assert_eq!(only_reads(sql), [true; 3], "{sql}");
        }
        assert!(only_reads("PRAGMA foreign_keys = ON")[2]);
        assert!(only_reads("SHOW server_version")[1]);
        assert!(only_reads("SET search_path TO x")[1]);
        for sql in [
            "UPDATE t SET a = 1",
            "SELECT 1; DELETE FROM t",
            "SELECT 'it''s'; DELETE FROM t",
            r"SELECT '\'; DELETE FROM t",
            "SELECT 1 -- it's\n; UPDATE t SET a = 1",
            "SELECT 1 /* ' */ ; DELETE FROM t -- '",
            "sel",
            "é",
        ] {
            assert_eq!(only_reads(sql), [false; 3], "{sql}");
        }
        for sql in [
            "WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x",
            "SELECT $x$'$x$; DELETE FROM t; --'",
            "EXPLAIN ANALYZE UPDATE t SET a = 1",
            "DO $$ BEGIN DELETE FROM t; END $$",
            "CALL clean()",
        ] {
            assert!(!only_reads(sql)[1], "{sql}");
        }
        assert!(!only_reads("SELECT 1 /*! ; DELETE FROM t */")[0]);
    }

    #[test]
    fn a_text_is_read_once() {
        let statement = Statement::from_string(DbBackend::Sqlite, "UPDATE only_here SET a = 1");
        assert!(Arc::ptr_eq(&shape_of(&statement), &shape_of(&statement)));
    }

    #[test]
    fn a_change_of_the_session_is_noticed_however_it_is_written() {
        let sets = |sql: &str| sets_session(&Statement::from_string(DbBackend::Postgres, sql));
        for sql in
            ["SET LOCAL ROLE a", "set\nrole a", "/* who */ RESET ROLE", "SELECT SET_CONFIG('a', 'b', true)"]
        {
            assert!(sets(sql), "{sql}");
        }
        assert!(!sets("SELECT \"offset\", settings FROM book OFFSET 1"));
    }
}
