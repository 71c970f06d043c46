//! What a key takes of a server's memory, as it says itself: entries with their TTLs, as the store leaves them.

use super::Server;
use super::books::{Books, EACH, FIRST, book};
use crate::measured::Measured;
use sea_orm_autocache::prelude::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
/// Keys of one call.
const PAGE: i64 = 500;
/// Bytes of a row's values, how many of them, and how the number is called.
const ROWS: [(usize, i64, &str); 5] = [
    (100, 100_000, "1e5"),
    (100, 1_000_000, "1e6"),
    (1_000, 100_000, "1e5"),
    (1_000, 1_000_000, "1e6"),
    (10_000, 100_000, "1e5"),
];

/// With at most so many keys.
pub async fn measure(measured: &mut Measured, server: &str, most: i64) {
    let under = format!("memory.{server}");
    for (bytes, rows, name) in ROWS.into_iter().filter(|(_, rows, _)| *rows <= most) {
        let books = Books::with(rows, bytes).await;
        let mut server = Server::start();
        let autocache = books.autocache(&server.redis.url(), HOUR).await;
        let cache = autocache.cache::<book::Entity>();
        let taken = grown(&mut server, pages(&cache, FIRST, rows)).await;
        measured.set(format!("{under}.row_{bytes}.{name}"), format!("{:.1}", taken / rows as f64));
        let key = cache.make_key(FIRST).expect("a key");
        let value: u64 = server.ask(&["STRLEN", &key]);
        measured.set(format!("entry.row_{bytes}"), value);
        measured.set("entry.key", key.len());
        if bytes == 100 && rows == most {
            others(measured, &under, (&books, &cache, &mut server), most).await;
        }
    }
}

/// Lists, tombstones and connections.
async fn others(
    measured: &mut Measured,
    under: &str,
    (books, cache, server): (&Books, &CacheController<book::Entity>, &mut Server),
    most: i64,
) {
    let lists = 20_000;
    let taken = grown(server, async {
        for first in (0..lists).step_by(100) {
            let authors = (first..first + 100).map(|author| FIRST / EACH + author);
            cache.list_many_by(book::Column::AuthorId, authors).await.expect("lists");
        }
    })
    .await;
    measured.set(format!("{under}.list_{EACH}.2e4"), format!("{:.1}", taken / lists as f64));
    for (rows, name) in [(100_000, "1e5"), (1_000_000, "1e6")].into_iter().filter(|(rows, _)| *rows <= most) {
        let mut server = Server::start();
        let autocache = books.autocache(&server.redis.url(), HOUR).await;
        let cache = autocache.cache::<book::Entity>();
        let taken = grown(&mut server, pages(&cache, 2 * FIRST, rows)).await;
        measured.set(format!("{under}.tombstone.{name}"), format!("{:.1}", taken / rows as f64));
    }
    connections(measured, under, books).await;
}

async fn pages(cache: &CacheController<book::Entity>, first: i64, rows: i64) {
    for page in (first..first + rows).step_by(PAGE as usize) {
        cache.get_many(page..page + PAGE).await.expect("rows");
    }
}

/// By how many bytes the server has grown.
async fn grown(server: &mut Server, act: impl Future<Output = ()>) -> f64 {
    // Without the buffers of clients, which shrink after a while.
    let taken = |server: &mut Server| server.number("used_memory_dataset") + overhead(server);
    let before = taken(server);
    act.await;
    taken(server) - before
}

/// The tables of keys and of their expiries.
fn overhead(server: &mut Server) -> f64 {
    let stats: redis::Value = server.ask(&["MEMORY", "STATS"]);
    let mut found = 0.0;
    walk(&stats, &mut found);
    found
}

fn walk(value: &redis::Value, sum: &mut f64) {
    let pairs: Vec<(&redis::Value, &redis::Value)> = match value {
        redis::Value::Array(items) => items.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect(),
        redis::Value::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
        _ => return,
    };
    for (key, value) in pairs {
        let name: String = redis::from_redis_value_ref(key).unwrap_or_default();
        if let ("overhead.hashtable.main" | "overhead.hashtable.expires", redis::Value::Int(bytes)) =
            (name.as_str(), value)
        {
            *sum += *bytes as f64;
        }
        walk(value, sum);
    }
}

async fn connections(measured: &mut Measured, under: &str, books: &Books) {
    const COUNT: usize = 200;
    let mut server = Server::start();
    let before = server.number("used_memory");
    let mut autocaches = Vec::new();
    for _ in 0..COUNT {
        let autocache = books.autocache(&server.redis.url(), HOUR).await;
        autocache.cache::<book::Entity>().find(FIRST).await.expect("a row");
        autocaches.push(autocache);
    }
    let clients: f64 = server.number("connected_clients") - 1.0;
    // Buffers of a connection shrink in the first seconds.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let taken = server.number("used_memory") - before;
    measured.set(under.replace("memory", "connection"), format!("{:.0}", taken / clients));
    measured.set("connections.of_a_process", format!("{:.2}", clients / COUNT as f64));
}
