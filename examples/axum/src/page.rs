//! The page: three files and an icon, in the program itself.

use crate::app::App;
use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::routing::get;

type File = ([(HeaderName, &'static str); 2], &'static str);

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/page.css", get(async || file("text/css", include_str!("page/page.css"))))
        .route("/page.js", get(async || file("text/javascript", include_str!("page/page.js"))))
        .route("/icon.svg", get(async || file("image/svg+xml", include_str!("page/icon.svg"))))
}

/// Nothing comes from elsewhere.
fn file(kind: &'static str, text: &'static str) -> File {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, "default-src 'self'")], text)
}
