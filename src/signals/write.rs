//! A write of one row, from its announcement to its end, on whatever connection it runs.

use super::pending::{Note, NoteKind};
use crate::autocache::{Autocache, Consistency, Region};
use crate::coherence::{Answer, Outcome, Step, Token};
use crate::connection::{Origin, RowChange, UnitOfWork, origin_of};
use crate::entity::CachedEntity;
use crate::error::CacheError;
use crate::store::{Command, StoreError};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::sea_query::{FromValueTuple, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, ModelTrait, PrimaryKeyTrait};
use std::any::TypeId;
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// An insert that took longer does not publish its row: somebody may have changed it meanwhile.
const BIRTH_WINDOW: Duration = Duration::from_secs(1);

/// What is known of a write before it happens.
pub(super) struct Write {
    /// `None`: the database makes the key.
    pk: Option<ValueTuple>,
    insert: bool,
    publish: bool,
    happens: bool,
}

/// What a write has left in the database.
pub(super) enum Row<'m, M> {
    Saved { model: &'m M, insert: bool },
    Deleted,
}

impl Write {
    pub(super) fn of(pk: Option<ValueTuple>, insert: bool) -> Self {
        Self { pk, insert, publish: true, happens: true }
    }

    pub(super) fn unpublished(self) -> Self {
        Self { publish: false, ..self }
    }

    pub(super) fn no_write(self) -> Self {
        Self { happens: false, ..self }
    }
}

impl<'m, M> Row<'m, M> {
    fn model(&self) -> Option<&'m M> {
        match self {
            Self::Saved { model, .. } => Some(model),
            Self::Deleted => None,
        }
    }
}

/// What follows from the connection: whose cache, and when the write becomes visible.
enum Route {
    /// The statement commits by itself.
    Autocommit(Autocache),
    /// As `Autocommit`, on a connection that is not ours: we shall not see the statement.
    Plain(Autocache),
    /// Visible when the unit of work commits.
    Work(Arc<UnitOfWork>),
    /// Visible at a moment nobody tells.
    Unseen(Autocache),
}

fn route<E: CachedEntity, C: ConnectionTrait>(db: &C) -> Option<Route> {
    let route = match origin_of(db) {
        Origin::Cached(autocache) => Some(Route::Autocommit(autocache)),
        Origin::Work(work) => Some(Route::Work(work)),
        Origin::Plain => Autocache::current().map(Route::Plain),
        Origin::Unseen => Autocache::current().map(Route::Unseen),
    };
    if route.is_none() {
        warn_once::<E>(
            "an entity was written through a plain connection outside of any Autocache; its cache, if \
             there is one, was not told. Write through `autocache.connection()`",
        );
    }
    route
}

/// Before the statement.
pub(super) fn begin<'c, E, C>(
    db: &'c C,
    write: Write,
) -> impl Future<Output = Result<(), DbErr>> + Send + use<'c, E, C>
where
    E: CachedEntity,
    C: ConnectionTrait,
{
    // Asked outside of the future: the answer comes through a slot of this thread.
    let route = route::<E, C>(db);
    async move {
        let Some(route) = route else { return Ok(()) };
        let region = route.autocache().region::<E>()?;
        if region.is_off() {
            return Ok(());
        }
        let pk = match write.pk {
            // The database may take another spelling for this key: only it knows the row's own.
            Some(pk) if !region.exact_keys && !write.insert => Some(stored_pk::<E, C>(db, pk).await?),
            pk => pk,
        };
        let Some(key) = pk.as_ref().and_then(|pk| region.key(pk)) else {
            if write.insert {
                let note = Note::new(NoteKind::Birth, region.settings.hold);
                region.pending.push("", Note { stated: !route.is_ours(), ..note });
            }
            return Ok(());
        };
        if !write.happens {
            region.pending.push(&key, Note::new(NoteKind::NoWrite, region.settings.hold));
            return Ok(());
        }
        match route {
            Route::Autocommit(_) | Route::Plain(_) => {
                let hold = region.settings.hold;
                announce(&region, key, hold, write.publish, !route.is_ours()).await
            }
            Route::Unseen(_) => announce(&region, key, region.settings.transaction_hold, false, true).await,
            Route::Work(work) => {
                // From here on the key is touched, whether an `after_*` hook comes or not.
                work.record(&region, &key, RowChange::Unknown);
                let kind = NoteKind::InTransaction { publish: write.publish };
                region.pending.push(&key, Note::new(kind, Duration::MAX));
                Ok(())
            }
        }
    }
}

/// The primary key as the row has it; as given if there is no such row.
async fn stored_pk<E: CachedEntity, C: ConnectionTrait>(db: &C, pk: ValueTuple) -> Result<ValueTuple, DbErr> {
    let given = <E::PrimaryKey as PrimaryKeyTrait>::ValueType::from_value_tuple(pk.clone());
    let row = E::find_by_id(given).one(db).await?;
    Ok(row.map_or(pk, |row| row.get_primary_key_value()))
}

/// After the statement.
pub(super) async fn end<E, C>(db: &C, pk: ValueTuple, row: Row<'_, E::Model>) -> Result<(), DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait,
{
    let Some(route) = route::<E, C>(db) else { return Ok(()) };
    let region = route.autocache().region::<E>()?;
    if region.is_off() {
        return Ok(());
    }
    let Some(key) = region.key(&pk) else { return Ok(()) };
    let mut note = region.pending.pop(&key);
    if note.is_none() && matches!(row, Row::Saved { insert: true, .. }) {
        note = region.pending.pop("");
    }
    let updated = matches!(row, Row::Saved { insert: false, .. });
    if updated && matches!(note, Some(Note { kind: NoteKind::NoWrite, .. })) {
        return Ok(());
    }
    match route {
        Route::Autocommit(_) | Route::Plain(_) => conclude::<E>(&region, key, note, &pk, &row).await,
        Route::Unseen(_) => hold_back::<E>(&region, key, note).await,
        Route::Work(work) => {
            // Without a note nobody knows whether this row was written at all, or read from a snapshot.
            let publish = note.is_some_and(|note| {
                matches!(note.kind, NoteKind::InTransaction { publish: true } | NoteKind::Birth)
            });
            let entry = if publish { region.encode::<E>(&pk, row.model(), Token::random()) } else { None };
            let change =
                entry.map_or(RowChange::Unknown, |(bytes, lifetime)| RowChange::Known(bytes, lifetime));
            work.record(&region, &key, change);
            Ok(())
        }
    }
}

impl Route {
    /// Whether the statement will come by one of our connections.
    fn is_ours(&self) -> bool {
        matches!(self, Self::Autocommit(_) | Self::Work(_))
    }

    fn autocache(&self) -> &Autocache {
        match self {
            Self::Autocommit(autocache) | Self::Plain(autocache) | Self::Unseen(autocache) => autocache,
            Self::Work(work) => work.autocache(),
        }
    }
}

/// Places the intent. An acknowledgement that took a quarter of the hold is not one: too little of
/// it may be left for the statement.
async fn announce(
    region: &Region,
    key: String,
    hold: Duration,
    publish: bool,
    stated: bool,
) -> Result<(), DbErr> {
    let token = Token::random();
    let stamp = region.backend.stamp();
    let note = Note::new(NoteKind::Announced { token, held: false, stamp, publish }, hold);
    let mut reply = intent(region, &key, token, hold, false).await;
    if reply.is_ok() && note.begun.elapsed() > hold / 4 {
        reply = intent(region, &key, token, hold, true).await;
    }
    let held = match reply {
        Ok(()) => true,
        Err(error) if region.settings.consistency == Consistency::Strict => {
            return Err(CacheError::NotAnnounced(error).into());
        }
        Err(_) => {
            // Should this future be dropped after the statement, nobody would tell the cache.
            region.backend.owe(&key, token, hold, region.sweep());
            false
        }
    };
    region
        .pending
        .push(&key, Note { kind: NoteKind::Announced { token, held, stamp, publish }, stated, ..note });
    Ok(())
}

async fn intent(
    region: &Region,
    key: &str,
    token: Token,
    hold: Duration,
    reissued: bool,
) -> Result<(), StoreError> {
    step(region, key.to_owned(), Step::Intent { token, hold, reissued }).await.map(drop)
}

/// The statement has committed.
async fn conclude<E: CachedEntity>(
    region: &Region,
    key: String,
    note: Option<Note>,
    pk: &ValueTuple,
    row: &Row<'_, E::Model>,
) -> Result<(), DbErr> {
    let done = Instant::now();
    let token = match note.map(|note| note.kind) {
        Some(NoteKind::Announced { token, .. }) => token,
        _ => Token::random(),
    };
    let last = last_step::<E>(region, note, pk, row, done);
    match step(region, key.clone(), last).await {
        Ok(answer) => {
            region.backend.settle(&key, token);
            region.count_end(&answer);
            Ok(())
        }
        Err(error) => {
            region.backend.owe(&key, token, Duration::ZERO, region.sweep());
            unconfirmed(region, note, done, error)
        }
    }
}

fn last_step<E: CachedEntity>(
    region: &Region,
    note: Option<Note>,
    pk: &ValueTuple,
    row: &Row<'_, E::Model>,
    done: Instant,
) -> Step<Bytes> {
    match note.map(|note| note.kind) {
        Some(NoteKind::Announced { token, held, publish, .. }) => {
            let entry = if held && publish { region.encode::<E>(pk, row.model(), token) } else { None };
            let outcome = entry.map_or(Outcome::Delete, |(bytes, life)| Outcome::Publish(bytes, life));
            Step::Finish { token, outcome }
        }
        Some(NoteKind::Birth) if may_publish_birth(region, note, done) => {
            let entry = region.encode::<E>(pk, row.model(), Token::random());
            entry.map_or(Step::Invalidate, |(entry, lifetime)| Step::Insert { entry, lifetime })
        }
        _ => Step::Invalidate,
    }
}

fn may_publish_birth(region: &Region, note: Option<Note>, done: Instant) -> bool {
    region.settings.consistency == Consistency::Available
        && note.is_some_and(|note| done - note.begun < BIRTH_WINDOW)
}

/// The write is committed and the cache was not told. Strict callers are told, unless the intent
/// certainly covered the commit: then no reader can have kept the older row, and it ends by itself. It
/// did not if another server answers by now, or nobody knows which one: the intent may be gone.
fn unconfirmed(region: &Region, note: Option<Note>, done: Instant, error: StoreError) -> Result<(), DbErr> {
    if region.settings.consistency == Consistency::Available {
        return Ok(());
    }
    let covered = note.is_some_and(|note| {
        let hold = region.settings.hold;
        let sure = hold.mul_f64(0.9).saturating_sub(Duration::from_millis(50));
        let NoteKind::Announced { held: true, stamp: Some(stamp), .. } = note.kind else { return false };
        done - note.begun < sure && region.backend.stamp() == Some(stamp)
    });
    if covered { Ok(()) } else { Err(CacheError::Unconfirmed(error).into()) }
}

/// A write in a transaction whose COMMIT cannot be seen: the intent stands until its hold is over.
async fn hold_back<E: CachedEntity>(region: &Region, key: String, note: Option<Note>) -> Result<(), DbErr> {
    warn_once::<E>(
        "an entity was written in a plain DatabaseTransaction, whose COMMIT the cache cannot see: the row \
         is read from the database for the length of `transaction_hold`. Begin transactions on \
         `autocache.connection()`",
    );
    if matches!(note, Some(Note { kind: NoteKind::Announced { held: true, .. }, .. })) {
        return Ok(());
    }
    let (hold, token) = (region.settings.transaction_hold, Token::random());
    match intent(region, &key, token, hold, false).await {
        Ok(()) => Ok(()),
        Err(error) if region.settings.consistency == Consistency::Strict => {
            Err(CacheError::NotAnnounced(error).into())
        }
        Err(_) => {
            region.backend.owe(&key, token, hold, region.sweep());
            Ok(())
        }
    }
}

async fn step(region: &Region, key: String, step: Step<Bytes>) -> Result<Answer<Bytes>, StoreError> {
    let replies = region.backend.run(vec![Command { key, step }]).await;
    let reply = replies.into_iter().next().unwrap_or(Ok(Answer::Unchanged));
    if let Err(error) = &reply {
        region.stats.count(Event::errors);
        tracing::warn!(target: TARGET, entity = %region.model, %error, "the cache was not told of a write");
    }
    reply
}

/// One warning for each entity and text in the life of the process.
fn warn_once<E: CachedEntity>(text: &'static str) {
    static SAID: Mutex<Option<HashSet<(TypeId, &'static str)>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert((TypeId::of::<E>(), text)) {
        tracing::warn!(target: TARGET, entity = %E::model_name(), "{text}");
    }
}
