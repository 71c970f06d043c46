use crate::note;
use axum::extract::Path;
use loco_rs::controller::extractor::shared_store::SharedStore;
use loco_rs::controller::{Json, Routes, format};
use loco_rs::prelude::{Response, delete, get, post};
use loco_rs::{Error, Result};
use sea_orm::{ActiveModelTrait, DbErr, ModelTrait, Set};
use sea_orm_autocache::prelude::*;

#[derive(serde::Deserialize)]
struct Text {
    text: String,
}

pub fn routes() -> Routes {
    Routes::new().prefix("notes").add("/", post(create)).add("/{id}", get(read)).add("/{id}", delete(remove))
}

async fn create(
    SharedStore(db): SharedStore<CachedConnection>,
    Json(Text { text }): Json<Text>,
) -> Result<Response> {
    format::json(note::ActiveModel { text: Set(text), ..Default::default() }.insert(&db).await?)
}

async fn read(SharedStore(autocache): SharedStore<Autocache>, Path(id): Path<i32>) -> Result<Response> {
    format::json(autocache.cache::<note::Entity>().get(id).await.map_err(missing)?)
}

async fn remove(
    SharedStore(autocache): SharedStore<Autocache>,
    SharedStore(db): SharedStore<CachedConnection>,
    Path(id): Path<i32>,
) -> Result<Response> {
    autocache.cache::<note::Entity>().get(id).await.map_err(missing)?.delete(&db).await?;
    format::empty()
}

/// Loco answers other errors of the database with 500.
fn missing(error: DbErr) -> Error {
    match error {
        DbErr::RecordNotFound(_) => Error::NotFound,
        error => error.into(),
    }
}
