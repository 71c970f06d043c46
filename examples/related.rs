//! A page of fifty authors with their books, editors and volumes: cold, warm, and after writes, beside
//! what SeaORM's own loaders cost.
//!
//! Runs on bundled SQLite and the memory store. With `REDIS_URL` set it runs on Redis.

mod bookshop;

use bookshop::{author, book, book_editor, editor, volume};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, Database, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel,
    LoaderTrait, ModelTrait, QueryOrder, QuerySelect, Set,
};
use sea_orm_autocache::prelude::*;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const AUTHORS: i64 = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();

    let (database, statements) = counted_database().await?;
    stock(&database).await?;
    let plain = database.clone();
    let builder = Autocache::builder(database).app("shop");
    let (autocache, store) = match std::env::var("REDIS_URL") {
        Ok(url) => (builder.backend("default", RedisStore::connect(&url).await?).build()?, "Redis"),
        Err(_) => (builder.backend("default", MemoryStore::new(10_000)).build()?, "memory"),
    };
    autocache.install()?;
    // An earlier run may have left its rows in Redis, and this database is new.
    author::Entity::cache().clear().await?;
    book::Entity::cache().clear().await?;
    book_editor::Entity::cache().clear().await?;
    editor::Entity::cache().clear().await?;
    volume::Entity::cache().clear().await?;
    let db = autocache.connection();

    println!(
        "A page of {AUTHORS} authors with their books, editors and volumes, on SQLite and the {store} store\n"
    );
    println!("{:<44} {:>4} {:>12} {:>10}  what it shows", "step", "SQL", "round trips", "time");
    let ledger = Ledger { autocache, statements };
    // It is large.
    let cached = || Box::pin(cached());
    let (expected, by_hand) = ledger.step("SeaORM's own loaders", loaded(&plain)).await?;
    let (page, _) = ledger.step("the cache, cold", cached()).await?;
    assert_eq!(page, expected, "both show the same page");
    let (page, warm) = ledger.step("the cache, warm", cached()).await?;
    assert_eq!(page, expected);

    let new = book::ActiveModel {
        title: Set("Sanditon".to_owned()),
        author_id: Set(7),
        rank: Set(9),
        ..Default::default()
    };
    let (new, _) = ledger.step("an author's new book", new.insert(&db)).await?;
    let (page, _) = ledger.step("the cache: one list is read anew", cached()).await?;
    assert_eq!(page, loaded(&plain).await?);
    let mut promoted = new.into_active_model();
    promoted.rank = Set(0);
    let (new, _) = ledger.step("the book is put first", promoted.update(&db)).await?;
    let (page, _) = ledger.step("the cache: no list was touched", cached()).await?;
    assert_eq!(page, loaded(&plain).await?);
    ledger.step("the book is deleted", new.delete(&db)).await?;
    let (page, _) = ledger.step("the cache: nor by a delete", cached()).await?;
    assert_eq!(page, expected);

    println!(
        "\nA page by SeaORM's loaders takes {by_hand} statements, a warm page by the cache {warm}: {} saved per page.",
        by_hand - warm
    );
    Ok(())
}

/// Authors, each with its books, each with its editors and volumes.
type Page = Vec<(author::Model, Vec<(book::Model, Vec<editor::Model>, Vec<volume::Model>)>)>;

/// The page through the cache: three levels, whatever the number of authors.
async fn cached() -> Result<Page, DbErr> {
    let authors: Vec<author::Model> =
        author::Entity::cache().get_many(1..=AUTHORS).await?.into_iter().flatten().collect();
    let shelves = authors.cached_load_many(book::Entity).await?;
    let books: Vec<book::Model> = shelves.iter().flatten().cloned().collect();
    let editors = books.cached_load_many(editor::Entity).await?;
    let volumes = books.cached_load_many(volume::Entity).await?;
    Ok(assembled(authors, shelves, editors, volumes))
}

/// The same page by SeaORM's own loaders.
async fn loaded(db: &DatabaseConnection) -> Result<Page, DbErr> {
    let authors =
        author::Entity::find().order_by_asc(author::Column::Id).limit(AUTHORS as u64).all(db).await?;
    let in_order = book::Entity::find().order_by_asc(book::Column::Rank).order_by_asc(book::Column::Id);
    let shelves = authors.load_many(in_order, db).await?;
    let books: Vec<book::Model> = shelves.iter().flatten().cloned().collect();
    let editors = books.load_many(editor::Entity, db).await?;
    let volumes = books.load_many(volume::Entity, db).await?;
    Ok(assembled(authors, shelves, editors, volumes))
}

fn assembled(
    authors: Vec<author::Model>,
    shelves: Vec<Vec<book::Model>>,
    editors: Vec<Vec<editor::Model>>,
    volumes: Vec<Vec<volume::Model>>,
) -> Page {
    let mut of_books = editors.into_iter().zip(volumes);
    let mut shelf = |books: Vec<book::Model>| {
        let whole = |book| of_books.next().map(|(editors, volumes)| (book, editors, volumes));
        books.into_iter().filter_map(whole).collect()
    };
    authors.into_iter().zip(shelves).map(|(author, books)| (author, shelf(books))).collect()
}

trait Show {
    fn show(&self) -> String;
}

impl Show for Page {
    fn show(&self) -> String {
        let books = self.iter().map(|(_, books)| books.len()).sum::<usize>();
        let of_books = self.iter().flat_map(|(_, books)| books);
        let (editors, volumes) =
            of_books.fold((0, 0), |(editors, volumes), (_, e, v)| (editors + e.len(), volumes + v.len()));
        format!("{books} books, {editors} editorships, {volumes} volumes")
    }
}

impl Show for book::Model {
    fn show(&self) -> String {
        format!("{:?}, rank {}", self.title, self.rank)
    }
}

impl Show for sea_orm::DeleteResult {
    fn show(&self) -> String {
        format!("{} row", self.rows_affected)
    }
}

struct Ledger {
    autocache: Autocache,
    statements: Arc<AtomicU64>,
}

impl Ledger {
    /// Runs one step and prints what it cost. Returns the statements it took, too.
    async fn step<T: Show>(
        &self,
        name: &str,
        future: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<(T, u64), DbErr> {
        let (sql, trips) = (self.statements.load(Ordering::Relaxed), self.autocache.stats().round_trips());
        let begun = Instant::now();
        let answer = future.await?;
        let time = begun.elapsed();
        let sql = self.statements.load(Ordering::Relaxed) - sql;
        let trips = self.autocache.stats().round_trips() - trips;
        println!("{name:<44} {sql:>4} {trips:>12} {time:>10.1?}  {}", answer.show());
        Ok((answer, sql))
    }
}

/// Fifty authors with up to three books each, each book with one or two of five editors and some volumes.
async fn stock(db: &DatabaseConnection) -> Result<(), DbErr> {
    let authors = (1..=AUTHORS).map(|n| author::ActiveModel { id: Set(n), name: Set(format!("Author {n}")) });
    author::Entity::insert_many(authors).exec(db).await?;
    let editors = (1..=5).map(|n| editor::ActiveModel { id: Set(n), name: Set(format!("Editor {n}")) });
    editor::Entity::insert_many(editors).exec(db).await?;
    let author_of = |n: i64| 1 + n % AUTHORS;
    let books = (1..=120_i64).map(|n| book::ActiveModel {
        id: Set(n),
        title: Set(format!("Book {n}")),
        author_id: Set(author_of(n)),
        rank: Set((n % 7) as i32 + 1),
    });
    book::Entity::insert_many(books).exec(db).await?;
    let link =
        |book: i64, editor: i64| book_editor::ActiveModel { book_id: Set(book), editor_id: Set(editor) };
    let links = (1..=120).flat_map(|n| {
        let second = (n % 3 == 0).then(|| link(n, 1 + (n + 1) % 5));
        [Some(link(n, 1 + n % 5)), second].into_iter().flatten()
    });
    book_editor::Entity::insert_many(links).exec(db).await?;
    let volumes = (1..=120_i64).flat_map(|n| {
        (1..=n % 3).map(move |number| volume::ActiveModel {
            book_id: Set(n),
            number: Set(number as i32),
            ..Default::default()
        })
    });
    volume::Entity::insert_many(volumes).exec(db).await?;
    Ok(())
}

/// A bundled in-memory database that counts its statements.
async fn counted_database() -> Result<(DatabaseConnection, Arc<AtomicU64>), DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let mut database = Database::connect(options).await?;
    bookshop::create_tables(&database).await?;
    let statements = Arc::new(AtomicU64::new(0));
    let counter = statements.clone();
    database.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    Ok((database, statements))
}
