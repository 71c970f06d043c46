//! The JSON API, without a browser.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use sea_orm_autocache_axum::{App, Options, router};
use serde_json::{Value, json};
use tower::ServiceExt;

struct Api(App);

impl Api {
    async fn start() -> Self {
        Self(App::connect(&Options::default()).await.expect("the service starts"))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(body).expect("a request");
        router(self.0.clone()).oneshot(request).await.expect("an answer")
    }

    async fn json(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self.ask(method, path, body).await;
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.json(Method::GET, path, None).await
    }

    /// How many SQL statements a read takes.
    async fn sql(&self, path: &str) -> String {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let timing = answer.headers()["server-timing"].to_str().expect("a text");
        let (_, sql) = timing.split_once("sql;desc=\"").expect("a count");
        sql.split_once('"').expect("its end").0.to_owned()
    }
}

#[tokio::test]
async fn a_row_that_is_not_there_is_404_for_every_method() {
    let api = Api::start().await;
    for path in
        ["/api/users/999", "/api/posts/999", "/api/tags/999", "/api/users/by-email/nobody@example.org"]
    {
        let (status, body) = api.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(body["error"].is_string(), "{path}");
    }
    assert_eq!(api.json(Method::DELETE, "/api/posts/999", None).await.0, StatusCode::NOT_FOUND);
    let change = Some(json!({ "name": "nobody" }));
    assert_eq!(api.json(Method::PATCH, "/api/users/999", change).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_warm_page_takes_no_sql_and_shows_every_write() {
    let api = Api::start().await;
    assert_ne!(api.sql("/api/posts/7/full").await, "0");
    assert_eq!(api.sql("/api/posts/7/full").await, "0");

    let change = json!({ "title": "On junctions", "tags": [2, 3] });
    assert_eq!(api.json(Method::PATCH, "/api/posts/7", Some(change)).await.0, StatusCode::OK);
    api.json(Method::PATCH, "/api/tags/3", Some(json!({ "word": "junctions" }))).await;
    api.json(Method::PATCH, "/api/users/2", Some(json!({ "name": "Ada Lovelace" }))).await;
    let (_, page) = api.get("/api/posts/7/full").await;
    assert_eq!(page["title"], "On junctions");
    assert_eq!(page["revision"], 2, "counted by the entity's own hook");
    assert_eq!(page["author"]["name"], "Ada Lovelace");
    let words: Vec<_> = page["tags"].as_array().into_iter().flatten().map(|tag| &tag["word"]).collect();
    assert_eq!(words, ["leases", "junctions"]);
    assert_eq!(api.sql("/api/posts/7/full").await, "0");
}

#[tokio::test]
async fn a_transaction_that_fails_changes_neither_database_nor_cache() {
    let api = Api::start().await;
    let (_, before) = api.get("/api/posts/7/full").await;
    let change = json!({ "title": "never", "tags": [1, 999] });
    let (status, _) = api.json(Method::PATCH, "/api/posts/7", Some(change)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(api.get("/api/posts/7/full").await.1, before);
    assert_eq!(api.sql("/api/posts/7/full").await, "0", "the entries are still there");
}

#[tokio::test]
async fn the_posts_of_a_deleted_user_are_gone_from_cache_and_lists() {
    let api = Api::start().await;
    let (_, posts) = api.get("/api/users/2/posts").await;
    let first = posts[0]["id"].as_i64().expect("a post");
    assert_eq!(api.get(&format!("/api/posts/{first}")).await.0, StatusCode::OK);
    assert_eq!(api.json(Method::DELETE, "/api/users/2", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&format!("/api/posts/{first}")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.get("/api/users/2/posts").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_user_is_found_by_email_and_the_email_is_taken() {
    let api = Api::start().await;
    assert_eq!(api.get("/api/users/by-email/margaret@example.org").await.0, StatusCode::NOT_FOUND);
    let new = json!({ "name": "Margaret", "email": "margaret@example.org" });
    assert_eq!(api.json(Method::POST, "/api/users", Some(new.clone())).await.0, StatusCode::CREATED);
    assert_eq!(api.get("/api/users/by-email/margaret@example.org").await.1["name"], "Margaret");
    assert_eq!(api.json(Method::POST, "/api/users", Some(new)).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn rows_that_the_job_has_changed_are_read_without_sql() {
    let api = Api::start().await;
    let (_, done) = api.json(Method::POST, "/api/jobs/like-posts", None).await;
    assert_eq!(done["rows"], 120);
    assert_eq!(api.sql("/api/posts/44").await, "0");
    assert_eq!(api.get("/api/posts/44").await.1["likes"], 1);
}

#[tokio::test]
async fn health_and_metrics_name_every_store_and_entity() {
    let api = Api::start().await;
    api.get("/api/posts/1").await;
    let (status, health) = api.get("/health").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(health["cache"]["backends"].as_array().map(Vec::len), Some(2));
    let answer = api.ask(Method::GET, "/metrics", None).await;
    let text = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    let text = String::from_utf8_lossy(&text).into_owned();
    let misses = text.lines().find(|line| {
        let labels = [r#"entity="posts""#, r#"outcome="miss""#];
        line.starts_with("sea_orm_autocache_reads_total{") && labels.iter().all(|label| line.contains(label))
    });
    assert!(misses.is_some_and(|line| !line.ends_with(" 0")), "{text}");
}
