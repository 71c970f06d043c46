//! TLS to a Redis server: who is trusted, and that nothing is ever said in the clear.

mod groups;

use crate::outage::until;
use crate::reach::{PATIENCE, it_is_a_cache, mistake};
use crate::support::tls::{Authority, Issued, tls_redis};
use crate::support::{Log, Redis, with_client};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::testing::conformance::check;
use sea_orm_autocache::{RedisStoreBuilder, RedisTls};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tracing::Level;

const HOST: &[&str] = &["localhost", "127.0.0.1"];
const SOON: Duration = Duration::from_secs(15);

fn url(redis: &Redis) -> String {
    with_client(format!("rediss://localhost:{}", redis.port()))
}

fn trusting(authority: &Authority) -> RedisTls {
    RedisTls::new().root_certificates(authority.pem.as_str())
}

fn showing(authority: &Authority, shown: &Issued) -> RedisTls {
    trusting(authority).client_certificate(shown.certificate.as_str(), shown.key.as_str())
}

fn builder(redis: &Redis, tls: RedisTls) -> RedisStoreBuilder {
    RedisStore::builder(&url(redis)).command_timeout(PATIENCE).tls(tls)
}

#[tokio::test]
async fn a_server_of_a_private_authority_is_reached_over_tls() -> Result<(), DbErr> {
    let authority = Authority::new("private");
    let redis = tls_redis(&authority.issue(HOST), None);
    let store = builder(&redis, trusting(&authority)).connect().await.expect("a store");
    check(&store).await;
    it_is_a_cache(store).await?;
    // By its address, with one of several authorities, and over the newer protocol.
    let many = RedisTls::new().root_certificates([Authority::new("other").pem, authority.pem].concat());
    let url = format!("valkeys://127.0.0.1:{}", redis.port());
    let builder = RedisStore::builder(&url).command_timeout(PATIENCE).tls(many).resp3().connections(2);
    it_is_a_cache(builder.connect().await.expect("a store")).await
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() -> Result<(), DbErr> {
    let (authority, other) = (Authority::new("private"), Authority::new("other"));
    let redis = tls_redis(&authority.issue(HOST), Some(&authority));
    let shown = authority.issue(&["shop"]);
    let store = builder(&redis, showing(&authority, &shown)).connect().await.expect("a store");
    check(&store).await;
    it_is_a_cache(store).await?;
    let message = mistake(builder(&redis, trusting(&authority)), "").await;
    assert!(message.contains("asks for a certificate of its clients"), "{message}");
    for refused in [other.issue(&["shop"]), authority.issue_expired(&["shop"])] {
        let message = mistake(builder(&redis, showing(&authority, &refused)), "").await;
        assert!(message.contains("does not accept the certificate of"), "{message}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_to_be_trusted_is_named_when_connecting() {
    let (authority, other) = (Authority::new("private"), Authority::new("other"));
    for (shown, tls, meaning) in [
        (authority.issue(HOST), trusting(&other), "an issuer that is not trusted"),
        (authority.issue(HOST), RedisTls::new(), "an issuer that is not trusted"),
        (authority.issue_expired(HOST), trusting(&authority), "has expired"),
        (authority.issue_early(HOST), trusting(&authority), "is not valid yet"),
        (authority.issue(&["cache.test"]), trusting(&authority), "for another name than the URL's host"),
    ] {
        let redis = tls_redis(&shown, None);
        let message = mistake(builder(&redis, tls), "").await;
        assert!(message.contains(meaning), "{message}");
    }
    let redis = tls_redis(&authority.issue(HOST), None);
    let message = mistake(RedisStore::builder(&url(&redis)), "").await;
    assert!(message.contains("an issuer that is not trusted"), "{message}");
}

#[tokio::test]
async fn texts_that_are_no_certificates_or_keys_are_named_when_connecting() {
    let authority = Authority::new("private");
    let (shown, other) = (authority.issue(&["shop"]), authority.issue(&["shop"]));
    let damaged = shown.certificate.replacen("MII", "M!I", 1);
    let client = |certificates: &str, key: &str| trusting(&authority).client_certificate(certificates, key);
    for (tls, meaning) in [
        (RedisTls::new().root_certificates("ca.pem"), "`RedisTls::root_certificates` holds no certificate"),
        (
            RedisTls::new().root_certificates(shown.key.as_str()),
            "`RedisTls::root_certificates` holds no certificate",
        ),
        (RedisTls::new().root_certificates(damaged.as_str()), "`RedisTls::root_certificates` is no PEM text"),
        (client("", &shown.key), "`RedisTls::client_certificate` holds no certificate"),
        (client(&damaged, &shown.key), "`RedisTls::client_certificate` is no PEM text"),
        (
            client(&shown.certificate, &shown.certificate),
            "the private key of `RedisTls::client_certificate` cannot be read",
        ),
        (client(&shown.certificate, &other.key), "is not that of its certificate"),
    ] {
        let secret = other.key.lines().nth(1).expect("a line");
        let message = mistake(RedisStore::builder("rediss://localhost:1").tls(tls), secret).await;
        assert!(message.contains(meaning), "{message}");
    }
}

#[test]
fn the_settings_show_no_certificate_and_no_key() {
    let authority = Authority::new("private");
    let shown = authority.issue(&["shop"]);
    let tls = showing(&authority, &shown);
    assert_eq!(format!("{tls:?}"), "RedisTls { root_certificates: 1, client_certificate: true }");
    let builder = RedisStore::builder("rediss://shop:hunter2@localhost").tls(tls);
    let debug = format!("{builder:?}");
    assert!(!debug.contains("hunter2") && !debug.contains("BEGIN"), "{debug}");
}

/// What a listener that never answers is sent first on each connection, for a while.
async fn first_bytes(listener: TcpListener) -> Vec<u8> {
    let mut first = Vec::new();
    let until = Instant::now() + Duration::from_secs(2);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let Ok(accepted) = tokio::time::timeout(left, listener.accept()).await else { break };
        let (mut connection, _) = accepted.expect("a connection");
        let mut byte = [0];
        // A connection that is given up says nothing.
        if let Ok(Ok(1)) = tokio::time::timeout(SOON, connection.read(&mut byte)).await {
            first.push(byte[0]);
        }
    }
    first
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_tls_is_asked_for() {
    const HANDSHAKE: u8 = 0x16;
    for tls in [None, Some(trusting(&Authority::new("private")))] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url =
            with_client(format!("rediss://shop:hunter2@{}", listener.local_addr().expect("an address")));
        let listening = tokio::spawn(first_bytes(listener));
        let builder = RedisStore::builder(&url);
        let builder = if let Some(tls) = tls { builder.tls(tls) } else { builder };
        // The server is silent: the store waits for a better time.
        let store = builder.connect().await.expect("a store");
        assert!(store.get("key").await.is_err());
        let first = listening.await.expect("bytes");
        assert!(!first.is_empty() && first.iter().all(|byte| *byte == HANDSHAKE), "{first:?}");
    }
}

#[tokio::test]
async fn settings_of_tls_without_tls_in_the_url_are_an_error_before_anything_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let listening = tokio::spawn(first_bytes(listener));
    let tls = trusting(&Authority::new("private"));
    for url in [
        format!("redis://{address}"),
        format!("redis-cluster://{address}"),
        "redis+unix:///run/r.sock".into(),
    ] {
        let message = mistake(RedisStore::builder(&url).tls(tls.clone()), "").await;
        assert!(message.contains("begin it with `rediss`"), "{url}: {message}");
    }
    let client = fred::types::Builder::default_centralized().build().expect("a client");
    let message = mistake(RedisStore::on_client(client).tls(tls), "").await;
    assert!(message.contains("a client of your own"), "{message}");
    assert!(listening.await.expect("bytes").is_empty());
}

/// What connecting says with this URL: it does not hang, and the store has no connection.
async fn said_of(url: &str) -> String {
    let log = Log::default();
    let guard = log.listen(Level::WARN);
    let begun = Instant::now();
    let store = RedisStore::connect(url).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    drop(guard);
    match store {
        Ok(store) => {
            assert!(store.get("key").await.is_err());
            log.text()
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_url_that_does_not_fit_the_port_is_said_when_connecting() {
    let redis = tls_redis(&Authority::new("private").issue(HOST), None);
    for login in ["", "shop:hunter2@"] {
        let said = said_of(&with_client(format!("redis://{login}localhost:{}", redis.port()))).await;
        assert!(said.contains("begins with `rediss://`") && !said.contains("hunter2"), "{said}");
    }
    let said = said_of(&url(&Redis::start(&[]))).await;
    assert!(said.contains("begins with `redis://`") || said.contains("or a `redis://` URL"), "{said}");
}

#[tokio::test]
async fn a_server_over_tls_that_comes_back_is_found_again() {
    let authority = Authority::new("private");
    let redis = tls_redis(&authority.issue(HOST), None);
    let proxy = crate::support::Proxy::to(redis.port()).await;
    let builder = RedisStore::builder(&with_client(format!("rediss://localhost:{}", proxy.port)))
        .tls(trusting(&authority));
    let store = builder.connect().await.expect("a store");
    until(SOON, "an answer", || async { store.get("key").await.is_ok() }).await;
    let before = store.stamp("");
    let other = tls_redis(&authority.issue(HOST), None);
    proxy.lead_to(other.port());
    drop(redis);
    until(SOON, "an answer of the other", || async {
        store.get("key").await.is_ok() && store.stamp("").is_some() && store.stamp("") != before
    })
    .await;
    // One of whom nobody knows takes its place: it is not asked for anything.
    let stranger = tls_redis(&Authority::new("other").issue(HOST), None);
    proxy.lead_to(stranger.port());
    drop(other);
    until(SOON, "an end", || async { store.get("key").await.is_err() }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(store.get("key").await.is_err());
}
