//! A job that writes many rows with one statement.

use super::ApiError;
use crate::app::App;
use crate::entities::post;
use axum::Json;
use axum::extract::State;
use sea_orm::EntityTrait;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm_autocache::prelude::*;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Done {
    rows: u64,
}

/// One more like for every post. With `exec_cached` the changed rows are in the cache afterwards.
pub async fn like_posts(State(app): State<App>) -> Result<Json<Done>, ApiError> {
    let likes = post::Column::Likes;
    let statement = post::Entity::update_many().col_expr(likes, Expr::col(likes).add(1));
    let rows = statement.exec_cached(&app.db).await?.rows_affected;
    Ok(Json(Done { rows }))
}
