//! A cache kept by hand, by the usual recipe: GET, else SELECT and SET; DEL after the write. The checker must
//! catch it.

use crate::entities::{Rows, slot};
use crate::history::{Kind, Outcome};
use crate::worker::{SLOTS, Worker};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Expiration;
use rand::Rng;
use rand::rngs::StdRng;
use sea_orm::EntityTrait;

const TTL_SECONDS: i64 = 3_600;

pub async fn connect(url: &str) -> Client {
    let config = fred::types::config::Config::from_url(url).expect("a URL");
    let client = fred::types::Builder::from_config(config).build().expect("a client");
    client.init().await.expect("a connection");
    client
}

pub async fn operate(worker: &Worker, redis: &Client, rng: &mut StdRng) {
    let id = rng.random_range(1..=SLOTS);
    if rng.random_ratio(7, 8) {
        let reading = async { Ok(vec![read(worker, redis, id).await?.map(Some)]) };
        worker.read(rng, 's', &[id], reading).await;
        return;
    }
    let rev = worker.fresh();
    worker.write(rng, &[(Kind::Save, 's', id, rev)], write(worker, redis, id, rev)).await;
}

fn key(id: i64) -> String {
    format!("torture:slot:{id}")
}

async fn read(worker: &Worker, redis: &Client, id: i64) -> Result<Option<i64>, sea_orm::DbErr> {
    if let Ok(Some(rev)) = redis.get::<Option<i64>, _>(key(id)).await {
        return Ok(Some(rev));
    }
    let found = slot::Entity::find_by_id(id).one(&worker.database).await?;
    let rev = found.map(|model| model.rev);
    if let Some(rev) = rev {
        let set = redis.set::<(), _, _>(key(id), rev, Some(Expiration::EX(TTL_SECONDS)), None, false);
        let _ = set.await;
    }
    Ok(rev)
}

async fn write(worker: &Worker, redis: &Client, id: i64, rev: i64) -> Outcome {
    let db = &worker.database;
    let saved = match slot::Entity::update_row(db, id, rev).await {
        Err(sea_orm::DbErr::RecordNotUpdated) => slot::Entity::insert_row(db, Some(id), rev).await.map(drop),
        other => other,
    };
    let deleted = redis.del::<(), _>(key(id)).await;
    if saved.is_ok() && deleted.is_ok() { Outcome::Committed } else { Outcome::Unknown }
}
