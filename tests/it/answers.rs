//! Redis is there, and answers with an error: no read and no write fails, no older row is served, and the cache comes
//! back by itself.

use crate::entities::book;
use crate::laws::titled;
use crate::outage::until;
use crate::support::resp::{Answer, ask, calls, must};
use crate::support::{Database, Place, Redis, World};
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use sea_orm_autocache::prelude::*;
use std::fs;
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

/// A process of a program, and its database.
async fn process_on(redis: &Redis) -> (World, Autocache) {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = RedisStore::connect(&redis.url()).await.expect("a store");
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    let autocache = builder.build().expect("an Autocache");
    (world, autocache)
}

/// The law of this file, about a server that answers writes with this error between `begin` and `end`.
async fn holds_while_it_says(
    code: &str,
    options: &[&str],
    begin: impl FnOnce(u16),
    end: &str,
) -> Result<(), DbErr> {
    let redis = Redis::start(options);
    let (_world, autocache) = process_on(&redis).await;
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let changed = titled("old").insert(&db).await?;
    let hot = titled("hot").insert(&db).await?;
    assert!(cache.contains(changed.id).await? && cache.contains(hot.id).await?);

    begin(redis.port());
    let is_said = |answer| matches!(answer, Answer::Error(text) if text.starts_with(&format!("{code} ")));
    until(SOON, code, || async { ask(redis.port(), &["SET", "probe", "1"]).is_ok_and(is_said) }).await;
    let mut change = changed.clone().into_active_model();
    change.title = Set("new".to_owned());
    change.update(&db).await?;
    for _ in 0..3 {
        assert_eq!(cache.get(changed.id).await?.title, "new");
        assert_eq!(cache.get(hot.id).await?.title, "hot");
    }

    match ask(redis.port(), &end.split(' ').collect::<Vec<_>>()) {
        // One before 7.0 loads to its end.
        Ok(Answer::Error(text)) if text.contains("during loading") => {}
        Ok(Answer::Error(text)) => panic!("{end}: {text}"),
        answer => drop(answer.expect("an answer")),
    }
    until(SOON, "delivery", || async {
        assert_eq!(cache.get(changed.id).await.expect("a row").title, "new");
        autocache.stats().backends[0].queued == 0
    })
    .await;
    until(SOON, "a hit", || async {
        assert_eq!(cache.get(changed.id).await.expect("a row").title, "new");
        cache.get(hot.id).await.expect("a row");
        cache.contains(changed.id).await.expect("an answer")
            && cache.contains(hot.id).await.expect("an answer")
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_full_server_serves_no_older_row() -> Result<(), DbErr> {
    let full = |port| drop(must(port, "CONFIG SET maxmemory 1"));
    let options = ["--maxmemory-policy", "noeviction"];
    holds_while_it_says("OOM", &options, full, "CONFIG SET maxmemory 0").await
}

/// As one that a failover has left behind. It still answers reads, with what it had.
#[tokio::test]
async fn a_demoted_server_serves_no_older_row() -> Result<(), DbErr> {
    let demoted = |port| drop(must(port, "REPLICAOF 127.0.0.1 1"));
    holds_while_it_says("READONLY", &[], demoted, "REPLICAOF NO ONE").await
}

/// What a write has been told counts for reads, too: they would be answered, with what it had.
#[tokio::test]
async fn a_demoted_server_is_not_read_from_until_it_is_promoted() -> Result<(), DbErr> {
    let redis = Redis::start(&[]);
    let (_world, autocache) = process_on(&redis).await;
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let (book, other) = (titled("Emma").insert(&db).await?, titled("Sanditon").insert(&db).await?);
    must(redis.port(), "REPLICAOF 127.0.0.1 1");
    let mut change = other.into_active_model();
    change.title = Set("Persuasion".to_owned());
    change.update(&db).await?;
    until(SOON, "an outage", || async { autocache.stats().backends[0].open }).await;
    let reads = calls(redis.port(), "get");
    for _ in 0..20 {
        assert_eq!(cache.get(book.id).await?, book);
    }
    assert_eq!(calls(redis.port(), "get"), reads);
    must(redis.port(), "REPLICAOF NO ONE");
    until(SOON, "a hit", || async {
        cache.get(book.id).await.expect("a row");
        cache.contains(book.id).await.expect("an answer")
    })
    .await;
    Ok(())
}

/// It answers no reads either.
#[tokio::test]
async fn a_replica_without_its_primary_serves_no_older_row() -> Result<(), DbErr> {
    // Of two errors that it could answer a write with, this is the other one.
    let options = ["--replica-serve-stale-data", "no", "--replica-read-only", "no"];
    let demoted = |port| drop(must(port, "REPLICAOF 127.0.0.1 1"));
    holds_while_it_says("MASTERDOWN", &options, demoted, "REPLICAOF NO ONE").await
}

#[tokio::test]
async fn a_server_that_cannot_save_serves_no_older_row() -> Result<(), DbErr> {
    let folder = std::env::temp_dir().join(format!("autocache-misconf-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.to_string_lossy().into_owned();
    let options = ["--dir", &path, "--save", "3600", "1000000"];
    let failed = |port| {
        fs::remove_dir_all(&folder).expect("it is empty");
        must(port, "BGSAVE");
    };
    holds_while_it_says("MISCONF", &options, failed, "CONFIG SET stop-writes-on-bgsave-error no").await
}

#[tokio::test]
async fn a_server_that_runs_a_long_script_serves_no_older_row() -> Result<(), DbErr> {
    let busy = |port| {
        // Answered when it is killed.
        thread::spawn(move || ask(port, &["EVAL", "while true do end", "0"]));
    };
    holds_while_it_says("BUSY", &["--lua-time-limit", "10"], busy, "SCRIPT KILL").await
}

#[tokio::test]
async fn a_server_that_loads_its_data_serves_no_older_row() -> Result<(), DbErr> {
    // It looks at its connections after so many bytes only.
    let options = ["--rdbcompression", "no", "--loading-process-events-interval-bytes", "1024"];
    let loads = |port| {
        // Each key takes a millisecond to load: more than the test needs.
        must(port, "CONFIG SET key-load-delay 1000");
        must(port, "DEBUG POPULATE 10000 other 1000");
        // Answered when all is loaded.
        thread::spawn(move || ask(port, &["DEBUG", "RELOAD"]));
    };
    holds_while_it_says("LOADING", &options, loads, "CONFIG SET key-load-delay 0").await
}

#[tokio::test]
async fn a_server_without_the_replicas_that_it_needs_serves_no_older_row() -> Result<(), DbErr> {
    let alone = |port| drop(must(port, "CONFIG SET min-replicas-to-write 1"));
    holds_while_it_says("NOREPLICAS", &[], alone, "CONFIG SET min-replicas-to-write 0").await
}

/// As by somebody who changes the ACL of a running program.
#[tokio::test]
async fn a_server_that_takes_rights_away_serves_no_older_row() -> Result<(), DbErr> {
    for (taken, given) in [("-set", "+set"), ("-evalsha -set", "+@all"), ("resetkeys", "~*")] {
        let begin = |port| drop(must(port, &format!("ACL SETUSER default {taken}")));
        holds_while_it_says("NOPERM", &[], begin, &format!("ACL SETUSER default {given}")).await?;
    }
    Ok(())
}
