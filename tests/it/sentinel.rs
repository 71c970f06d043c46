//! Sentinels name the primary: who dies, is cut off, or comes back serves no older row.

use crate::cluster::shop::{Shop, retitled};
use crate::cluster::{SOON, database, process, warm};
use crate::entities::book;
use crate::laws::{cold_books, titled};
use crate::outage::until;
use crate::support::sentinel::Passwords;
use crate::support::{Load, Log, Sentinels};
use sea_orm::{ActiveModelTrait, DbErr};
use sea_orm_autocache::prelude::*;
use std::time::{Duration, Instant};

const BOOKS: i64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_costs_readers_no_error_and_serves_no_older_row() -> Result<(), DbErr> {
    for level in [Consistency::Strict, Consistency::Available] {
        let mut group = Sentinels::start(2);
        let shop = Shop::open(&group.url(), level, BOOKS).await?;
        let load = Load::begin(&shop.both, &shop.written);
        tokio::time::sleep(Duration::from_millis(300)).await;
        group.kill(0);
        let killed = Instant::now();
        group.wait_until_replaced(0);
        println!("{level:?}: the Sentinels took {:?}", killed.elapsed());
        shop.until_hits(&shop.kept, &[]).await;
        let tally = load.end().await;
        match level {
            Consistency::Strict => tally.assert_right(),
            // The replica may not have heard of the last writes.
            _ => tally.assert_served(),
        }
        assert!(level == Consistency::Strict || tally.refused().is_empty(), "a write was refused");
        for autocache in &shop.both {
            warm(autocache, &shop.written).await?;
        }
    }
    Ok(())
}

/// Stopped for longer than the Sentinels wait. When it goes on it takes itself for the primary, until they say otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_cut_off_serves_nothing_when_it_comes_back() -> Result<(), DbErr> {
    let group = Sentinels::start(2);
    let shop = Shop::open(&group.url(), Consistency::Strict, BOOKS).await?;
    let load = Load::begin(&shop.both, &shop.written);
    group.pause(0);
    let new = group.wait_until_replaced(0);
    shop.until_hits(&shop.kept, &[]).await;
    group.resume(0);
    let reads = |server: usize| crate::support::resp::calls(group.port(server), "get");
    let before = (reads(0), reads(new));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(reads(new) > before.1, "the new primary is asked");
    let late = reads(0) - before.0;
    assert!(late < 20, "the old primary is asked no more, but was {late} times");
    // One that begins now is told of the new one.
    let later = process(&shop.world, &group.url(), Consistency::Strict).await;
    warm(&later, &shop.kept).await?;
    load.end().await.assert_right();
    Ok(())
}

/// It has asked nothing while the primary was replaced. What it is connected to still takes itself for the primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_slept_through_a_failover_finds_the_new_primary() -> Result<(), DbErr> {
    let group = Sentinels::start(1);
    let shop = Shop::open(&group.url(), Consistency::Strict, BOOKS).await?;
    let [awake, asleep] = &shop.both;
    warm(asleep, &shop.written).await?;
    group.pause(0);
    let new = group.wait_until_replaced(0);
    warm(awake, &shop.kept).await?;
    let mut changed = Vec::new();
    for book in &shop.written {
        changed.push(retitled(awake, book, "while it slept").await?);
    }
    // For so long an answer of the old primary counts.
    tokio::time::sleep(Duration::from_secs(3)).await;
    group.resume(0);
    // It has time to ask the old primary who it is. Each row is read for the first time: a read of one that is not
    // trusted takes its entry away.
    let (cache, begun) = (asleep.cache::<book::Entity>(), Instant::now());
    for book in &changed {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(cache.get(book.id).await?, *book, "after {:?}", begun.elapsed());
    }
    let book = &changed[0];
    let reads = || crate::support::resp::calls(group.port(new), "get");
    until(SOON, "the new primary", || async {
        let before = reads();
        assert_eq!(cache.get(book.id).await.unwrap(), *book);
        reads() > before
    })
    .await;
    println!("and found the new primary after {:?}", begun.elapsed());
    Ok(())
}

/// It begins where it was, with nothing, and takes itself for the primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_started_again_is_not_taken_for_one() -> Result<(), DbErr> {
    let mut group = Sentinels::start(1);
    let shop = Shop::open(&group.url(), Consistency::Strict, BOOKS).await?;
    group.kill(0);
    let new = group.wait_until_replaced(0);
    shop.until_hits(&shop.kept, &[]).await;
    group.revive(0);
    let load = Load::begin(&shop.both, &shop.written);
    shop.until_hits(&shop.kept, &[]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(crate::support::resp::calls(group.port(0), "get"), 0, "it is {new} that is asked");
    load.end().await.assert_right();
    Ok(())
}

/// The run id is what it was in its first reign. What others wrote meanwhile is not in those entries.
#[tokio::test]
async fn entries_of_a_first_reign_are_misses_in_the_second_under_strict() -> Result<(), DbErr> {
    let group = Sentinels::start(1);
    let (world, url) = (database().await, group.url());
    world.create_table(book::Entity).await;
    let autocache = process(&world, &url, Consistency::Strict).await;
    let cache = autocache.cache::<book::Entity>();
    let book = titled("Emma").insert(&world.plain).await?;
    warm(&autocache, std::slice::from_ref(&book)).await?;
    let probe = titled("probe").insert(&world.plain).await?;
    for reign in 1..=2 {
        let primary = group.fail_over();
        assert_eq!(primary, reign % 2);
        until(SOON, "a hit", || async {
            cache.get(probe.id).await.unwrap();
            cache.contains(probe.id).await.unwrap()
        })
        .await;
        let is_there =
            crate::support::resp::ask(group.port(primary), &["GET", &cache.make_key(book.id).unwrap()]);
        assert!(!is_there.unwrap().text().is_empty(), "the replica has the entry");
        assert!(!cache.contains(book.id).await?, "reign {reign}: an entry of another reign");
    }
    assert_eq!(cache.get(book.id).await?, book);
    assert!(cache.contains(book.id).await?);
    let changed = retitled(&autocache, &book, "Persuasion").await?;
    assert_eq!(cache.get(book.id).await?, changed);
    Ok(())
}

#[tokio::test]
async fn a_name_that_the_sentinels_do_not_know_is_named() -> Result<(), DbErr> {
    let group = Sentinels::start(1);
    let log = Log::default();
    let guard = log.listen(tracing::Level::WARN);
    let connected = RedisStore::connect(&group.url_with("", "unheard-of")).await;
    drop(guard);
    let said =
        format!("{}{}", log.text(), connected.err().map(|error| error.to_string()).unwrap_or_default());
    assert!(said.contains("unheard-of"), "{said:?}");
    Ok(())
}

/// The Sentinels' password is one thing, the servers' another.
#[tokio::test]
async fn sentinels_with_passwords_are_asked_also_when_the_first_is_dead() -> Result<(), DbErr> {
    let passwords = Passwords { servers: "servants", sentinels: "watchmen" };
    let mut group = Sentinels::with(1, passwords);
    group.kill_sentinel(0);
    let world = database().await;
    let secrets = format!("{}&sentinelUsername=default&sentinelPassword=watchmen", group.name);
    let url = group.url_with("default:servants@", &secrets);
    let autocache = process(&world, &url, Consistency::Strict).await;
    let books = cold_books(&world, 1..=10).await?;
    warm(&autocache, &books).await?;

    let secrets = format!("{}&sentinelUsername=default&sentinelPassword=impostors", group.name);
    let log = Log::default();
    let guard = log.listen(tracing::Level::WARN);
    let connected = RedisStore::connect(&group.url_with("default:servants@", &secrets)).await;
    drop(guard);
    let said =
        format!("{}{}", log.text(), connected.err().map(|error| error.to_string()).unwrap_or_default());
    assert!(!said.is_empty(), "a wrong password is no secret");
    assert!(!said.contains("impostors") && !said.contains("servants"), "{said}");
    Ok(())
}
