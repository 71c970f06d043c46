//! Posts: written in transactions, together with their tags.

use super::ApiError;
use crate::app::App;
use crate::entities::{post, post_tag, tag, user};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, Set, TransactionTrait,
};
use sea_orm_autocache::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
pub struct NewPost {
    author_id: i64,
    title: String,
    #[serde(default)]
    tags: Vec<i64>,
}

/// What is not given stays.
#[derive(Debug, Deserialize)]
pub struct PostChange {
    title: Option<String>,
    tags: Option<Vec<i64>>,
}

/// A post as a page needs it. Once it is warm, no part of it comes from the database.
#[derive(Debug, Serialize)]
pub struct FullPost {
    #[serde(flatten)]
    post: post::Model,
    author: Option<user::Model>,
    tags: Vec<tag::Model>,
}

pub async fn read(Path(id): Path<i64>) -> Result<Json<post::Model>, ApiError> {
    Ok(Json(post::Entity::cache().get(id).await?))
}

pub async fn full(Path(id): Path<i64>) -> Result<Json<FullPost>, ApiError> {
    let post = post::Entity::cache().get(id).await?;
    let author = post.cached_one(user::Entity).await?;
    let tags = post.cached_related(tag::Entity).await?;
    Ok(Json(FullPost { post, author, tags }))
}

pub async fn create(
    State(app): State<App>,
    Json(new): Json<NewPost>,
) -> Result<(StatusCode, Json<post::Model>), ApiError> {
    let transaction = app.db.begin().await?;
    let post = post::ActiveModel {
        author_id: Set(new.author_id),
        title: Set(new.title),
        likes: Set(0),
        ..Default::default()
    };
    let post = post.insert(&transaction).await?;
    set_tags(&transaction, post.id, &new.tags).await?;
    // Now the row goes to the cache. An error above rolls back, and the cache never knows of it.
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(post)))
}

pub async fn update(
    State(app): State<App>,
    Path(id): Path<i64>,
    Json(change): Json<PostChange>,
) -> Result<Json<post::Model>, ApiError> {
    let transaction = app.db.begin().await?;
    let post = apply(&transaction, id, change).await?;
    transaction.commit().await?;
    Ok(Json(post))
}

pub async fn delete(State(app): State<App>, Path(id): Path<i64>) -> Result<StatusCode, ApiError> {
    post::Entity::cache().get(id).await?.delete(&app.db).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Works on a connection as in a transaction.
async fn apply(db: &impl ConnectionTrait, id: i64, change: PostChange) -> Result<post::Model, DbErr> {
    let mut post = post::Entity::cache().on(db).get(id).await?;
    if let Some(title) = change.title {
        let mut changed = post.into_active_model();
        changed.title = Set(title);
        post = changed.update(db).await?;
    }
    if let Some(tags) = change.tags {
        set_tags(db, id, &tags).await?;
    }
    Ok(post)
}

/// Links the post to these tags and to no others. Fails if there is no such tag.
async fn set_tags(db: &impl ConnectionTrait, post_id: i64, tags: &[i64]) -> Result<(), DbErr> {
    let links = post_tag::Entity::find().filter(post_tag::Column::PostId.eq(post_id)).all(db).await?;
    let linked: Vec<i64> = links.iter().map(|link| link.tag_id).collect();
    for link in links.into_iter().filter(|link| !tags.contains(&link.tag_id)) {
        link.delete(db).await?;
    }
    for tag_id in tags.iter().filter(|tag| !linked.contains(tag)) {
        post_tag::ActiveModel { post_id: Set(post_id), tag_id: Set(*tag_id) }.insert(db).await?;
    }
    Ok(())
}
