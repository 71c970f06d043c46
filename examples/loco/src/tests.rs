use crate::app::App;
use crate::purge::Purge;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use loco_rs::app::Hooks;
use loco_rs::boot::StartMode;
use loco_rs::environment::Environment;
use loco_rs::task::{Task, Vars};
use sea_orm_autocache::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

#[tokio::test]
async fn a_note_is_read_from_the_cache_until_a_task_deletes_it() {
    let environment = Environment::Test;
    let config = App::load_config(&environment).await.expect("config/test.yaml");
    let boot = App::boot(StartMode::ServerOnly, &environment, config).await.expect("an app");
    let app = boot.router.expect("a server's router");
    let autocache = boot.app_context.shared_store.get::<Autocache>().expect("after_context made it");

    let (status, note) = call(&app, Method::POST, "/notes", Some(json!({ "text": "" }))).await;
    assert_eq!(status, StatusCode::OK);
    let uri = format!("/notes/{}", note["id"]);
    let (_, read) = call(&app, Method::GET, &uri, None).await;
    assert_eq!(read, note);
    assert_eq!(autocache.stats().total().hits, 1);

    Purge.run(&boot.app_context, &Vars::default()).await.expect("the task");
    let (status, _) = call(&app, Method::GET, &uri, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

async fn call(app: &Router, method: Method, uri: &str, body: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
    let answer = app.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 10_000).await.expect("a short body");
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}
