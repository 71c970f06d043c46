//! The same events as in the simulation, at a small size, with real processes' parts: stores, flights, statements.

use super::books::{Books, FIRST, book};
use super::servers::Redis;
use crate::dice::Dice;
use crate::measured::Measured;
use crate::service::{Event, SEED};
use crate::tables::{REALITY, Reality};
use crate::zipf::Zipf;
use sea_orm_autocache::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub async fn measure(measured: &mut Measured) {
    let books = Books::with(100_000, 100).await;
    for case in REALITY {
        let selects = run(&books, &case).await;
        measured.set(format!("reality.{}", case.name), selects);
    }
}

/// The statements that were sent.
async fn run(books: &Books, case: &Reality) -> u64 {
    let service = case.service;
    let redis = Redis::start(&[]);
    let selects: Arc<AtomicU64> = Arc::default();
    let mut autocaches = Vec::new();
    for _ in 0..service.processes {
        let store = RedisStore::connect(&redis.url()).await.expect("a store");
        let mut db = books.connect().await;
        let count = selects.clone();
        db.set_metric_callback(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let builder = Autocache::builder(db).app("shop").ttl(Duration::from_secs_f64(service.ttl));
        let autocache = builder.backend("default", store).entity(book::Entity).build().expect("an Autocache");
        // Connections, and statements that are prepared.
        autocache.cache::<book::Entity>().find(1).await.expect("no row");
        autocaches.push(autocache);
    }
    selects.store(0, Ordering::Relaxed);
    let restart = if let Event::Restarted { seconds } = case.event {
        let (folder, port) = redis.stop();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            tokio::task::spawn_blocking(move || Redis::restart(folder, port)).await.expect("a server")
        })
    } else {
        tokio::spawn(async { redis })
    };
    drive(case, &autocaches).await;
    drop(restart.await.expect("a server"));
    selects.load(Ordering::Relaxed)
}

/// The reads of the simulation, at their times.
async fn drive(case: &Reality, autocaches: &[Autocache]) {
    let (service, mut dice) = (case.service, Dice::new(SEED));
    let law = Zipf::over(service.rows);
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut due = dice.pause(service.reads_per_s);
    while due < case.seconds as f64 {
        if begun.elapsed().as_secs_f64() < due {
            tokio::time::sleep(Duration::from_millis(1)).await;
            while tasks.try_join_next().is_some() {}
            continue;
        }
        let process = dice.below(service.processes) as usize;
        let id = FIRST + law.rank(&mut dice) as i64;
        let autocache = autocaches[process].clone();
        tasks.spawn(async move {
            autocache.cache::<book::Entity>().find(id).await.expect("an answer");
        });
        due += dice.pause(service.reads_per_s);
    }
    while tasks.join_next().await.is_some() {}
}
