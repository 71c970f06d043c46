//! What texts are understood to do.

use super::parse::shape_of;
use super::{Control, Shape, TableWrite, Verb, mentions, value_of};
use sea_orm::DbBackend;

const DIALECTS: [DbBackend; 3] = [DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite];

/// The one write of a text, in each dialect.
fn each<T>(sql: &str, what: impl Fn(&TableWrite) -> T) -> [Option<T>; 3] {
    DIALECTS.map(|dialect| shape_of(sql, dialect).sole_write().map(&what))
}

fn all<T: Clone>(value: T) -> [Option<T>; 3] {
    DIALECTS.map(|_| Some(value.clone()))
}

/// The writes of a text, in order.
fn writes(sql: &str, dialect: DbBackend) -> Vec<(Verb, String)> {
    shape_of(sql, dialect).writes.into_iter().map(|write| (write.verb, write.table.table)).collect()
}

#[test]
fn the_table_of_a_write_is_found_whatever_its_quotes() {
    for sql in [
        "INSERT INTO book (title) VALUES (1)",
        "update book set title = 'x';",
        "DELETE FROM book WHERE 1 = 1",
        "insert into public.book(title) values (1)",
        "/* which */ UPDATE book SET a = 1 -- one",
        "UPDATE book SET a = '; DELETE FROM author'",
    ] {
        assert_eq!(each(sql, |write| write.table.table.clone()), all("book".to_owned()), "{sql}");
    }
    assert_eq!(
        writes("UPDATE `book` SET `title` = ?", DbBackend::MySql),
        [(Verb::Update, "book".to_owned())]
    );
    let quoted = shape_of(r#"INSERT INTO "a"."my ""book""" ("title") VALUES ($1)"#, DbBackend::Postgres);
    let name = &quoted.sole_write().expect("a write").table;
    assert_eq!(
        (name.schema.as_deref(), name.table.as_str(), name.is_quoted),
        (Some("a"), r#"my "book""#, true)
    );
    assert_eq!(writes("UPDATE [book] SET a = 1", DbBackend::Sqlite), [(Verb::Update, "book".to_owned())]);
}

#[test]
fn every_table_that_a_text_writes_to_is_found() {
    let found =
        |sql| writes(sql, DbBackend::Postgres).into_iter().map(|(_, table)| table).collect::<Vec<_>>();
    for (sql, tables) in [
        ("UPDATE author SET a = 1; DELETE FROM book", ["author", "book"].as_slice()),
        ("SELECT 1 -- it's\n; UPDATE book SET a = 1", &["book"]),
        ("WITH x AS (DELETE FROM book RETURNING a) SELECT a FROM x", &["book"]),
        ("WITH x AS (SELECT 1) UPDATE book SET a = 1", &["book"]),
        ("WITH x AS (UPDATE a SET b = 1 RETURNING b) INSERT INTO book SELECT b FROM x", &["a", "book"]),
        ("UPDATE ONLY book SET a = 1", &["book"]),
        ("UPDATE book AS b SET a = 1", &["book"]),
        ("UPDATE book SET a = x.a FROM other AS x WHERE book.id = x.id", &["book"]),
        ("DELETE FROM book USING other WHERE book.id = other.id", &["book"]),
        ("INSERT INTO book AS b VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 2", &["book"]),
        ("TRUNCATE book, author", &["book", "author"]),
        ("MERGE INTO book USING o ON book.id = o.id WHEN MATCHED THEN DELETE", &["book"]),
        ("COPY book FROM STDIN", &["book"]),
        ("ALTER TABLE book DROP COLUMN a", &["book"]),
        ("DROP TABLE book", &["book"]),
        ("REFRESH MATERIALIZED VIEW book", &["book"]),
        ("EXPLAIN ANALYZE DELETE FROM book", &["book"]),
        ("BEGIN; UPDATE book SET a = 1; COMMIT", &["book"]),
        ("EXPLAIN DELETE FROM book", &[]),
        ("CREATE INDEX i ON book (a)", &[]),
        ("COPY book TO STDOUT", &[]),
        ("UPDATE author SET x = (SELECT 1 FROM book)", &["author"]),
    ] {
        assert_eq!(found(sql), tables, "{sql}");
        assert!(!shape_of(sql, DbBackend::Postgres).is_opaque, "{sql}");
    }
    let mysql = |sql| writes(sql, DbBackend::MySql);
    let both = [(Verb::Other, "book".to_owned()), (Verb::Update, "author".to_owned())];
    assert_eq!(mysql("UPDATE author JOIN book ON author.id = book.id SET book.a = 1"), both);
    assert_eq!(mysql("REPLACE INTO book VALUES (1)"), [(Verb::Other, "book".to_owned())]);
    let sqlite = |sql| writes(sql, DbBackend::Sqlite);
    for sql in [
        "REPLACE INTO book VALUES (1)",
        "INSERT OR REPLACE INTO book VALUES (1)",
        "UPDATE OR REPLACE book SET a = 1",
    ] {
        assert_eq!(sqlite(sql), [(Verb::Other, "book".to_owned())], "{sql}");
    }
    assert_eq!(sqlite("UPDATE OR FAIL book SET a = 1"), [(Verb::Update, "book".to_owned())]);
}

#[test]
fn a_text_that_is_not_understood_writes_to_all_that_it_mentions() {
    let opaque = |sql: &str| DIALECTS.map(|dialect| shape_of(sql, dialect).is_opaque);
    for sql in [
        "VACUUMISH book",
        "UPDATE book SET a = 'x",
        "DELETE FROM book WHERE (a = 1",
        r"UPDATE book SET a = 'it\'s'",
        "DELETE FROM book, author USING author",
    ] {
        assert_eq!(opaque(sql), [true; 3], "{sql}");
    }
    assert!(shape_of("UPDATE LOW_PRIORITY book SET a = 1", DbBackend::MySql).is_opaque);
    assert!(shape_of("DELETE QUICK FROM book", DbBackend::MySql).is_opaque);
    for sql in ["CALL clean()", "DO $$ BEGIN DELETE FROM book; END $$", "EXECUTE clean"] {
        assert!(shape_of(sql, DbBackend::Postgres).is_opaque, "{sql}");
    }
    assert!(mentions("TRUNCATE TABLE book", "BOOK") && mentions("DELETE FROM a.book", "book"));
    assert!(!mentions("TRUNCATE TABLE bookshelf", "book") && !mentions("DELETE FROM my_book", "book"));
}

#[test]
fn a_truncate_or_drop_may_reach_tables_that_it_does_not_name() {
    let spreads = |sql| shape_of(sql, DbBackend::Postgres).spreads;
    assert!(spreads("TRUNCATE writer CASCADE") && spreads("DROP TABLE writer CASCADE"));
    assert!(spreads("DROP SCHEMA public") && !spreads("TRUNCATE writer") && !spreads("DROP TABLE writer"));
}

#[test]
fn texts_that_end_a_transaction_are_known() {
    let control = |sql, dialect| shape_of(sql, dialect).control;
    for sql in ["COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "SELECT 1; COMMIT"] {
        assert_eq!(DIALECTS.map(|dialect| control(sql, dialect)), [Control::Ends; 3], "{sql}");
    }
    for sql in ["SAVEPOINT a", "RELEASE SAVEPOINT a", "UPDATE book SET a = 1"] {
        assert_eq!(DIALECTS.map(|dialect| control(sql, dialect)), [Control::Nothing; 3], "{sql}");
    }
    assert_eq!(DIALECTS.map(|dialect| control("ROLLBACK TO SAVEPOINT a", dialect)), [Control::Undoes; 3]);
    for sql in ["CREATE TABLE a (b INT)", "DROP TABLE a", "TRUNCATE TABLE a", "ALTER TABLE a ADD b INT"] {
        let ends = [Control::Ends, Control::Nothing, Control::Nothing];
        assert_eq!(DIALECTS.map(|dialect| control(sql, dialect)), ends, "{sql}");
    }
}

#[test]
fn a_row_is_known_by_what_its_columns_equal() {
    let number = |sql: &str| {
        let dialect = if sql.contains('`') { DbBackend::MySql } else { DbBackend::Postgres };
        let shape = shape_of(sql, dialect);
        match shape.writes.last()?.named.as_deref()? {
            [equals] => value_of(equals, "id"),
            _ => None,
        }
    };
    for (sql, found) in [
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2"#, Some(1)),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 RETURNING "id", "title""#, Some(1)),
        (r#"DELETE FROM "shop"."book" WHERE "shop"."book"."id" = $1"#, Some(0)),
        ("UPDATE `book` SET `a` = ?, `b` = ? WHERE `book`.`id` = ?", Some(2)),
        ("UPDATE `book` SET `a` = '?', `b` = ? WHERE `id` = ? AND `c` = ?", Some(1)),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = CAST($2 AS tea)"#, Some(1)),
        (r#"UPDATE "book" SET "title" = $1 WHERE "a" = 1 AND ("b" = 2 AND "book"."id" = $2)"#, Some(1)),
        (r#"UPDATE "book" SET "a" = 0; UPDATE "book" SET "a" = $1 WHERE "book"."id" = $2"#, Some(1)),
        (r#"UPDATE "book" SET "a" = ARRAY[$1] WHERE "book"."id" = $2"#, Some(1)),
        (r#"UPDATE "book" SET "a" = $$x WHERE "book"."id" = $1 RETURNING $$"#, None),
        (r#"INSERT INTO "book" ("id") SELECT $1 FROM "book" WHERE "book"."id" = $2"#, None),
        (r#"UPDATE "author" SET "a" = $1 WHERE "book"."id" = $2"#, None),
        (r#"UPDATE "book" SET "a" = $1 FROM "other" WHERE "id" = $2"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 OR "book"."id" = $2"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE NOT "book"."id" = $2"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."pages" = $2"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = 7"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $0"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" <> $2"#, None),
        (r#"UPDATE "book" SET "title" = $1 WHERE "book"."id" = $2 + 1"#, None),
        (r#"UPDATE "book" SET "title" = $1"#, None),
    ] {
        assert_eq!(number(sql), found, "{sql}");
    }
}

#[test]
fn many_rows_are_known_by_what_their_columns_equal() {
    let named = |sql: &str| -> Option<Vec<Vec<usize>>> {
        let shape = shape_of(sql, DbBackend::Postgres);
        let named = shape.writes.last()?.named.clone()?;
        Some(named.into_iter().map(|equals| equals.into_iter().map(|(_, value)| value).collect()).collect())
    };
    for (condition, found) in [
        ("id IN ($1, $2)", Some(vec![vec![0], vec![1]])),
        ("(a, b) IN (($1, $2), ($3, $4))", Some(vec![vec![0, 1], vec![2, 3]])),
        ("(a = $1 AND b = $2) OR (a = $3 AND b = $4)", Some(vec![vec![0, 1], vec![2, 3]])),
        ("id IN ($1, $2) AND c = $3", Some(vec![vec![0, 2], vec![1, 2]])),
        ("id IN ($1, $2) AND c > $3", Some(vec![vec![0], vec![1]])),
        ("id IN ($1, 7)", None),
        ("id NOT IN ($1)", None),
        ("id = $1 OR c > $2", None),
        ("id IN (SELECT a FROM b)", None),
    ] {
        assert_eq!(named(&format!("DELETE FROM book WHERE {condition}")), found, "{condition}");
    }
}

#[test]
fn what_a_write_sets_is_known() {
    let sql =
        r#"UPDATE "book" SET "title" = $1, "a" = CAST($2 AS "tea") WHERE "book"."id" = $3 RETURNING "id""#;
    let shape = shape_of(sql, DbBackend::Postgres);
    let write = shape.sole_write().expect("a write");
    assert!(
        write.sets("TITLE") && write.sets("a") && !write.sets("id") && write.is_plain && write.sets_values
    );
    let shape = shape_of("UPDATE book SET a = a + ?, b = ? WHERE id = ?", DbBackend::Sqlite);
    assert_eq!(shape.sole_write().map(|write| (write.is_plain, write.sets_values)), Some((true, false)));
    let joined = |sql| {
        shape_of(sql, DbBackend::Postgres).writes.iter().map(|write| write.is_joined).collect::<Vec<_>>()
    };
    assert_eq!(joined("UPDATE book SET a = 1 FROM other"), [true]);
    assert_eq!(joined("DELETE FROM book USING other"), [true]);
    assert_eq!(joined("WITH x AS (SELECT 1) DELETE FROM book"), [true]);
    assert_eq!(joined("DELETE FROM book WHERE a IN (SELECT b FROM other)"), [false]);
}

#[test]
fn the_values_of_an_insert_are_known_by_row_and_column() {
    let read = |sql: &str| -> Option<TableWrite> {
        let Shape { mut writes, .. } = shape_of(sql, DbBackend::MySql);
        writes.pop().filter(|write| {
            write.verb == Verb::Insert && write.is_plain && !write.may_skip && !write.rows.is_empty()
        })
    };
    let two = read("INSERT INTO `book` (`id`, `a``b`) VALUES (?, ?), (?, UPPER(?))").expect("two rows");
    assert_eq!(two.columns, ["id", "a`b"]);
    assert_eq!(two.rows, [vec![Some(0), Some(1)], vec![Some(2), None]]);
    assert!(!two.sets_values);
    let defaults = read("INSERT INTO `book` VALUES ()").expect("a row");
    assert_eq!((defaults.columns.len(), defaults.rows.len()), (0, 1));
    for other in [
        "INSERT INTO `book` (`id`) VALUES (1) ON DUPLICATE KEY UPDATE `id` = VALUES(`id`)",
        "INSERT IGNORE INTO `book` (`id`) VALUES (1)",
        "REPLACE INTO `book` (`id`) VALUES (1)",
        "INSERT INTO `book` (`id`) SELECT 1",
        "INSERT INTO `book` ()",
        "INSERT INTO `book` (`id`, `a`) VALUES (1)",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn an_upsert_that_gives_a_row_another_key_is_noticed() {
    let sets = |sql: &str| shape_of(sql, DbBackend::Postgres).sole_write().map(|write| write.sets("id"));
    let insert = r#"INSERT INTO "book" ("id", "title") VALUES (1, 'UPDATE')"#;
    assert_eq!(sets(insert), Some(false));
    assert_eq!(sets(&format!(r#"{insert} ON CONFLICT ("id") DO NOTHING"#)), Some(false));
    let update = format!(r#"{insert} ON CONFLICT ("id") DO UPDATE SET"#);
    assert_eq!(sets(&format!(r#"{update} "title" = "excluded"."title" RETURNING "id""#)), Some(false));
    assert_eq!(sets(&format!(r#"{update} "id" = 7"#)), Some(true));
}
