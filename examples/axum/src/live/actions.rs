//! What the page can do that no API offers.

use super::entry::Entry;
use crate::api::ApiError;
use crate::app::App;
use crate::entities::{post, tag, user};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use sea_orm::{DbErr, EntityTrait, PrimaryKeyTrait};
use sea_orm_autocache::{Autocache, CachedEntity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How many readers come at once.
const HERD: usize = 100;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    Users,
    Posts,
    Tags,
}

#[derive(Debug, Serialize)]
pub struct Herd {
    reads: usize,
    found: usize,
}

/// Drops the entry, then reads the row with many tasks at once.
pub async fn herd(
    State(app): State<App>,
    Path((name, id)): Path<(Name, i64)>,
) -> Result<Json<Herd>, ApiError> {
    let cache = &app.autocache;
    let found = match name {
        Name::Users => stampede::<user::Entity>(cache, id).await,
        Name::Posts => stampede::<post::Entity>(cache, id).await,
        Name::Tags => stampede::<tag::Entity>(cache, id).await,
    };
    Ok(Json(Herd { reads: HERD, found: found? }))
}

async fn stampede<E>(autocache: &Autocache, id: i64) -> Result<usize, DbErr>
where
    E: CachedEntity + EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    let cache = autocache.cache::<E>();
    // While the store is away the entry stays; readers bypass it all the same.
    let _ = cache.invalidate(id).await;
    let mut readers = JoinSet::new();
    for _ in 0..HERD {
        let cache = cache.clone();
        readers.spawn(async move { cache.find(id).await });
    }
    let mut found = 0;
    for answer in readers.join_all().await {
        found += usize::from(answer?.is_some());
    }
    Ok(found)
}

/// The entry of one row, as it is now.
pub async fn entry(
    State(app): State<App>,
    Path((name, id)): Path<(Name, i64)>,
) -> Result<Json<Entry>, ApiError> {
    let cache = &app.autocache;
    let entry = match name {
        Name::Users => Entry::of::<user::Entity>(cache, id).await,
        Name::Posts => Entry::of::<post::Entity>(cache, id).await,
        Name::Tags => Entry::of::<tag::Entity>(cache, id).await,
    };
    Ok(Json(entry?))
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Start,
    Stop,
}

/// Stops or starts the Redis server of this program.
pub async fn redis(State(app): State<App>, Path(action): Path<Action>) -> (StatusCode, Json<Value>) {
    let Some(server) = &app.live.server else {
        let error = "this program has started no Redis server; `cargo run -- --redis` does";
        return (StatusCode::CONFLICT, Json(json!({ "error": error })));
    };
    let done = match action {
        Action::Start => server.resume().await,
        Action::Stop => server.stop().await,
    };
    match done {
        Ok(()) => (StatusCode::OK, Json(json!({ "runs": server.is_running() }))),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))),
    }
}
