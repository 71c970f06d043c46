//! The same events as in the simulation, at a small size, with real processes' parts: stores, flights, statements.

use super::books::{Books, FIRST, book};
use super::cluster;
use super::servers::Redis;
use crate::dice::Dice;
use crate::event::Event;
use crate::measured::Measured;
use crate::service::SEED;
use crate::tables::{REALITY, Reality};
use crate::zipf::Zipf;
use sea_orm_autocache::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub async fn measure(measured: &mut Measured) {
    let books = Books::with(100_000, 100).await;
    for case in REALITY {
        let selects = if case.event.is_of_cluster() {
            let (selects, seconds) = cluster::run(&books, &case).await;
            measured.set(format!("reality.{}.seconds", case.name), format!("{seconds:.2}"));
            selects
        } else {
            run(&books, &case).await
        };
        measured.set(format!("reality.{}", case.name), selects);
    }
}

/// What the processes have, and how many statements they have sent.
pub async fn processes(
    books: &Books,
    case: &Reality,
    url: &str,
    level: Consistency,
) -> (Vec<Autocache>, Arc<AtomicU64>) {
    let selects: Arc<AtomicU64> = Arc::default();
    let mut autocaches = Vec::new();
    for _ in 0..case.service.processes {
        let store = RedisStore::connect(url).await.expect("a store");
        let mut db = books.connect().await;
        let count = selects.clone();
        db.set_metric_callback(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let ttl = Duration::from_secs_f64(case.service.ttl);
        let builder = Autocache::builder(db).app("shop").ttl(ttl).consistency(level);
        let autocache = builder.backend("default", store).entity(book::Entity).build().expect("an Autocache");
        // Connections, and statements that are prepared.
        autocache.cache::<book::Entity>().find(1).await.expect("no row");
        autocaches.push(autocache);
    }
    (autocaches, selects)
}

/// The statements that were sent.
async fn run(books: &Books, case: &Reality) -> u64 {
    let redis = Redis::start(&[]);
    let (autocaches, selects) = processes(books, case, &redis.url(), Consistency::Available).await;
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
    drive(case, &autocaches, |rank| FIRST + rank as i64).await;
    drop(restart.await.expect("a server"));
    selects.load(Ordering::Relaxed)
}

/// The reads of the simulation, at their times. `id` is that of the row of a rank.
pub async fn drive(case: &Reality, autocaches: &[Autocache], id: impl Fn(u64) -> i64) {
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
        let id = id(law.rank(&mut dice));
        let autocache = autocaches[process].clone();
        tasks.spawn(async move {
            autocache.cache::<book::Entity>().find(id).await.expect("an answer");
        });
        due += dice.pause(service.reads_per_s);
    }
    while tasks.join_next().await.is_some() {}
}
