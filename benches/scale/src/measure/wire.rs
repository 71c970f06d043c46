//! Bytes, commands and processor time of the server for each call.

use super::Server;
use super::books::{Books, FIRST, book};
use crate::measured::Measured;
use sea_orm::{ActiveModelTrait, ActiveValue, Set};
use sea_orm_autocache::prelude::*;
use std::time::Duration;

const ROWS: i64 = 20_000;
const PROCESSES: usize = 16;
const PAGE: i64 = 100;
/// The rows that are read again and again.
const WARM: i64 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    bytes_in: f64,
    bytes_out: f64,
    commands: f64,
    cpu_us: f64,
}

fn counts(server: &mut Server) -> Counts {
    let info = server.info();
    let number = |name: &str| info.get(name).and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
    Counts {
        bytes_in: number("total_net_input_bytes"),
        bytes_out: number("total_net_output_bytes"),
        commands: number("total_commands_processed"),
        cpu_us: (number("used_cpu_user") + number("used_cpu_sys")) * 1e6,
    }
}

/// What one of `calls` calls takes.
async fn each(server: &mut Server, calls: i64, act: impl Future<Output = ()>) -> Counts {
    let own = counts(server);
    let before = counts(server);
    act.await;
    let after = counts(server);
    let each = |of: fn(&Counts) -> f64| (of(&after) - 2.0 * of(&before) + of(&own)) / calls as f64;
    Counts {
        bytes_in: each(|counts| counts.bytes_in),
        bytes_out: each(|counts| counts.bytes_out),
        commands: each(|counts| counts.commands),
        cpu_us: each(|counts| counts.cpu_us),
    }
}

/// So many tasks in each of these processes call, one call after the other, each with numbers of its own.
async fn all<F: Future<Output = ()> + Send>(
    autocaches: &[Autocache],
    tasks: i64,
    calls: i64,
    act: impl Fn(Autocache, i64) -> F + Copy + Send + 'static,
) {
    let mut running = tokio::task::JoinSet::new();
    for (process, autocache) in (0..).zip(autocaches) {
        for task in 0..tasks {
            let (autocache, first) = (autocache.clone(), (process * tasks + task) * calls);
            running.spawn(async move {
                for call in first..first + calls {
                    act(autocache.clone(), call).await;
                }
            });
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a task");
    }
}

async fn find(autocache: Autocache, call: i64) {
    autocache.cache::<book::Entity>().find(FIRST + call).await.expect("a row");
}

async fn find_warm(autocache: Autocache, call: i64) {
    find(autocache, call * 37 % WARM).await;
}

async fn find_page(autocache: Autocache, call: i64) {
    let first = FIRST + call % (WARM / PAGE) * PAGE;
    autocache.cache::<book::Entity>().get_many(first..first + PAGE).await.expect("rows");
}

async fn save(autocache: Autocache, call: i64) {
    let (id, version) = (ActiveValue::Unchanged(FIRST + call), Set(call + 1));
    let change = book::ActiveModel { id, version, ..Default::default() };
    change.update(&autocache.connection()).await.expect("a save");
}

/// Many processes, each with few tasks, so that the server is as busy as it is at scale, and hardly sleeps. Reads of
/// four tasks are sent one by one; those of sixty-four in one process, in batches.
pub async fn measure(measured: &mut Measured) {
    for bytes in [100, 1_000] {
        let books = Books::with(ROWS, bytes).await;
        let mut server = Server::start();
        let mut processes = Vec::new();
        for _ in 0..PROCESSES {
            let autocache = books.autocache(&server.redis.url(), Duration::from_secs(3_600)).await;
            // The first call makes connections and scripts ready.
            find(autocache.clone(), ROWS - 1).await;
            processes.push(autocache);
        }
        let (one, few) = (&processes[..1], &processes);
        let mut keep = |call: &str, found: Counts| {
            let name = format!("wire.{call}.{bytes}");
            measured.set(format!("{name}.in"), format!("{:.0}", found.bytes_in));
            measured.set(format!("{name}.out"), format!("{:.0}", found.bytes_out));
            measured.set(format!("{name}.commands"), format!("{:.2}", found.commands));
            measured.set(format!("{name}.cpu_us"), format!("{:.1}", found.cpu_us));
        };
        keep("miss", each(&mut server, 64 * 200, all(few, 4, 200, find)).await);
        keep("hit_alone", each(&mut server, 64 * 2_000, all(few, 4, 2_000, find_warm)).await);
        keep("hit_in_crowd", each(&mut server, 64 * 4_000, all(one, 64, 4_000, find_warm)).await);
        keep("page_100", each(&mut server, 64 * 40, all(few, 4, 40, find_page)).await);
        keep("save", each(&mut server, 16 * 200, all(few, 1, 200, save)).await);
    }
}
