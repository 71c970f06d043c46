use async_trait::async_trait;
use futures_util::future::join_all;
use sea_orm_autocache::store::{Command, Found, Inspected, Reply, Sweep};
use sea_orm_autocache::{Store, StoreError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A store whose keys might each live on a server of its own: the commands of one round trip are carried out at any
/// moments of it, in any order, among those of others.
#[derive(Debug)]
pub struct Scattered<S>(pub S);

/// Now, a little later, or up to two milliseconds later.
async fn some_time() {
    let random = RandomState::new().build_hasher().finish();
    match random % 4 {
        0 => {}
        1 | 2 => {
            for _ in 0..random / 4 % 8 {
                tokio::task::yield_now().await;
            }
        }
        _ => tokio::time::sleep(Duration::from_micros(random / 4 % 2_000)).await,
    }
}

impl<S: Store> Scattered<S> {
    async fn one(&self, command: Command) -> Reply {
        some_time().await;
        let reply = self.0.run(vec![command]).await.remove(0);
        some_time().await;
        reply
    }
}

#[async_trait]
impl<S: Store> Store for Scattered<S> {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        self.0.get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        let each = keys.iter().map(|key| async move {
            some_time().await;
            self.0.get(key).await
        });
        join_all(each).await.into_iter().collect()
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        join_all(commands.into_iter().map(|command| self.one(command))).await
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        self.0.clear(sweep).await
    }

    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        self.0.inspect(key).await
    }

    fn keeps_order(&self) -> bool {
        false
    }

    async fn reconnect(&self, away: Duration) -> bool {
        self.0.reconnect(away).await
    }

    fn stamp(&self, key: &str) -> Option<u32> {
        self.0.stamp(key)
    }
}
