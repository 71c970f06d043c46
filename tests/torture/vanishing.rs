//! Entries that vanish: at any time, in every run. That is no fault, and nothing may come of it; but it makes
//! readers fill where they would have found what the last writer has published.

use crate::families::{CHILDREN, PARENTS};
use crate::support::proxy::Proxy;
use crate::worker::SLOTS;
use fred::clients::Client;
use fred::interfaces::{ClientLike, LuaInterface};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// Never an intent, and no lease.
const DROP_ENTRY: &str = "local kind = redis.call('GETRANGE', KEYS[1], 0, 0) \
                          if kind == 'V' or kind == 'T' then redis.call('DEL', KEYS[1]) end return 0";
const RECONNECT_MS: u32 = 50;

/// Drops entries until it is dropped itself.
pub struct Vanishing {
    path: Proxy,
    task: tokio::task::JoinHandle<()>,
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
        Self { path, task: tokio::spawn(drop_entries(client, StdRng::seed_from_u64(seed))) }
    }

    /// Another server has taken the place of this one.
    pub fn lead_to(&self, redis_port: u16) {
        self.path.lead_to(redis_port);
        self.path.cut();
    }
}

impl Drop for Vanishing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drop_entries(client: Client, mut rng: StdRng) {
    loop {
        let key = match rng.random_range(0..10) {
            0..6 => format!("torture:child:{}", rng.random_range(1..=CHILDREN)),
            6 => format!("torture:child:@parent_id={}", rng.random_range(1..=PARENTS)),
            7 => format!("torture:child:@shadow={}", rng.random_range(1..=PARENTS)),
            _ => format!("torture:slot:{}", rng.random_range(1..=SLOTS)),
        };
        // The server may be away.
        let _ = client.eval::<(), _, _, _>(DROP_ENTRY, vec![key], Vec::<String>::new()).await;
        tokio::time::sleep(Duration::from_micros(rng.random_range(500..3_000))).await;
    }
}
