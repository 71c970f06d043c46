//! Tags, and the posts that have one.

use super::ApiError;
use crate::app::App;
use crate::entities::{post, tag};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use sea_orm::{ActiveModelTrait, IntoActiveModel, ModelTrait, Set};
use sea_orm_autocache::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct TagText {
    word: String,
}

pub async fn read(Path(id): Path<i64>) -> Result<Json<tag::Model>, ApiError> {
    Ok(Json(tag::Entity::cache().get(id).await?))
}

pub async fn posts(Path(id): Path<i64>) -> Result<Json<Vec<post::Model>>, ApiError> {
    let tag = tag::Entity::cache().get(id).await?;
    Ok(Json(tag.cached_related(post::Entity).await?))
}

pub async fn create(
    State(app): State<App>,
    Json(text): Json<TagText>,
) -> Result<(StatusCode, Json<tag::Model>), ApiError> {
    let tag = tag::ActiveModel { word: Set(text.word), ..Default::default() };
    Ok((StatusCode::CREATED, Json(tag.insert(&app.db).await?)))
}

pub async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(text): Json<TagText>,
) -> Result<Json<tag::Model>, ApiError> {
    let mut tag = tag::Entity::cache().get(id).await?.into_active_model();
    tag.word = Set(text.word);
    Ok(Json(tag.update(&app.db).await?))
}

pub async fn delete(State(app): State<App>, Path(id): Path<i64>) -> Result<StatusCode, ApiError> {
    tag::Entity::cache().get(id).await?.delete(&app.db).await?;
    Ok(StatusCode::NO_CONTENT)
}
