//! The database of a run: where it is, its tables, and limits that end every statement before the hold.

use crate::entities::create_tables;
use crate::support::servers::{mariadb, postgres};
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const CONNECT_LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Database {
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    pub fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|database| database.name() == name);
        found.unwrap_or_else(|| panic!("no database `{name}`; there are sqlite, postgres, mariadb"))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }
}

/// A database of a run's own.
pub struct Stage {
    /// The URL up to the address, the port, and the rest.
    url: (String, Option<u16>, String),
    pub db: DatabaseConnection,
}

impl Stage {
    /// Makes the database and its tables. SQLite's file goes to the folder.
    pub async fn set(database: Database, folder: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("torture{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = match database {
            Database::Sqlite => {
                (format!("sqlite://{}", folder.join("rows.db").display()), None, "?mode=rwc".to_owned())
            }
            Database::Postgres => {
                let limits = "SET statement_timeout = '1s'; ALTER DATABASE $ SET lock_timeout = '700ms'; ALTER \
                              DATABASE $ SET idle_in_transaction_session_timeout = '1s'";
                let sql = format!("ALTER DATABASE $ {limits}").replace('$', &name);
                prepare(&format!("{}/postgres", postgres()), &name, &sql).await;
                on_server(postgres(), &name)
            }
            Database::MariaDb => {
                let sql = "SET GLOBAL innodb_lock_wait_timeout = 1; SET GLOBAL max_statement_time = 1; SET GLOBAL \
                           idle_transaction_timeout = 1";
                prepare(&format!("{}/mysql", mariadb()), &name, sql).await;
                on_server(mariadb(), &name)
            }
        };
        let (head, port, tail) = &url;
        let port = port.map_or(String::new(), |port| port.to_string());
        let db = connect(&format!("{head}{port}{tail}")).await;
        create_tables(&db).await;
        Self { url, db }
    }

    /// The port of the server; `None` for a file.
    pub fn port(&self) -> Option<u16> {
        self.url.1
    }

    /// The URL through another port.
    pub fn url_through(&self, port: Option<u16>) -> String {
        let (head, _, tail) = &self.url;
        format!("{head}{}{tail}", port.map_or(String::new(), |port| port.to_string()))
    }
}

async fn prepare(admin_url: &str, name: &str, limits: &str) {
    let admin = connect(admin_url).await;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
    for statement in limits.split("; ") {
        admin.execute_unprepared(statement).await.expect("a limit");
    }
    admin.close().await.expect("a closed connection");
}

fn on_server(server: &str, name: &str) -> (String, Option<u16>, String) {
    let (head, port) = server.rsplit_once(':').expect("a port in the URL");
    (format!("{head}:"), Some(port.parse().expect("a port")), format!("/{name}"))
}

pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options
        .sqlx_logging(false)
        .max_connections(6)
        .connect_timeout(Duration::from_secs(1))
        .acquire_timeout(Duration::from_secs(1))
        .map_sqlx_sqlite_opts(|options| {
            let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Off);
            options.busy_timeout(Duration::from_millis(700))
        });
    let begun = Instant::now();
    loop {
        match sea_orm::Database::connect(options.clone()).await {
            Ok(connection) => return connection,
            // The path may be broken right now.
            Err(error) if begun.elapsed() > CONNECT_LIMIT => panic!("no connection: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
