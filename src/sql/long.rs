//! Long inserts: a parser takes milliseconds for a thousand rows of placeholders, which all say the same.

use super::parse::shape_of;
use super::shape::Shape;
use sea_orm::DbBackend;

/// The shape of a long text.
pub(super) fn shape_of_long(sql: &str, database: DbBackend) -> Shape {
    shortened(sql)
        .and_then(|(text, rows)| of_shortened(&text, rows, database))
        .unwrap_or_else(|| shape_of(sql, database))
}

/// An insert without its rows of placeholders but the first, and how many rows there are.
fn shortened(sql: &str) -> Option<(String, usize)> {
    let begin = sql.find(" VALUES (")? + " VALUES ".len();
    let (mut rows, mut end, mut first) = (0, begin, begin);
    for (at, byte) in sql.bytes().enumerate().skip(begin) {
        match byte {
            b'(' => rows += 1,
            b')' => {
                end = at + 1;
                if rows == 1 {
                    first = end;
                }
            }
            b'$' | b'?' | b',' | b' ' | b'0'..=b'9' => {}
            _ => break,
        }
    }
    Some((format!("{}{}", sql.get(..first)?, sql.get(end..)?), rows))
}

/// The shape with all rows again, which count on from the first.
fn of_shortened(text: &str, rows: usize, database: DbBackend) -> Option<Shape> {
    let mut shape = shape_of(text, database);
    let [write] = shape.writes.as_mut_slice() else { return None };
    let [first] = write.rows.as_slice() else { return None };
    let columns = first.len();
    if !first.iter().enumerate().all(|(place, value)| *value == Some(place)) || columns != write.columns.len()
    {
        return None;
    }
    let row = |row: usize| (0..columns).map(|column| Some(row * columns + column)).collect();
    write.rows = (0..rows).map(row).collect();
    Some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(rows: usize, placeholder: impl Fn(usize) -> String, tail: &str) -> String {
        let row = |row: usize| format!("({}, {})", placeholder(2 * row + 1), placeholder(2 * row + 2));
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("INSERT INTO book (a, b) VALUES {}{tail}", rows.join(", "))
    }

    #[test]
    fn a_long_insert_is_read_as_it_would_be_whole() {
        let tails =
            ["", " RETURNING id", " ON CONFLICT (a) DO NOTHING", " ON CONFLICT (a) DO UPDATE SET b = 1"];
        for (tail, rows) in tails.iter().flat_map(|tail| [1, 2, 300].map(|rows| (tail, rows))) {
            let numbered = insert(rows, |number| format!("${number}"), tail);
            let postgres = DbBackend::Postgres;
            assert_eq!(shape_of_long(&numbered, postgres), shape_of(&numbered, postgres), "{tail}");
            let plain = insert(rows, |_| "?".to_owned(), tail);
            assert_eq!(
                shape_of_long(&plain, DbBackend::Sqlite),
                shape_of(&plain, DbBackend::Sqlite),
                "{tail}"
            );
        }
    }

    #[test]
    fn other_long_texts_are_read_whole() {
        for sql in [
            "INSERT INTO book (a, b) VALUES ($1, UPPER($2)), ($3, $4)",
            "INSERT INTO book (a, b) VALUES ($2, $1), ($4, $3)",
            "INSERT INTO book (a, b) VALUES ($1, 'x'), ($2, 'VALUES (1), (2)')",
            "INSERT INTO book (a, b) VALUES ($1, $2), ($3, $4); DELETE FROM author",
            "UPDATE book SET a = ' VALUES (1), (2)' WHERE id = $1",
            "DELETE FROM book",
        ] {
            assert_eq!(shape_of_long(sql, DbBackend::Postgres), shape_of(sql, DbBackend::Postgres), "{sql}");
        }
    }
}
