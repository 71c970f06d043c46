//! Statements that only read.

use super::scanner::{Scanner, trimmed};
use sea_orm::Statement;

/// Whether the statement can only read: one `SELECT`.
pub(crate) fn only_reads(statement: &Statement) -> bool {
    let sql = trimmed(&statement.sql);
    let mut tokens = Scanner::of(sql, statement.db_backend);
    let selects = tokens.next().is_some_and(|token| token.is_ok_and(|token| token.is_word("SELECT")));
    // Without a semicolon nothing can follow, however the rest is read.
    selects && (!sql.contains(';') || tokens.all(|token| token.is_ok()))
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
    fn a_select_only_reads_unless_something_follows() {
        for sql in [
            "  select 1",
            "SELECT 1;",
            "SELECT ';' , \"a;b\" FROM t ; ",
            "SELECT /* hint */ a FROM t -- all",
            r"SELECT a FROM t WHERE a ~ '\d'",
        ] {
            assert_eq!(only_reads(sql), [true; 3], "{sql}");
        }
        for sql in [
            "UPDATE t SET a = 1",
            "WITH x AS (DELETE FROM t) SELECT 1",
            "SELECT 1; DELETE FROM t",
            "SELECT 'it''s'; DELETE FROM t",
            r"SELECT '\'; DELETE FROM t",
            "SELECT $x$'$x$; DELETE FROM t; --'",
            "SELECT 1 /* ' */ ; DELETE FROM t -- '",
            "",
            "sel",
            "é",
        ] {
            assert_eq!(only_reads(sql), [false; 3], "{sql}");
        }
    }
}
