//! Users: rows by key and by email, and a user's posts.

use super::ApiError;
use crate::app::App;
use crate::entities::{post, user};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, ModelTrait, Set};
use sea_orm_autocache::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct NewUser {
    name: String,
    email: String,
}

#[derive(Debug, Deserialize)]
pub struct UserChange {
    name: String,
}

pub async fn read(Path(id): Path<i64>) -> Result<Json<user::Model>, ApiError> {
    Ok(Json(user::Entity::cache().get(id).await?))
}

pub async fn by_email(Path(email): Path<String>) -> Result<Json<user::Model>, ApiError> {
    let user = user::Entity::cache().get_by(user::Column::Email, email).await?;
    user.map(Json).ok_or_else(|| DbErr::RecordNotFound("no user has this email".to_owned()).into())
}

pub async fn posts(Path(id): Path<i64>) -> Result<Json<Vec<post::Model>>, ApiError> {
    let user = user::Entity::cache().get(id).await?;
    Ok(Json(user.cached_related(post::Entity).await?))
}

pub async fn create(
    State(app): State<App>,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Json<user::Model>), ApiError> {
    let user = user::ActiveModel { name: Set(new.name), email: Set(new.email), ..Default::default() };
    Ok((StatusCode::CREATED, Json(user.insert(&app.db).await?)))
}

pub async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(change): Json<UserChange>,
) -> Result<Json<user::Model>, ApiError> {
    let mut user = user::Entity::cache().get(id).await?.into_active_model();
    user.name = Set(change.name);
    Ok(Json(user.update(&app.db).await?))
}

/// The posts of the user go, too: the relation says `on_delete = "Cascade"`, and the cache follows.
pub async fn delete(State(app): State<App>, Path(id): Path<i64>) -> Result<StatusCode, ApiError> {
    user::Entity::cache().get(id).await?.delete(&app.db).await?;
    Ok(StatusCode::NO_CONTENT)
}
