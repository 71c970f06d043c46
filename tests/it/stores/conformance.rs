//! The suite that every store passes: one law for each arrow of the protocol.

use super::{Shape, fresh_key, memory_store, redis_store, shape, slot, step, token, try_step};
use bytes::Bytes;
use sea_orm_autocache::Store;
use sea_orm_autocache::store::{Answer, Lifetime, Outcome, Step};
use sea_orm_autocache::store::{Command, Found, Sweep};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const LIFE: Lifetime = Lifetime::For(LONG);

fn lease(n: u128) -> Step<Bytes> {
    Step::Lease { token: token(n), ttl: LONG, unusable: None }
}
fn fill(n: u128, entry: &'static str) -> Step<Bytes> {
    Step::Fill { token: token(n), entry: entry.into(), lifetime: LIFE }
}
fn intent(n: u128) -> Step<Bytes> {
    Step::Intent { token: token(n), ttl: LONG, reissued: false }
}
fn publish(n: u128, entry: &'static str) -> Step<Bytes> {
    Step::Finish { token: token(n), outcome: Outcome::Publish(entry.into(), LIFE) }
}
fn delete(n: u128) -> Step<Bytes> {
    Step::Finish { token: token(n), outcome: Outcome::Delete }
}
fn release(n: u128) -> Step<Bytes> {
    Step::Release { token: token(n) }
}
fn insert(entry: &'static str) -> Step<Bytes> {
    Step::Insert { entry: entry.into(), lifetime: LIFE }
}

/// Runs the steps on a fresh key and compares every answer, and the slot at the end.
async fn law(store: &dyn Store, steps: Vec<(Step<Bytes>, Answer<Bytes>)>, end: Shape) {
    let key = fresh_key("law");
    for (index, (next, expected)) in steps.into_iter().enumerate() {
        let told = format!("step {index}, {next:?}");
        assert_eq!(step(store, &key, next).await, expected, "{told}");
    }
    assert_eq!(shape(slot(store, &key).await), end);
}

fn entry(text: &'static str) -> Shape {
    Shape::Entry(text.into())
}
fn writers(dirty: bool, tokens: &[u128]) -> Shape {
    Shape::Intent { dirty, tokens: tokens.iter().map(|&n| token(n)).collect() }
}
const HELD: Answer<Bytes> = Answer::Held { dirty: false };
const DIRTY: Answer<Bytes> = Answer::Held { dirty: true };

/// I1, I6.
async fn readers(store: &dyn Store) {
    law(store, vec![(lease(1), Answer::Granted), (fill(1, "Va"), Answer::Filled)], entry("Va")).await;
    law(store, vec![(lease(1), Answer::Granted), (lease(2), Answer::Busy)], Shape::Lease(token(1))).await;
    law(store, vec![(lease(1), Answer::Granted), (fill(2, "Va"), Answer::Refused)], Shape::Lease(token(1)))
        .await;
    law(store, vec![(fill(1, "Va"), Answer::Refused)], Shape::Empty).await;
    let unlease = |n| Step::Unlease { token: token(n) };
    law(store, vec![(lease(1), Answer::Granted), (unlease(1), Answer::Emptied)], Shape::Empty).await;
    law(store, vec![(lease(1), Answer::Granted), (unlease(2), Answer::Unchanged)], Shape::Lease(token(1)))
        .await;
    law(store, vec![(insert("Va"), Answer::Published), (lease(1), Answer::Found("Va".into()))], entry("Va"))
        .await;
    law(store, vec![(intent(1), HELD), (lease(2), Answer::Writing)], writers(false, &[1])).await;
}

/// I2, I3.
async fn writers_meet(store: &dyn Store) {
    let filled = |last| vec![(lease(1), Answer::Granted), (fill(1, "Va"), Answer::Filled), last];
    law(store, filled((intent(2), HELD)), writers(false, &[2])).await;
    law(
        store,
        vec![(lease(1), Answer::Granted), (intent(2), HELD), (fill(1, "Va"), Answer::Refused)],
        writers(false, &[2]),
    )
    .await;
    law(store, vec![(intent(1), HELD), (publish(1, "Vb"), Answer::Published)], entry("Vb")).await;
    law(store, vec![(intent(1), HELD), (delete(1), Answer::Emptied)], Shape::Empty).await;
    let both = |rest: Vec<(Step<Bytes>, Answer<Bytes>)>| {
        [vec![(intent(1), HELD), (intent(2), DIRTY)], rest].concat()
    };
    law(store, both(vec![]), writers(true, &[1, 2])).await;
    law(store, both(vec![(publish(1, "Va"), Answer::Shared)]), writers(true, &[2])).await;
    law(
        store,
        both(vec![(publish(1, "Va"), Answer::Shared), (publish(2, "Vb"), Answer::Emptied)]),
        Shape::Empty,
    )
    .await;
    let third =
        vec![(publish(1, "Va"), Answer::Shared), (intent(3), DIRTY), (publish(2, "Vb"), Answer::Shared)];
    law(store, both([third, vec![(publish(3, "Vc"), Answer::Emptied)]].concat()), Shape::Empty).await;
    let again = Step::Intent { token: token(1), ttl: LONG, reissued: true };
    law(store, vec![(intent(1), HELD), (again.clone(), HELD)], writers(false, &[1])).await;
    law(store, vec![(again, DIRTY), (publish(1, "Va"), Answer::Emptied)], Shape::Empty).await;
}

/// I4, I7.
async fn tokens_get_lost(store: &dyn Store) {
    law(store, vec![(publish(1, "Va"), Answer::Lost)], Shape::Empty).await;
    law(store, vec![(insert("Va"), Answer::Published), (publish(1, "Vb"), Answer::Lost)], Shape::Empty).await;
    law(
        store,
        vec![(lease(1), Answer::Granted), (delete(2), Answer::Lost), (fill(1, "Va"), Answer::Refused)],
        Shape::Empty,
    )
    .await;
    let blocked =
        vec![(intent(1), HELD), (publish(2, "Va"), Answer::Lost), (publish(1, "Vb"), Answer::Emptied)];
    law(store, blocked, Shape::Empty).await;
    law(store, vec![(intent(1), HELD), (release(1), Answer::Emptied)], Shape::Empty).await;
    law(
        store,
        vec![(intent(1), HELD), (intent(2), DIRTY), (release(1), Answer::Shared)],
        writers(true, &[2]),
    )
    .await;
    law(store, vec![(intent(1), HELD), (release(2), Answer::Unchanged)], writers(false, &[1])).await;
    law(store, vec![(insert("Va"), Answer::Published), (release(1), Answer::Unchanged)], entry("Va")).await;
}

async fn strangers(store: &dyn Store) {
    law(store, vec![(Step::Invalidate, Answer::Unchanged)], Shape::Empty).await;
    law(store, vec![(insert("Va"), Answer::Published), (Step::Invalidate, Answer::Emptied)], Shape::Empty)
        .await;
    law(
        store,
        vec![
            (lease(1), Answer::Granted),
            (Step::Invalidate, Answer::Emptied),
            (fill(1, "Va"), Answer::Refused),
        ],
        Shape::Empty,
    )
    .await;
    let during =
        vec![(intent(1), HELD), (Step::Invalidate, Answer::Shared), (publish(1, "Va"), Answer::Emptied)];
    law(store, during, Shape::Empty).await;
    law(store, vec![(insert("Va"), Answer::Published), (insert("Vb"), Answer::Emptied)], Shape::Empty).await;
    law(store, vec![(intent(1), HELD), (insert("Va"), Answer::Shared)], writers(true, &[1])).await;
    let over = |bytes: &'static str| Step::Lease { token: token(1), ttl: LONG, unusable: Some(bytes.into()) };
    law(
        store,
        vec![(insert("junk"), Answer::Published), (over("junk"), Answer::Granted)],
        Shape::Lease(token(1)),
    )
    .await;
    law(
        store,
        vec![(insert("Va"), Answer::Published), (over("junk"), Answer::Found("Va".into()))],
        entry("Va"),
    )
    .await;
}

/// I5, and the expiry of everything.
async fn time_passes(store: &dyn Store) {
    let short = Duration::from_millis(40);
    let key = fresh_key("time");
    step(store, &key, Step::Intent { token: token(1), ttl: short, reissued: false }).await;
    step(store, &key, intent(2)).await;
    let lapsing = fresh_key("time");
    step(store, &lapsing, Step::Intent { token: token(1), ttl: short, reissued: false }).await;
    let leased = fresh_key("time");
    step(store, &leased, Step::Lease { token: token(1), ttl: short, unusable: None }).await;
    let stored = fresh_key("time");
    step(store, &stored, Step::Insert { entry: "Va".into(), lifetime: Lifetime::For(short) }).await;
    let kept = fresh_key("time");
    step(store, &kept, Step::Insert { entry: "Va".into(), lifetime: Lifetime::Forever }).await;
    tokio::time::sleep(short * 2).await;
    for gone in [&lapsing, &leased, &stored] {
        assert_eq!(slot(store, gone).await, sea_orm_autocache::store::Slot::Empty);
    }
    assert_eq!(shape(slot(store, &kept).await), entry("Va"));
    // The first writer is dead: the second one empties the key, and does not wait for it.
    assert_eq!(step(store, &key, publish(2, "Vb")).await, Answer::Emptied);
}

async fn batches(store: &dyn Store) {
    let keys: Vec<String> = (0..5).map(|_| fresh_key("batch")).collect();
    let command = |(n, key): (usize, &String)| Command::new(key.clone(), lease(n as u128));
    let replies = store.run(keys.iter().enumerate().map(command).collect()).await;
    assert!(replies.iter().all(|reply| *reply == Ok(Answer::Granted)) && replies.len() == 5);
    assert_eq!(try_step(store, &keys[3], fill(3, "Vx")).await, Ok(Answer::Filled));
    let found = store.get_many(&keys).await.unwrap();
    let is_entry =
        |found: &Found| matches!(found, Found::Bytes(b) if b == "Vx") || matches!(found, Found::Memory(_));
    assert_eq!(found.iter().map(is_entry).collect::<Vec<_>>(), [false, false, false, true, false]);
    assert!(store.get_many(&[]).await.unwrap().is_empty() && store.run(vec![]).await.is_empty());
}

async fn sweeps(store: &dyn Store) {
    let base = fresh_key("sweep[*]");
    let (mine, theirs) = (format!("{base}:a"), format!("{base}x:a"));
    step(store, &mine, insert("Va")).await;
    step(store, &theirs, insert("Va")).await;
    let leased = format!("{base}:b");
    step(store, &leased, lease(1)).await;
    let prefix = format!("{base}:");
    assert_eq!(store.clear(&Sweep::of_prefix(prefix)).await, Ok(2));
    assert_eq!(shape(slot(store, &mine).await), Shape::Empty);
    assert_eq!(step(store, &leased, fill(1, "Va")).await, Answer::Refused);
    assert_eq!(shape(slot(store, &theirs).await), entry("Va"));
}

async fn suite(store: &dyn Store) {
    readers(store).await;
    writers_meet(store).await;
    tokens_get_lost(store).await;
    strangers(store).await;
    time_passes(store).await;
    batches(store).await;
    sweeps(store).await;
}

#[tokio::test]
async fn the_memory_store_conforms() {
    suite(&memory_store()).await;
}

#[tokio::test]
async fn the_redis_store_conforms() {
    suite(&redis_store().await).await;
}

#[tokio::test]
async fn the_redis_store_with_a_prefix_and_many_connections_conforms() {
    let url = crate::support::shared_redis().url();
    let store = sea_orm_autocache::RedisStore::builder(&url).key_prefix("my:").connections(3).connect().await;
    suite(&store.unwrap()).await;
}

#[tokio::test]
async fn a_store_on_a_client_or_a_pool_of_the_users_conforms() {
    use fred::interfaces::ClientLike;
    let url = crate::support::shared_redis().url();
    let builder = || {
        let config = fred::types::config::Config::from_url(&url).unwrap();
        let mut builder = fred::types::Builder::from_config(config);
        builder.set_policy(fred::types::config::ReconnectPolicy::new_constant(0, 5));
        builder
    };
    let client = builder().build().unwrap();
    client.init().await.unwrap();
    let store = sea_orm_autocache::RedisStore::on_client(client).key_prefix("client:").connect().await;
    suite(&store.unwrap()).await;
    let pool = builder().build_pool(3).unwrap();
    pool.init().await.unwrap();
    let store = sea_orm_autocache::RedisStore::on_pool(&pool).key_prefix("pool:").connect().await;
    suite(&store.unwrap()).await;
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let redis = crate::support::Redis::start(&[]);
    let store = sea_orm_autocache::RedisStore::connect(&redis.url()).await.unwrap();
    let client = crate::support::world::redis_client(&redis.url()).await;
    let forget = fred::types::CustomCommand::new_static("SCRIPT", fred::types::ClusterHash::FirstKey, false);
    let _: () = fred::interfaces::ClientLike::custom(&client, forget, vec!["FLUSH"]).await.unwrap();
    let keys: Vec<String> = (0..3).map(|_| fresh_key("forgotten")).collect();
    let commands = keys.iter().map(|key| Command::new(key.clone(), intent(1))).collect();
    assert_eq!(store.run(commands).await, vec![Ok(HELD), Ok(HELD), Ok(HELD)]);
}

#[tokio::test]
async fn a_memory_store_stays_within_its_bounds_and_keeps_its_markers() {
    let store = sea_orm_autocache::MemoryStore::new(100);
    let marked: Vec<String> = (0..500).map(|_| fresh_key("marked")).collect();
    for key in &marked {
        step(&store, key, intent(1)).await;
    }
    for _ in 0..1_000 {
        step(&store, &fresh_key("value"), insert("Va")).await;
    }
    assert!(store.entry_count() <= 100, "{} entries", store.entry_count());
    for key in &marked {
        assert_eq!(shape(slot(&store, key).await), writers(false, &[1]));
    }
    let by_bytes = sea_orm_autocache::MemoryStore::with_max_bytes(10_000);
    for _ in 0..1_000 {
        step(&by_bytes, &fresh_key("value"), insert("Va")).await;
    }
    assert!((1..=60).contains(&by_bytes.entry_count()), "{} entries", by_bytes.entry_count());
}
