//! [`ApiError`]: what a client gets when the database has none, or does not want it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sea_orm::{DbErr, SqlErr};
use sea_orm_autocache::CacheErrorKind;
use serde_json::json;

/// An error of the database, or of the cache under `Consistency::Strict`: a read never fails with one.
#[derive(Debug)]
pub struct ApiError(DbErr);

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let cache = CacheErrorKind::of(&self.0);
        let (status, message) = match (&self.0, self.0.sql_err()) {
            // The write is committed: a success, of which there is nothing to show.
            _ if cache == Some(CacheErrorKind::Unconfirmed) => return StatusCode::NO_CONTENT.into_response(),
            _ if cache == Some(CacheErrorKind::NotWritten) => {
                (StatusCode::SERVICE_UNAVAILABLE, "nothing was written; try again".to_owned())
            }
            // From a tombstone, or read.
            (DbErr::RecordNotFound(message), _) => (StatusCode::NOT_FOUND, message.clone()),
            (DbErr::RecordNotUpdated, _) => (StatusCode::NOT_FOUND, "the row is gone".to_owned()),
            // The hooks of the entities say what they refuse.
            (DbErr::Custom(message), _) if cache.is_none() => {
                (StatusCode::UNPROCESSABLE_ENTITY, message.clone())
            }
            (_, Some(SqlErr::ForeignKeyConstraintViolation(_))) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "it refers to a row that does not exist".to_owned())
            }
            (_, Some(SqlErr::UniqueConstraintViolation(_))) => {
                (StatusCode::CONFLICT, "there is one already".to_owned())
            }
            (error, _) => {
                tracing::error!(%error, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "the database failed".to_owned())
            }
        };
        (status, Json(json!({ "error": message }))).into_response()
    }
}
