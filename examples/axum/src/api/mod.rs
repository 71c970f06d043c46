//! The JSON API: users, posts, tags, and a job that writes in bulk.

mod error;
mod jobs;
mod posts;
mod tags;
mod users;

pub use error::ApiError;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/users", post(users::create))
        .route("/users/{id}", get(users::read).patch(users::update).delete(users::delete))
        .route("/users/{id}/posts", get(users::posts))
        .route("/users/by-email/{email}", get(users::by_email))
        .route("/posts", post(posts::create))
        .route("/posts/{id}", get(posts::read).patch(posts::update).delete(posts::delete))
        .route("/posts/{id}/full", get(posts::full))
        .route("/tags", post(tags::create))
        .route("/tags/{id}", get(tags::read).patch(tags::update).delete(tags::delete))
        .route("/tags/{id}/posts", get(tags::posts))
        .route("/jobs/like-posts", post(jobs::like_posts))
}
