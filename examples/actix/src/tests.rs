use crate::{autocache, routes};
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_and_read_body_json, call_service, init_service};
use actix_web::web::Data;
use actix_web::{App, test};
use sea_orm_autocache::prelude::*;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_note_is_read_from_the_cache_until_it_is_deleted() {
    let autocache = autocache().await.expect("an Autocache in memory");
    autocache.install().expect("the first");
    let db: CachedConnection = autocache.connection();
    let app = init_service(App::new().app_data(Data::new(db)).configure(routes)).await;

    let created = TestRequest::post().uri("/notes").set_json(json!({ "text": "first" })).to_request();
    let note: Value = call_and_read_body_json(&app, created).await;
    let uri = format!("/notes/{}", note["id"]);

    let changed = TestRequest::put().uri(&uri).set_json(json!({ "text": "second" })).to_request();
    assert_eq!(call_service(&app, changed).await.status(), StatusCode::OK);
    let hits = autocache.stats().total().hits;
    let note: Value = call_and_read_body_json(&app, TestRequest::get().uri(&uri).to_request()).await;
    assert_eq!(note["text"], "second");
    assert_eq!(autocache.stats().total().hits, hits + 1);

    let deleted = call_service(&app, TestRequest::delete().uri(&uri).to_request()).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    let gone = call_service(&app, TestRequest::get().uri(&uri).to_request()).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(test::read_body(gone).await, "Not Found");
    assert_eq!(autocache.stats().total().tombstone_hits, 1);
}
