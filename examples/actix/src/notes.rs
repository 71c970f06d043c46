use crate::note;
use crate::problem::Problem;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder, delete, get, post, put};
use sea_orm::{ActiveModelTrait, IntoActiveModel, ModelTrait, Set, TransactionTrait};
use sea_orm_autocache::prelude::*;

#[derive(serde::Deserialize)]
pub struct Text {
    text: String,
}

#[post("/notes")]
pub async fn create(
    db: Data<CachedConnection>,
    Json(Text { text }): Json<Text>,
) -> Result<impl Responder, Problem> {
    let note = note::ActiveModel { text: Set(text), ..Default::default() }.insert(db.get_ref()).await?;
    Ok(HttpResponse::Created().json(note))
}

/// A hit asks no database, and neither does a read of a note that was deleted.
#[get("/notes/{id}")]
pub async fn read(id: Path<i32>) -> Result<impl Responder, Problem> {
    Ok(Json(note::Entity::cache().get(*id).await?))
}

/// The cache has the new text once the transaction is committed.
#[put("/notes/{id}")]
pub async fn change(
    db: Data<CachedConnection>,
    id: Path<i32>,
    Json(Text { text }): Json<Text>,
) -> Result<impl Responder, Problem> {
    let transaction = db.begin().await?;
    let mut note = note::Entity::cache().on(&transaction).get(*id).await?.into_active_model();
    note.text = Set(text);
    let note = note.update(&transaction).await?;
    transaction.commit().await?;
    Ok(Json(note))
}

#[delete("/notes/{id}")]
pub async fn delete(db: Data<CachedConnection>, id: Path<i32>) -> Result<impl Responder, Problem> {
    note::Entity::cache().get(*id).await?.delete(db.get_ref()).await?;
    Ok(HttpResponse::NoContent())
}
