//! A cache kept by hand, by the usual recipe: GET, else SELECT and SET; DEL after the write. Lists likewise:
//! DEL of the list that the row has left, and of the one that it has joined. The checker must catch both.

use crate::entities::{Flat, slot};
use crate::families::{self, CHILDREN, PARENTS, child};
use crate::history::{Kind, Outcome};
use crate::worker::{SLOTS, Worker};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Expiration;
use rand::Rng;
use rand::rngs::StdRng;
use sea_orm::{DbErr, EntityTrait};

const TTL_SECONDS: i64 = 3_600;

pub async fn connect(url: &str) -> Client {
    let config = fred::types::config::Config::from_url(url).expect("a URL");
    let client = fred::types::Builder::from_config(config).build().expect("a client");
    client.init().await.expect("a connection");
    client
}

pub async fn operate(worker: &Worker, redis: &Client, rng: &mut StdRng) {
    if rng.random() {
        return operate_on_lists(worker, redis, rng).await;
    }
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

async fn read(worker: &Worker, redis: &Client, id: i64) -> Result<Option<i64>, DbErr> {
    if let Ok(Some(rev)) = redis.get::<Option<i64>, _>(key(id)).await {
        return Ok(Some(rev));
    }
    let found = slot::Entity::find_by_id(id).one(&worker.database).await?;
    let rev = found.map(|model| model.rev);
    if let Some(rev) = rev {
        set(redis, key(id), rev.to_string()).await;
    }
    Ok(rev)
}

async fn set(redis: &Client, key: String, value: String) {
    let _ = redis.set::<(), _, _>(key, value, Some(Expiration::EX(TTL_SECONDS)), None, false).await;
}

async fn write(worker: &Worker, redis: &Client, id: i64, rev: i64) -> Outcome {
    let db = &worker.database;
    let saved = match slot::Entity::update_row(db, id, rev).await {
        Err(DbErr::RecordNotUpdated) => slot::Entity::insert_row(db, Some(id), rev).await.map(drop),
        other => other,
    };
    let deleted = redis.del::<(), _>(key(id)).await;
    if saved.is_ok() && deleted.is_ok() { Outcome::Committed } else { Outcome::Unknown }
}

async fn operate_on_lists(worker: &Worker, redis: &Client, rng: &mut StdRng) {
    let parent = rng.random_range(1..=PARENTS);
    if rng.random_ratio(7, 8) {
        let reading = async { Ok(vec![read_list(worker, redis, parent).await?]) };
        worker.read_lists(rng, false, &[parent], reading).await;
        return;
    }
    let (id, rev) = (rng.random_range(1..=CHILDREN), worker.fresh());
    worker.write(rng, &[(Kind::Save, 'c', id, rev)], move_child(worker, redis, id, parent, rev)).await;
}

pub fn list_key(parent: i64) -> String {
    format!("torture:children:{parent}")
}

/// The list as it is cached.
pub fn text_of(list: &[child::Model]) -> String {
    let child = |child: &child::Model| format!("{}={}", child.id, child.rev);
    format!("[{}]", list.iter().map(child).collect::<Vec<_>>().join(" "))
}

fn list_of(parent: i64, text: &str) -> Option<Vec<child::Model>> {
    let child = |word: &str| {
        let (id, rev) = word.split_once('=')?;
        let (id, rev) = (id.parse().ok()?, rev.parse().ok()?);
        Some(child::Model {
            id,
            parent_id: parent,
            rev,
            body: crate::entities::body_of(rev),
            shadow: Some(parent),
        })
    };
    text.trim_matches(['[', ']']).split_whitespace().map(child).collect()
}

async fn read_list(worker: &Worker, redis: &Client, parent: i64) -> Result<Vec<child::Model>, DbErr> {
    if let Ok(Some(text)) = redis.get::<Option<String>, _>(list_key(parent)).await
        && let Some(list) = list_of(parent, &text)
    {
        return Ok(list);
    }
    let mut list = families::stored(&worker.database, parent).await?;
    list.sort_unstable_by_key(|child| child.id);
    set(redis, list_key(parent), text_of(&list)).await;
    Ok(list)
}

async fn move_child(worker: &Worker, redis: &Client, id: i64, parent: i64, rev: i64) -> Outcome {
    let db = &worker.database;
    let Ok(before) = child::Entity::find_by_id(id).one(db).await else { return Outcome::Nothing };
    let saved = families::save(db, id, parent, rev).await;
    let left = before.map_or(parent, |child| child.parent_id);
    let deleted = redis.del::<(), _>(vec![list_key(parent), list_key(left)]).await;
    if saved.is_ok() && deleted.is_ok() { Outcome::Committed } else { Outcome::Unknown }
}
