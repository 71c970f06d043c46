//! Entries that vanish: at any time, in every run. That is no fault, and nothing may come of it; but it makes
//! readers fill where they would have found what the last writer has published.

use crate::families::{CHILDREN, PARENTS};
use crate::support::proxy::Proxy;
use crate::support::resp::ask;
use crate::worker::SLOTS;
use fred::clients::Client;
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Never an intent, and no lease.
const DROP_ENTRY: &str = "local kind = redis.call('GETRANGE', KEYS[1], 0, 0) \
                          if kind == 'V' or kind == 'T' then redis.call('DEL', KEYS[1]) end return 0";
const RECONNECT_MS: u32 = 50;

/// Drops entries until it is dropped itself.
pub struct Vanishing {
    path: Option<Proxy>,
    task: Option<tokio::task::JoinHandle<()>>,
    /// Ends the thread that does it in a Cluster.
    is_over: Arc<AtomicBool>,
}

impl Vanishing {
    pub async fn start(redis_port: u16, seed: u64) -> Self {
        let path = Proxy::to(redis_port).await;
        let config = Config::from_url(&format!("redis://127.0.0.1:{}", path.port)).expect("a URL");
        let mut builder = Builder::from_config(config);
        builder.set_policy(ReconnectPolicy::new_constant(0, RECONNECT_MS));
        builder.with_performance_config(|performance| {
            performance.default_command_timeout = Duration::from_millis(200);
        });
        let client = builder.build().expect("a client");
        client.init().await.expect("a connection");
        let task = tokio::spawn(drop_entries(client, StdRng::seed_from_u64(seed)));
        Self { path: Some(path), task: Some(task), is_over: Arc::default() }
    }

    /// In a Cluster with nodes at these ports.
    pub fn of_cluster(ports: Vec<u16>, seed: u64) -> Self {
        let is_over: Arc<AtomicBool> = Arc::default();
        let (ends, mut rng) = (is_over.clone(), StdRng::seed_from_u64(seed));
        std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                let key = key(&mut rng);
                let port = ports[rng.random_range(0..ports.len())];
                // Most nodes do not hold the key, and some are away.
                let _ = ask(port, &["EVAL", DROP_ENTRY, "1", &key]);
                std::thread::sleep(Duration::from_micros(rng.random_range(500..3_000)));
            }
        });
        Self { path: None, task: None, is_over }
    }

    /// Another server has taken the place of this one.
    pub fn lead_to(&self, redis_port: u16) {
        if let Some(path) = &self.path {
            path.lead_to(redis_port);
            path.cut();
        }
    }
}

impl Drop for Vanishing {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.task.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// A key of the workers.
pub fn key(rng: &mut StdRng) -> String {
    match rng.random_range(0..10) {
        0..6 => format!("torture:child:{}", rng.random_range(1..=CHILDREN)),
        6 => format!("torture:child:@parent_id={}", rng.random_range(1..=PARENTS)),
        7 => format!("torture:child:@shadow={}", rng.random_range(1..=PARENTS)),
        _ => format!("torture:slot:{}", rng.random_range(1..=SLOTS)),
    }
}

async fn drop_entries(client: Client, mut rng: StdRng) {
    loop {
        let key = key(&mut rng);
        // The server may be away.
        let _ = client.eval::<(), _, _, _>(DROP_ENTRY, vec![key], Vec::<String>::new()).await;
        tokio::time::sleep(Duration::from_micros(rng.random_range(500..3_000))).await;
    }
}
