use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use sea_orm::DbErr;
use std::fmt;

/// What a handler failed with, as an answer.
#[derive(Debug)]
pub struct Problem(DbErr);

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        Self(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self.0 {
            DbErr::RecordNotFound(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A client learns that something failed, the log what it was.
    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        if status.is_server_error() {
            tracing::error!("{self}");
        }
        HttpResponse::build(status).body(status.canonical_reason().unwrap_or_default())
    }
}
