//! What a task does with children and their lists: one random operation at a time.

use crate::entities::Rows;
use crate::families::{CHILDREN, FIRST_BORN, PARENTS, Way, child, insert, lists, update};
use crate::history::{Event, Kind, Outcome};
use crate::operations::{begin, outcome_of, read_one, settled};
use crate::savepoints::Savepoint;
use crate::worker::Worker;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;

const WAYS: [Way; 5] = [Way::By, Way::Related, Way::ManyBy, Way::Loader, Way::Generated];

pub async fn operate(worker: &Worker, rng: &mut StdRng) {
    match rng.random_range(0..100) {
        0..70 => read(worker, rng).await,
        70..75 => read_in_transaction(worker, rng).await,
        75..79 => {
            let id = some_child(worker, rng);
            let _ = read_one::<child::Entity>(worker, rng, id).await;
        }
        79..92 => change(worker, rng).await,
        92..98 => transaction(worker, rng).await,
        _ => bear(worker, rng).await,
    }
}

fn some_parents(rng: &mut StdRng) -> Vec<i64> {
    let count = if rng.random_ratio(2, 3) { 1 } else { rng.random_range(2..=PARENTS) };
    let count = usize::try_from(count).expect("few parents");
    (1..=PARENTS).choose_multiple(rng, count)
}

/// A child that there may be: mostly one with a chosen key.
fn some_child(worker: &Worker, rng: &mut StdRng) -> i64 {
    let born = if rng.random_ratio(1, 6) { worker.told_of_children().choose(rng).copied() } else { None };
    born.unwrap_or_else(|| rng.random_range(1..=CHILDREN))
}

async fn read(worker: &Worker, rng: &mut StdRng) {
    let parents = some_parents(rng);
    let way = *WAYS.choose(rng).expect("a way");
    let generated = way == Way::Generated;
    worker.read_lists(rng, generated, &parents, lists(&worker.autocache, way, &parents)).await;
}

/// Lists in a transaction that has written nothing are as old as its beginning at most.
async fn read_in_transaction(worker: &Worker, rng: &mut StdRng) {
    let parents = some_parents(rng);
    let repeatable = rng.random();
    let reading = async {
        let txn = begin(worker, repeatable).await?;
        let mut found = Vec::with_capacity(parents.len());
        for &parent in &parents {
            found.push(list_in(worker, &txn, parent).await?);
        }
        txn.rollback().await?;
        Ok(found)
    };
    worker.read_lists(rng, false, &parents, reading).await;
}

async fn list_in(worker: &Worker, txn: &CachedTransaction, parent: i64) -> Result<Vec<child::Model>, DbErr> {
    worker.autocache.cache::<child::Entity>().on(txn).list_by(child::Column::ParentId, parent).await
}

/// An insert, a change, a move or a delete by itself, whichever the row as it was read allows.
async fn change(worker: &Worker, rng: &mut StdRng) {
    let id = some_child(worker, rng);
    let Some(found) = read_one::<child::Entity>(worker, rng, id).await else { return };
    let (db, rev) = (worker.autocache.connection(), worker.fresh());
    let parent = rng.random_range(1..=PARENTS);
    let saves = [(Kind::Save, 'c', id, rev)];
    match found {
        Some(_) if rng.random_ratio(1, 5) => {
            let writing = async {
                match child::Entity::delete_row(&db, id).await {
                    Ok(true) => Outcome::Committed,
                    Ok(false) => Outcome::Nothing,
                    Err(error) => outcome_of(&error),
                }
            };
            worker.write(rng, &[(Kind::Delete, 'c', id, rev)], writing).await;
        }
        Some(_) => {
            let parent = if rng.random_ratio(2, 3) { Some(parent) } else { None };
            worker.write(rng, &saves, async { settled(update(&db, id, parent, rev).await) }).await;
        }
        // Keys of the database's making are not made again.
        None if id < FIRST_BORN => {
            worker.write(rng, &saves, async { settled(insert(&db, Some(id), parent, rev).await) }).await;
        }
        None => {}
    }
}

/// A child whose key the database makes. Others change it once it is there for sure.
async fn bear(worker: &Worker, rng: &mut StdRng) {
    let (db, rev, parent) = (worker.autocache.connection(), worker.fresh(), rng.random_range(1..=PARENTS));
    let in_transaction = rng.random_ratio(1, 3);
    let writing = async {
        let born = if in_transaction {
            let Ok(txn) = begin(worker, false).await else { return Outcome::Nothing };
            let born = insert(&txn, None, parent, rev).await;
            match txn.commit().await {
                Ok(()) => born,
                Err(error) => Err(error),
            }
        } else {
            insert(&db, None, parent, rev).await
        };
        if let Ok(id) = born {
            worker.tell_of_child(id);
        }
        settled(born)
    };
    worker.write(rng, &[(Kind::Save, 'c', 0, rev)], writing).await;
}

/// What a transaction does with one child.
struct Step {
    id: i64,
    parent: i64,
    rev: i64,
    kind: Kind,
    savepoint: Savepoint,
}

impl Step {
    fn new(worker: &Worker, rng: &mut StdRng, id: i64) -> Self {
        let kind = if rng.random_ratio(1, 6) { Kind::SaveAndDelete } else { Kind::Save };
        let savepoint = Savepoint::random(rng);
        Self { id, parent: rng.random_range(1..=PARENTS), rev: worker.fresh(), kind, savepoint }
    }
}

async fn transaction(worker: &Worker, rng: &mut StdRng) {
    let count = rng.random_range(1..=3);
    let mut ids = (1..=CHILDREN).choose_multiple(rng, count);
    ids.sort_unstable();
    let steps: Vec<Step> = ids.into_iter().map(|id| Step::new(worker, rng, id)).collect();
    let commits = rng.random_ratio(7, 9);
    let changes: Vec<_> = steps.iter().map(|step| (step.kind, 'c', step.id, step.rev)).collect();
    worker.write(rng, &changes, run_transaction(worker, &steps, commits)).await;
}

async fn run_transaction(worker: &Worker, steps: &[Step], commits: bool) -> Outcome {
    let Ok(txn) = begin(worker, false).await else { return Outcome::Nothing };
    for step in steps {
        if run_step(worker, &txn, step).await.is_err() {
            return if txn.rollback().await.is_ok() { Outcome::Nothing } else { Outcome::Unknown };
        }
    }
    if commits { settled(txn.commit().await) } else { settled(txn.rollback().await).rolled_back() }
}

async fn run_step(worker: &Worker, txn: &CachedTransaction, step: &Step) -> Result<(), DbErr> {
    let Step { id, parent, rev, .. } = *step;
    step.savepoint.save(worker, txn, id, Some(parent), rev).await?;
    if step.kind == Kind::SaveAndDelete {
        child::Entity::delete_row(txn, id).await?;
    }
    let seen = list_in(worker, txn, parent).await?.iter().any(|child| child.id == id && child.rev == rev);
    if seen == (step.kind == Kind::SaveAndDelete) {
        let text = format!("a transaction does not see its own write of c{id} in list {parent}");
        worker.note(&Event::Wrong(text));
    }
    Ok(())
}
