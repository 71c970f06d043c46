//! The rows, and which of them a scenario reads.

use crate::entities::{author, book};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Schema, Set};
use std::sync::Arc;

/// Books of one author.
pub const BOOKS_EACH: i64 = 5;
/// How many rows of each larger size there are.
pub const SIZED_ROWS: i64 = 500;
/// Keys that no row has, nor will have.
const ABSENT_FROM: i64 = 900_000_000;
/// Keys that rows have for a moment.
pub const PASSING_FROM: i64 = 800_000_000;
const SEED: u64 = 7;

/// Sizes of rows: the first id of each, and the length of its body that makes the row about so large
/// in MessagePack.
pub const SIZES: [(&str, i64, usize); 3] =
    [("100 B", 1, 67), ("1 kB", 10_000_001, 965), ("10 kB", 20_000_001, 9_965)];

/// Creates and fills the tables.
pub async fn fill(db: &DatabaseConnection, rows: i64) {
    let backend = db.get_database_backend();
    let schema = Schema::new(backend);
    let mut tables = vec![schema.create_table_from_entity(author::Entity)];
    tables.push(schema.create_table_from_entity(book::Entity));
    for table in tables {
        db.execute(&table).await.expect("a table");
    }
    let authors = rows.max(SIZED_ROWS) / BOOKS_EACH + 1;
    insert(db, "author (id, name)", 1, authors * SIZES.len() as i64, "n, 'author ' || n").await;
    for ((_, first, body), size) in SIZES.into_iter().zip(0..) {
        let count = if first == 1 { rows } else { SIZED_ROWS };
        let (columns, body) = ("book (id, author_id, version, title, pages, in_print, body)", text(db, body));
        // Each size has authors of its own: a page of usual rows shall show no larger ones.
        let author = format!("((n - {first}) / {BOOKS_EACH}) + 1 + {}", authors * size);
        let values = format!("n, {author}, 0, 'a title of usual length', 320, true, {body}");
        insert(db, columns, first, count, &values).await;
    }
    for index in schema.create_index_from_entity(book::Entity) {
        db.execute(&index).await.expect("an index");
    }
    if backend == DbBackend::Postgres {
        db.execute_unprepared("VACUUM ANALYZE").await.expect("statistics");
    }
}

fn text(db: &DatabaseConnection, length: usize) -> String {
    match db.get_database_backend() {
        DbBackend::Sqlite => format!("substr(hex(zeroblob({length})), 1, {length})"),
        _ => format!("repeat('x', {length})"),
    }
}

async fn insert(db: &DatabaseConnection, into: &str, first: i64, count: i64, values: &str) {
    let last = first + count - 1;
    let numbers =
        format!("WITH RECURSIVE r(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM r WHERE n < {last})");
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => format!("{numbers} INSERT INTO {into} SELECT {values} FROM r"),
        _ => format!("INSERT INTO {into} SELECT {values} FROM generate_series({first}, {last}) AS r(n)"),
    };
    db.execute_unprepared(&sql).await.expect("rows");
}

/// A whole row, to be inserted and deleted.
pub fn row(id: i64) -> book::ActiveModel {
    book::ActiveModel {
        id: Set(id),
        author_id: Set(1),
        version: Set(0),
        title: Set("a title of usual length".to_owned()),
        pages: Set(320),
        in_print: Set(true),
        body: Set("x".repeat(SIZES[0].2)),
    }
}

/// Ids in a row, shuffled, but the same in every run.
pub fn shuffled(first: i64, count: i64) -> Arc<[i64]> {
    let mut ids: Vec<i64> = (first..first + count).collect();
    ids.shuffle(&mut SmallRng::seed_from_u64(SEED));
    ids.into()
}

/// Ids of rows that do not exist.
pub fn absent(count: i64) -> Arc<[i64]> {
    shuffled(ABSENT_FROM, count)
}

/// A step of a mixed load.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Read(i64),
    Write(i64),
}

/// Steps whose ids follow Zipf's law with s = 1, this share of them writes.
pub fn zipf(rows: i64, steps: usize, writes: f64) -> Arc<[Step]> {
    let mut random = SmallRng::seed_from_u64(SEED);
    let law = Zipf::new(rows as f64, 1.0).expect("a law");
    // Which rows are the popular ones has nothing to do with where they lie in the table.
    let places = shuffled(1, rows);
    let step = |_| {
        let rank = law.sample(&mut random) as usize;
        let id = places[rank.clamp(1, places.len()) - 1];
        if random.random_bool(writes) { Step::Write(id) } else { Step::Read(id) }
    };
    (0..steps).map(step).collect()
}
