//! The rows, in SQLite: some columns of usual types, and a body that gives a row its size.

use super::servers::fresh_folder;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Schema};
use sea_orm_autocache::prelude::*;
use std::path::PathBuf;

/// A large table has ids of ten digits.
pub const FIRST: i64 = 1_000_000_000;
/// Books of one author.
pub const EACH: i64 = 5;

pub mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

pub mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(indexed)]
        pub author_id: i64,
        pub version: i64,
        pub title: String,
        pub pages: i32,
        pub in_print: bool,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::author::Entity",
            from = "Column::AuthorId",
            to = "super::author::Column::Id"
        )]
        Author,
    }

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Author.def()
        }
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// A database file, gone with this.
pub struct Books {
    folder: PathBuf,
}

impl Drop for Books {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Books {
    /// With so many rows, whose values take about so many bytes each.
    pub async fn with(rows: i64, bytes: usize) -> Self {
        let books = Self { folder: fresh_folder("scale") };
        let db = books.connect().await;
        let schema = Schema::new(db.get_database_backend());
        run(&db, "PRAGMA journal_mode = WAL").await;
        for table in
            [schema.create_table_from_entity(author::Entity), schema.create_table_from_entity(book::Entity)]
        {
            db.execute(&table).await.expect("a table");
        }
        // The other columns and the marks of all take 49 bytes.
        let body = bytes.saturating_sub(49).max(1);
        let body = format!("substr(hex(zeroblob({body})), 1, {body})");
        let authors = numbered(FIRST / EACH, rows / EACH + 1);
        run(&db, &format!("{authors} INSERT INTO author (id, name) SELECT n, 'author ' || n FROM r")).await;
        let books_of_them = numbered(FIRST, rows);
        let columns = "id, author_id, version, title, pages, in_print, body";
        let values = format!("n, n / {EACH}, 0, 'a title of usual length', 320, true, {body}");
        run(&db, &format!("{books_of_them} INSERT INTO book ({columns}) SELECT {values} FROM r")).await;
        for index in schema.create_index_from_entity(book::Entity) {
            db.execute(&index).await.expect("an index");
        }
        db.close().await.expect("a closed connection");
        books
    }

    pub async fn connect(&self) -> DatabaseConnection {
        let mut options =
            ConnectOptions::new(format!("sqlite://{}?mode=rwc", self.folder.join("books.db").display()));
        options.sqlx_logging(false).max_connections(4);
        Database::connect(options).await.expect("a connection")
    }

    /// As one process has it.
    pub async fn autocache(&self, url: &str, ttl: std::time::Duration) -> Autocache {
        let store = RedisStore::connect(url).await.expect("a store");
        let builder = Autocache::builder(self.connect().await).app("shop").ttl(ttl).backend("default", store);
        builder.entity(author::Entity).entity(book::Entity).build().expect("an Autocache")
    }
}

fn numbered(first: i64, count: i64) -> String {
    let last = first + count - 1;
    format!("WITH RECURSIVE r(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM r WHERE n < {last})")
}

async fn run(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.expect("the statement runs");
}
