//! A write of one row, from its announcement to its end, on whatever connection it runs.

use super::pending::{Note, NoteKind};
use crate::autocache::{Autocache, Consistency, Region};
use crate::coherence::{Step, Token};
use crate::connection::{Announced, InFlight, Origin, RowChange, UnitOfWork, origin_of};
use crate::entity::CachedEntity;
use crate::relation::{self, Joins};
use crate::telemetry::TARGET;
use sea_orm::sea_query::{FromValueTuple, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, ModelTrait, PrimaryKeyTrait};
use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// An insert that took longer does not publish its row: somebody may have changed it meanwhile.
const BIRTH_WINDOW: Duration = Duration::from_secs(1);

/// What is known of a write before it happens.
pub(super) struct Write {
    /// `None`: the database makes the key.
    pk: Option<ValueTuple>,
    kind: WriteKind,
    /// The lists that the row may join.
    joins: Joins,
    publish: bool,
    happens: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteKind {
    Insert,
    Update,
    Delete,
}

/// What a write has left in the database.
pub(super) enum Row<'m, M> {
    Saved { model: &'m M, insert: bool },
    Deleted,
}

impl Write {
    pub(super) fn of(pk: Option<ValueTuple>, kind: WriteKind) -> Self {
        Self { pk, kind, joins: Joins::default(), publish: true, happens: true }
    }

    pub(super) fn joining(self, joins: Joins) -> Self {
        Self { joins, ..self }
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

/// Where a write is at home, and what follows from its connection.
pub(super) struct Site {
    route: Route,
    region: Arc<Region>,
}

impl Site {
    /// `None`: the cache has nothing to do with it.
    pub(super) fn of<E: CachedEntity, C: ConnectionTrait>(db: &C) -> Result<Option<Self>, DbErr> {
        let Some(route) = route::<E, C>(db) else { return Ok(None) };
        let region = route.autocache().region::<E>()?;
        Ok((!region.is_off()).then_some(Self { route, region }))
    }

    pub(super) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

/// Before the statement.
pub(super) async fn begin<E, C>(db: &C, site: Result<Option<Site>, DbErr>, write: Write) -> Result<(), DbErr>
where
    E: CachedEntity,
    C: ConnectionTrait,
{
    let Some(Site { route, region }) = site? else { return Ok(()) };
    let inserts = write.kind == WriteKind::Insert;
    let pk = match write.pk {
        // The database may take another spelling for this key: only it knows the row's own.
        Some(pk) if !region.exact_keys && !inserts => Some(stored_pk::<E, C>(db, pk).await?),
        pk => pk,
    };
    let key = pk.as_ref().and_then(|pk| region.key(pk));
    if key.is_none() && !inserts {
        return Ok(());
    }
    let noted = key.clone().unwrap_or_default();
    if !write.happens {
        region.pending.push(&noted, Note::new(NoteKind::NoWrite, region.settings.hold));
        return Ok(());
    }
    let deleted = pk.filter(|_| write.kind == WriteKind::Delete);
    if let Route::Work(work) = &route {
        // From here on the keys are touched, whether an `after_*` hook comes or not.
        key.iter().chain(&write.joins.keys).for_each(|key| work.record(&region, key, RowChange::Unknown));
        if let Some(pk) = deleted {
            let keys = relation::taken_along::<E, C>(work.autocache(), &region, pk, db).await?;
            keys.iter().for_each(|(region, key)| work.record(region, key, RowChange::Unknown));
        }
        let kind = NoteKind::InTransaction { publish: write.publish };
        region.pending.push(&noted, Note { joins: write.joins, ..Note::new(kind, Duration::MAX) });
        return Ok(());
    }
    let (hold, publish) = match route {
        Route::Unseen(_) => (region.settings.transaction_hold, false),
        _ => (region.settings.hold, write.publish),
    };
    let begun = Instant::now();
    let mut announced = Announced::new(hold);
    for key in key.iter().chain(&write.joins.keys) {
        announced.add(&region, key.clone(), RowChange::Unknown);
    }
    if let Some(pk) = deleted {
        let autocache = route.autocache();
        let locked = matches!(route, Route::Unseen(_));
        relation::announce_taken_along::<E, C>(autocache, &region, pk, db, locked, &mut announced).await?;
    }
    announced.place(region.settings.consistency).await?;
    let kind = NoteKind::Announced { write: InFlight::new(announced), row: key.is_some(), publish };
    let note = Note { begun, joins: write.joins, stated: !route.is_ours(), ..Note::new(kind, hold) };
    region.pending.push(&noted, note);
    Ok(())
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
    let Some(Site { route, region }) = Site::of::<E, C>(db)? else { return Ok(()) };
    let Some(key) = region.key(&pk) else { return Ok(()) };
    let mut note = region.pending.pop(&key);
    if note.is_none() && matches!(row, Row::Saved { insert: true, .. }) {
        note = region.pending.pop("");
    }
    let updated = matches!(row, Row::Saved { insert: false, .. });
    if updated && matches!(note, Some(Note { kind: NoteKind::NoWrite, .. })) {
        return Ok(());
    }
    let lists = joined::<E>(&region, note.as_ref(), &row);
    match route {
        Route::Autocommit(_) | Route::Plain(_) => conclude::<E>(&region, key, lists, note, &pk, &row).await,
        Route::Unseen(_) => hold_back::<E>(&region, key, lists, note).await,
        Route::Work(work) => {
            // Without a note nobody knows whether this row was written at all, or read from a snapshot.
            let publish =
                note.is_some_and(|note| matches!(note.kind, NoteKind::InTransaction { publish: true }));
            let entry = if publish { region.encode::<E>(&pk, row.model(), Token::random()) } else { None };
            let change =
                entry.map_or(RowChange::Unknown, |(bytes, lifetime)| RowChange::Known(bytes, lifetime));
            work.record(&region, &key, change);
            lists.iter().for_each(|list| work.record(&region, list, RowChange::Unknown));
            Ok(())
        }
    }
}

/// The lists that the row has joined, now that all its values are known.
fn joined<E: CachedEntity>(region: &Region, note: Option<&Note>, row: &Row<'_, E::Model>) -> Vec<String> {
    match (row.model(), note) {
        (None, _) => Vec::new(),
        (Some(row), Some(note)) => note.joins.keys_of::<E>(region, row),
        (Some(row), None) => relation::all_keys_of::<E>(region, row),
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

/// The statement has committed.
async fn conclude<E: CachedEntity>(
    region: &Arc<Region>,
    key: String,
    lists: Vec<String>,
    note: Option<Note>,
    pk: &ValueTuple,
    row: &Row<'_, E::Model>,
) -> Result<(), DbErr> {
    let done = Instant::now();
    let (note, announced) = taken(note);
    let mut announced = announced.unwrap_or_else(|| Announced::new(region.settings.hold));
    let entry = || region.encode::<E>(pk, row.model(), announced.token());
    match note.as_ref().map(|note| &note.kind) {
        Some(NoteKind::Announced { row: true, publish, .. }) => {
            let entry = if *publish && announced.is_held() { entry() } else { None };
            let change = entry.map_or(RowChange::Unknown, |(bytes, life)| RowChange::Known(bytes, life));
            announced.conclude(region, &key, change);
        }
        Some(NoteKind::Announced { row: false, .. }) if may_publish_birth(region, note.as_ref(), done) => {
            let step = entry().map_or(Step::Invalidate, |(entry, lifetime)| Step::Insert { entry, lifetime });
            announced.conclude_unannounced(region, &key, step);
        }
        _ => announced.conclude(region, &key, RowChange::Unknown),
    }
    for list in lists.iter().filter(|list| !announced.has(region, list)).collect::<Vec<_>>() {
        announced.conclude_unannounced(region, list, Step::Invalidate);
    }
    announced.finish(region.settings.consistency).await
}

/// The announced write of a note, unless the guard of its statement has ended it.
fn taken(note: Option<Note>) -> (Option<Note>, Option<Announced>) {
    let announced = note.as_ref().and_then(|note| match &note.kind {
        NoteKind::Announced { write, .. } => write.take(),
        _ => None,
    });
    (note, announced)
}

fn may_publish_birth(region: &Region, note: Option<&Note>, done: Instant) -> bool {
    region.settings.consistency == Consistency::Available
        && note.is_some_and(|note| done - note.begun < BIRTH_WINDOW)
}

/// A write in a transaction whose COMMIT cannot be seen: the intents stand until their hold is over.
async fn hold_back<E: CachedEntity>(
    region: &Arc<Region>,
    key: String,
    lists: Vec<String>,
    note: Option<Note>,
) -> Result<(), DbErr> {
    warn_once::<E>(
        "an entity was written in a plain DatabaseTransaction, whose COMMIT the cache cannot see: the row \
         is read from the database for the length of `transaction_hold`. Begin transactions on \
         `autocache.connection()`",
    );
    let (_, held) = taken(note);
    let held = held.filter(Announced::is_held);
    let mut announced = Announced::new(region.settings.transaction_hold);
    for key in [key].into_iter().chain(lists) {
        if !held.as_ref().is_some_and(|held| held.has(region, &key)) {
            announced.add(region, key, RowChange::Unknown);
        }
    }
    announced.place(region.settings.consistency).await
}

/// One warning for each entity and text in the life of the process.
fn warn_once<E: CachedEntity>(text: &'static str) {
    static SAID: Mutex<Option<HashSet<(TypeId, &'static str)>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert((TypeId::of::<E>(), text)) {
        tracing::warn!(target: TARGET, entity = %E::model_name(), "{text}");
    }
}
