//! What a task does: one random operation at a time.

use crate::entities::{Flat, Rows, born, pusher, slot, twin};
use crate::history::{Event, Kind, Outcome};
use crate::lists;
use crate::savepoints::Savepoint;
use crate::worker::{SLOTS, Worker};
use futures_util::TryStreamExt;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use sea_orm::{DbBackend, DbErr, IsolationLevel, Statement, StreamTrait, TransactionTrait};
use sea_orm_autocache::prelude::*;
use std::sync::Arc;
use std::time::Duration;

type Revs = Result<Vec<Option<Option<i64>>>, DbErr>;

pub async fn operate(worker: &Worker, rng: &mut StdRng) {
    if rng.random_ratio(2, 5) {
        return lists::operate(worker, rng).await;
    }
    let (table, id) = worker.some_row(rng);
    match rng.random_range(0..100) {
        0..8 if table == 's' => drop(read_one::<twin::Entity>(worker, rng, id).await),
        0..62 if table == 's' => drop(read_one::<slot::Entity>(worker, rng, id).await),
        0..62 => drop(read_one::<born::Entity>(worker, rng, id).await),
        62..70 => read_many(worker, rng).await,
        70..74 => read_in_transaction(worker, rng).await,
        74..77 if table == 's' => change::<twin::Entity>(worker, rng, id).await,
        77..79 if table == 's' => push(worker, rng, id).await,
        74..88 if table == 's' => change::<slot::Entity>(worker, rng, id).await,
        74..88 => change::<born::Entity>(worker, rng, id).await,
        88..91 => save_as_is(worker, rng).await,
        91..99 => transaction(worker, rng).await,
        _ => bear(worker, rng).await,
    }
}

/// What was found, as reads are noted: a row that is not whole has no revision.
fn rev_of<E: Rows>(found: Option<E::Model>) -> Option<Option<i64>> {
    found.map(|model| E::rev(&model))
}

pub async fn read_one<E: Rows>(worker: &Worker, rng: &mut StdRng, id: i64) -> Option<Option<i64>> {
    let reading = async { Ok(vec![rev_of::<E>(E::row(&worker.autocache, id).await?)]) };
    worker.read(rng, E::TABLE, &[id], reading).await?.pop()
}

fn some_slots(rng: &mut StdRng, most: usize) -> Vec<i64> {
    let count = rng.random_range(1..=most);
    (1..=SLOTS).choose_multiple(rng, count)
}

async fn read_many(worker: &Worker, rng: &mut StdRng) {
    let ids = some_slots(rng, 6);
    let reading = async {
        let found = slot::Entity::rows(&worker.autocache, &ids).await?;
        Ok(found.into_iter().map(rev_of::<slot::Entity>).collect())
    };
    worker.read(rng, 's', &ids, reading).await;
}

/// Reads of a transaction are as old as its beginning at most.
async fn read_in_transaction(worker: &Worker, rng: &mut StdRng) {
    let ids = some_slots(rng, 2);
    let repeatable = rng.random();
    let reading = async {
        let txn = begin(worker, repeatable).await?;
        let mut found = Vec::with_capacity(ids.len());
        for &id in &ids {
            found.push(rev_of::<slot::Entity>(slot::Entity::row_in(&worker.autocache, &txn, id).await?));
        }
        txn.rollback().await?;
        Revs::Ok(found)
    };
    worker.read(rng, 's', &ids, reading).await;
}

/// In a task of its own, which is never dropped: sqlx 0.9 gives a connection back to its pool with an open
/// transaction when a BEGIN on Postgres or MySQL is dropped midway, and what is then written through that
/// connection is never committed.
pub async fn begin(worker: &Worker, repeatable: bool) -> Result<CachedTransaction, DbErr> {
    let db = worker.autocache.connection();
    let repeatable = repeatable && worker.database.get_database_backend() != DbBackend::Sqlite;
    let level = repeatable.then_some(IsolationLevel::RepeatableRead);
    let begun = tokio::spawn(async move { db.begin_with_config(level, None).await });
    begun.await.unwrap_or_else(|error| Err(DbErr::Custom(error.to_string())))
}

/// An update, a delete or an insert by itself, whichever the row as it was read allows.
async fn change<E: Flat>(worker: &Worker, rng: &mut StdRng, id: i64) {
    let Some(found) = read_one::<E>(worker, rng, id).await else { return };
    let db = worker.autocache.connection();
    let rev = worker.fresh();
    match found {
        Some(_) if rng.random_ratio(1, 8) => {
            let writing = async {
                match E::delete_row(&db, id).await {
                    Ok(true) => Outcome::Committed,
                    Ok(false) => Outcome::Nothing,
                    Err(error) => outcome_of(&error),
                }
            };
            worker.write(rng, &[(Kind::Delete, E::TABLE, id, rev)], writing).await;
        }
        Some(_) => {
            let writing = async { settled(E::update_row(&db, id, rev).await) };
            worker.write(rng, &[(Kind::Save, E::TABLE, id, rev)], writing).await;
        }
        // Keys of the database's making are not made again.
        None if E::TABLE == 's' => {
            let writing = async { settled(E::insert_row(&db, Some(id), rev).await) };
            worker.write(rng, &[(Kind::Save, E::TABLE, id, rev)], writing).await;
        }
        None => {}
    }
}

/// A save whose hook changes another row.
async fn push(worker: &Worker, rng: &mut StdRng, id: i64) {
    let (db, rev, pushed) = (worker.autocache.connection(), worker.fresh(), worker.fresh());
    let push = pusher::Push { id: id % SLOTS + 1, rev: pushed, outcome: Arc::default() };
    let operation = worker.begins(&[(Kind::Save, 's', push.id, pushed)]);
    let outcome = push.outcome.clone();
    let writing = async { settled(pusher::PUSH.scope(push, pusher::Entity::update_row(&db, id, rev)).await) };
    worker.write(rng, &[(Kind::Save, 's', id, rev)], writing).await;
    worker.ends(operation, outcome.get().copied().unwrap_or(Outcome::Unknown));
}

pub fn settled<T>(result: Result<T, DbErr>) -> Outcome {
    match result {
        Ok(_) => Outcome::Committed,
        Err(error) => outcome_of(&error),
    }
}

/// Whether an error says that nothing was written.
pub fn outcome_of(error: &DbErr) -> Outcome {
    let refused = matches!(CacheErrorKind::of(error), Some(CacheErrorKind::NotWritten));
    if refused || matches!(error, DbErr::RecordNotUpdated) { Outcome::Nothing } else { Outcome::Unknown }
}

/// A row whose key the database makes. Others hear of it once it is there for sure.
async fn bear(worker: &Worker, rng: &mut StdRng) {
    let (db, rev) = (worker.autocache.connection(), worker.fresh());
    let writing = async {
        let inserted = born::Entity::insert_row(&db, None, rev).await;
        if let Ok(id) = inserted {
            worker.is_born(id);
        }
        settled(inserted)
    };
    worker.write(rng, &[(Kind::Save, 'b', 0, rev)], writing).await;
}

/// A save without changes, of a row that may have changed since it was read. Writes nothing, and must
/// publish nothing.
async fn save_as_is(worker: &Worker, rng: &mut StdRng) {
    let (id, in_transaction) = (rng.random_range(1..=SLOTS), rng.random::<bool>());
    let pause = Duration::from_micros(rng.random_range(0..3_000));
    let saving = Box::pin(async {
        if !in_transaction {
            let Some(model) = slot::Entity::row(&worker.autocache, id).await? else { return Ok(()) };
            tokio::time::sleep(pause).await;
            return slot::Entity::save_as_is(&worker.autocache.connection(), model).await;
        }
        let txn = begin(worker, true).await?;
        if let Some(model) = slot::Entity::row_in(&worker.autocache, &txn, id).await? {
            tokio::time::sleep(pause).await;
            slot::Entity::save_as_is(&txn, model).await?;
        }
        txn.commit().await
    });
    worker.write(rng, &[], async { settled(saving.await) }).await;
}

/// What a transaction does with one row.
struct Step {
    id: i64,
    rev: i64,
    kind: Kind,
    savepoint: Savepoint,
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    /// COMMIT after an error that was swallowed.
    CommitAfterError,
    /// COMMIT after a stream that has failed on the way, on PostgreSQL.
    CommitAfterStream,
}

async fn transaction(worker: &Worker, rng: &mut StdRng) {
    let mut ids = some_slots(rng, 4);
    // Out of order, now and then: the database ends the deadlock.
    if !rng.random_ratio(1, 10) {
        ids.sort_unstable();
    }
    let steps = ids.into_iter().map(|id| {
        let kind = if rng.random_ratio(1, 8) { Kind::SaveAndDelete } else { Kind::Save };
        Step { id, rev: worker.fresh(), kind, savepoint: Savepoint::random(rng) }
    });
    let steps: Vec<Step> = steps.collect();
    let end = match rng.random_range(0..10) {
        0..7 => End::Commit,
        7 => End::Rollback,
        8 => End::CommitAfterStream,
        _ => End::CommitAfterError,
    };
    let changes: Vec<_> = steps.iter().map(|step| (step.kind, 's', step.id, step.rev)).collect();
    worker.write(rng, &changes, run_transaction(worker, &steps, end)).await;
}

async fn run_transaction(worker: &Worker, steps: &[Step], end: End) -> Outcome {
    let Ok(txn) = begin(worker, false).await else { return Outcome::Nothing };
    for step in steps {
        if run_step(worker, &txn, step).await.is_err() {
            return if txn.rollback().await.is_ok() { Outcome::Nothing } else { Outcome::Unknown };
        }
    }
    match end {
        End::Commit => settled(txn.commit().await),
        End::Rollback => settled(txn.rollback().await.map(drop)).rolled_back(),
        End::CommitAfterStream => {
            let _ = (read_to_an_error(&txn).await, txn.commit().await);
            Outcome::Unknown
        }
        End::CommitAfterError => {
            let twice = slot::Entity::insert_row(&txn, Some(steps[0].id), worker.fresh()).await;
            let again = slot::Entity::insert_row(&txn, Some(steps[0].id), worker.fresh()).await;
            let _ = (twice, again, txn.commit().await);
            Outcome::Unknown
        }
    }
}

/// Streams rows; on PostgreSQL the second one is an error, which ends the transaction.
async fn read_to_an_error(txn: &CachedTransaction) -> Result<(), DbErr> {
    let backend = txn.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT 1 / (n - 2) FROM generate_series(1, 3) n",
        _ => "SELECT id FROM slot",
    };
    let mut rows = txn.stream_raw(Statement::from_string(backend, sql)).await?;
    while rows.try_next().await?.is_some() {}
    Ok(())
}

impl Outcome {
    pub fn rolled_back(self) -> Self {
        if self == Self::Committed { Self::Nothing } else { self }
    }
}

async fn run_step(worker: &Worker, txn: &CachedTransaction, step: &Step) -> Result<(), DbErr> {
    step.savepoint.save(worker, txn, step.id, None, step.rev).await?;
    if step.kind == Kind::SaveAndDelete {
        slot::Entity::delete_row(txn, step.id).await?;
    }
    let expected = if step.kind == Kind::SaveAndDelete { None } else { Some(step.rev) };
    let found = slot::Entity::row_in(&worker.autocache, txn, step.id).await?;
    if found.as_ref().map(|model| model.rev) != expected {
        let text = format!("a transaction does not see its own write of s{}: {found:?}", step.id);
        worker.note(&Event::Wrong(text));
    }
    Ok(())
}

/// An update, or an insert where there is no row.
pub async fn save(txn: &CachedTransaction, id: i64, rev: i64) -> Result<(), DbErr> {
    match slot::Entity::update_row(txn, id, rev).await {
        Err(DbErr::RecordNotUpdated) => slot::Entity::insert_row(txn, Some(id), rev).await.map(drop),
        other => other,
    }
}
