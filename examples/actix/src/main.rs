//! Notes over HTTP, with actix-web. `cargo run`, then `curl localhost:8080/notes/1`.
//!
//! In memory and on SQLite, or with `REDIS_URL` and `DATABASE_URL` where you say.

mod note;
mod notes;
mod problem;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, Schema};
use sea_orm_autocache::prelude::*;
use std::env;
use std::error::Error;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let autocache = autocache().await?;
    // actix-web runs each worker on a runtime of its own: they share one Autocache.
    autocache.install()?;
    let db = Data::new(autocache.connection());
    let server = HttpServer::new(move || App::new().app_data(db.clone()).configure(routes))
        .bind(("127.0.0.1", 8080))?;
    for address in server.addrs() {
        tracing::info!("http://{address}/notes/1");
    }
    Ok(server.run().await?)
}

fn routes(app: &mut ServiceConfig) {
    app.service(notes::create).service(notes::read).service(notes::change).service(notes::delete);
}

async fn autocache() -> Result<Autocache, Box<dyn Error>> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let mut options = ConnectOptions::new(&url);
    if url.contains(":memory:") {
        // Each connection to `:memory:` is a database of its own.
        options.max_connections(1).min_connections(1);
    }
    let builder = Autocache::builder(Database::connect(options).await?).app("notes");
    let autocache = match env::var("REDIS_URL") {
        Ok(url) => builder.backend("default", RedisStore::connect(&url).await?).build()?,
        Err(_) => builder.backend("default", MemoryStore::new(10_000)).build()?,
    };

    let db = autocache.connection();
    let mut create = Schema::new(db.get_database_backend()).create_table_from_entity(note::Entity);
    db.execute(create.if_not_exists()).await?;
    Ok(autocache)
}

#[cfg(test)]
mod tests;
