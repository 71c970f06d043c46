//! Spans, as a subscriber sees them.

use crate::entities::{book, library};
use crate::laws::{cold_book, titled};
use crate::support::{Act, Database, Place, World};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set, TransactionTrait};
use sea_orm_autocache::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

/// The attributes of a span, as text.
type Attributed = BTreeMap<&'static str, String>;

/// A span that has begun.
#[derive(Debug)]
struct Seen {
    id: Id,
    level: Level,
    name: &'static str,
    attributes: Attributed,
}

/// Keeps the spans of the cache.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Seen>>>);

struct Fields<'f>(&'f mut Attributed);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if span.metadata().target() == "sea_orm_autocache" {
            let (level, name) = (*span.metadata().level(), span.metadata().name());
            let mut attributes = Attributed::new();
            span.record(&mut Fields(&mut attributes));
            self.0.lock().unwrap().push(Seen { id: id.clone(), level, name, attributes });
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        // The number of a span that has ended is given to another.
        if let Some(seen) = self.0.lock().unwrap().iter_mut().rfind(|seen| seen.id == *id) {
            values.record(&mut Fields(&mut seen.attributes));
        }
    }
}

/// What the future answers, and the spans of it: each as its level and name, and its attributes, shortened.
async fn spans_of<T>(future: impl Future<Output = T>) -> (T, Vec<String>) {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(spans.clone()));
    // Other threads may have asked for the interest in a span before.
    tracing::callsite::rebuild_interest_cache();
    let answer = future.await;
    let seen = std::mem::take(&mut *spans.0.lock().unwrap());
    let told = |seen: Seen| {
        let order = [
            "db.system.name",
            "db.operation.name",
            "db.collection.name",
            "db.operation.batch.size",
            "autocache.outcome",
            "error.type",
        ];
        let values =
            order.iter().filter_map(|name| seen.attributes.get(name).map(|value| format!(" {value}")));
        format!("{} {}{}", seen.level, seen.name, values.collect::<String>())
    };
    (answer, seen.into_iter().map(told).collect())
}

#[tokio::test]
async fn reads_that_ask_the_store_have_a_span_with_their_outcome() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    world.create_table(library::book::Entity).await;
    let cache = world.autocache.cache::<book::Entity>();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book miss", "DEBUG autocache.load"]);
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book hit"]);
    let (_, spans) = spans_of(cache.get_many([book.id, book.id + 1])).await;
    assert_eq!(spans, ["DEBUG autocache.read redis MGET book 2", "DEBUG autocache.load"]);
    let (_, spans) = spans_of(cache.find(book.id + 1)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book tombstone"]);
    let transaction = world.db.begin().await.unwrap();
    titled("Persuasion").insert(&transaction).await.unwrap();
    let (_, spans) = spans_of(cache.on(&transaction).find(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read redis GET book bypass"]);
    transaction.rollback().await.unwrap();
    let lists = world.autocache.cache::<library::book::Entity>();
    let (_, spans) = spans_of(lists.list_by(library::book::Column::AuthorId, 1)).await;
    assert_eq!(spans, ["DEBUG autocache.list redis MGET lib_book 1", "DEBUG autocache.load"]);
}

#[tokio::test]
async fn a_hit_in_memory_has_no_span() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, ["DEBUG autocache.read memory GET book miss", "DEBUG autocache.load"]);
    cache.get(book.id).await.unwrap();
    let (_, spans) = spans_of(cache.get(book.id)).await;
    assert_eq!(spans, [""; 0]);
}

#[tokio::test]
async fn writes_commits_and_bulk_writes_have_spans() {
    for (database, system) in [(Database::Sqlite, "sqlite"), (Database::Postgres, "postgresql")] {
        let world = World::new(database, Place::Redis).await;
        let book = cold_book(&world, "Emma").await.unwrap();
        let change = || book::ActiveModel { rank: Set(2), ..book.clone().into() };
        let (_, spans) = spans_of(change().update(&world.db)).await;
        assert_eq!(spans, ["DEBUG autocache.finish redis PUBLISH book"]);
        let transaction = world.db.begin().await.unwrap();
        change().update(&transaction).await.unwrap();
        let (_, spans) = spans_of(transaction.commit()).await;
        assert_eq!(spans, [format!("INFO autocache.commit {system} COMMIT")]);
        let raise = book::Entity::update_many().col_expr(book::Column::Rank, Expr::value(3));
        let (_, spans) = spans_of(raise.filter(book::Column::Id.eq(book.id)).exec_cached(&world.db)).await;
        let commit = format!("INFO autocache.commit {system} COMMIT");
        assert_eq!(spans, [format!("INFO autocache.bulk {system} UPDATE book"), commit]);
    }
}

#[tokio::test]
async fn an_error_is_named_by_its_kind_and_not_by_its_text() {
    let strict = |b: sea_orm_autocache::AutocacheBuilder| b.consistency(Consistency::Strict);
    let (world, meddler) = World::meddled(Database::Sqlite, Place::Memory, strict).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let transaction = world.db.begin().await.unwrap();
    book::ActiveModel { rank: Set(2), ..book.into() }.update(&transaction).await.unwrap();
    meddler.act(|_| true, Act::Refuse, 1);
    let (committed, spans) = spans_of(transaction.commit()).await;
    assert!(committed.is_err());
    assert_eq!(spans, ["INFO autocache.commit sqlite COMMIT NotWritten"]);
    let cache = world.autocache.cache::<library::book::Entity>();
    let (read, spans) = spans_of(cache.find(1)).await;
    assert!(read.is_err(), "there is no such table");
    let read = spans.iter().find(|span| span.contains("autocache.read")).unwrap();
    assert!(read.ends_with(" Query") || read.ends_with(" Exec"), "{read}");
}
