//! A write of one row, from its intent to its end, on whatever connection it runs.

use super::route::Route;
use super::values::{pk_of, statement_of};
use crate::autocache::{Autocache, Region};
use crate::cascade;
use crate::coherence::{Step, Token};
use crate::connection::{Connection, Origin};
use crate::entity::{EntityOps, pk_tuple};
use crate::executor::Executor;
use crate::keyspace::{Entry, Keyspace};
use crate::settings::Consistency;
use crate::sql::Verb;
use crate::telemetry::TARGET;
use crate::trace::{self, Subject};
use crate::write::{
    Beside, HookNote, InFlight, IntentSet, Memberships, NoteKind, RowChange, Siblings, StatementId,
    all_list_keys,
};
use sea_orm::sea_query::{Value, ValueTuple};
use sea_orm::{ActiveValue, DbErr};
use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// An insert that took longer does not publish its row: another writer may have changed it since.
const BIRTH_WINDOW: Duration = Duration::from_secs(1);

/// The entity of a hook.
#[derive(Clone, Copy)]
pub(super) struct Entity {
    pub(super) id: TypeId,
    pub(super) ops: &'static dyn EntityOps,
}

/// What is known of a write before it happens.
pub(super) struct Write {
    /// `None`: the database generates the key.
    pk: Option<ValueTuple>,
    verb: Verb,
    /// The lists that the row may join.
    memberships: Memberships,
    /// What it touches of other entities.
    beside: Beside,
    /// Whether there will be a statement.
    happens: bool,
    /// The statement, if it is known.
    statement: Option<StatementId>,
}

/// What a write has left in the database.
pub(super) struct Outcome {
    pub(super) pk: ValueTuple,
    /// `None`: the row is deleted.
    row: Option<SavedRow>,
    /// What is known now of the keys of other entities.
    beside: Vec<(Arc<Keyspace>, String)>,
}

struct SavedRow {
    insert: bool,
    /// In the order of the columns.
    values: Vec<Value>,
}

/// Where a write runs, and what follows from it.
pub(super) struct Site {
    route: Route,
    region: Arc<Region>,
    /// Other entities that change with this one.
    siblings: Siblings,
}

impl Site {
    /// `None`: the cache has nothing to do with it.
    pub(super) fn of(entity: Entity, db: &dyn Connection, removes: bool) -> Result<Option<Self>, DbErr> {
        let route = match db.origin() {
            Origin::Cached(autocache) => Some(Route::Autocommit(autocache)),
            Origin::Work(autocache, work) => Some(Route::Work(autocache, work)),
            Origin::Plain => {
                Autocache::current().map(|autocache| match autocache.settings().other_databases {
                    true => Route::Unseen(autocache),
                    false => Route::Plain(autocache),
                })
            }
            Origin::Unseen => Autocache::current().map(Route::Unseen),
        };
        let Some(route) = route else {
            warn_once(
                entity,
                "an entity was written through a plain connection outside of any Autocache; its cache, if \
                 there is one, does not know. Write through `autocache.connection()`",
            );
            return Ok(None);
        };
        let region = route.autocache().region(entity.id, entity.ops)?.into_owned();
        let siblings = route.autocache().siblings_of(&region.keyspace, removes);
        Ok((!region.keyspace.is_off()).then_some(Self { route, region, siblings }))
    }

    fn keyspace(&self) -> &Arc<Keyspace> {
        &self.region.keyspace
    }

    /// A save of these values. Values are read outside of any future: an active model need not be `Sync`.
    pub(super) fn save(&self, value: &dyn Fn(usize) -> ActiveValue<Value>, insert: bool) -> Write {
        let keyspace = self.keyspace();
        let memberships = Memberships::of(keyspace, value, insert);
        let verb = if insert { Verb::Insert } else { Verb::Update };
        let statement = statement_of(&keyspace.schema, verb, value);
        let happens = insert || statement.is_some();
        let beside = self.siblings.before(value, insert);
        Write { pk: pk_of(keyspace, value), verb, memberships, beside, happens, statement }
    }

    /// The deletion of the row with these values.
    pub(super) fn delete(&self, value: &dyn Fn(usize) -> ActiveValue<Value>) -> Write {
        let keyspace = self.keyspace();
        let verb = Verb::Delete;
        let (pk, statement) = (pk_of(keyspace, value), statement_of(&keyspace.schema, verb, value));
        let (memberships, beside) = (Memberships::default(), self.siblings.before(value, false));
        Write { pk, verb, memberships, beside, happens: true, statement }
    }

    /// A saved row with these values.
    pub(super) fn saved(&self, value: &dyn Fn(usize) -> Value, insert: bool) -> Outcome {
        let schema = &self.keyspace().schema;
        let values: Vec<Value> = (0..schema.columns.len()).map(value).collect();
        let pk = pk_tuple(schema.pk.iter().map(|column| values[*column].clone()).collect());
        let beside = self.siblings.after(&|column| values[column].clone()).keys;
        Outcome { pk, row: Some(SavedRow { insert, values }), beside }
    }

    /// The deleted row with these values; `None` without a primary key.
    pub(super) fn deleted(&self, value: &dyn Fn(usize) -> ActiveValue<Value>) -> Option<Outcome> {
        pk_of(self.keyspace(), value).map(|pk| Outcome { pk, row: None, beside: Vec::new() })
    }
}

impl Outcome {
    fn entry(&self, keyspace: &Keyspace, key: &str, nonce: Token) -> Option<Entry> {
        match &self.row {
            Some(row) => keyspace.encode_row(key, &|column| row.values[column].clone(), nonce),
            None => keyspace.encode_tombstone(key, &self.pk, nonce),
        }
    }

    /// The lists that the row has joined, now that all its values are known.
    fn joined(&self, keyspace: &Keyspace, note: Option<&HookNote>) -> Vec<String> {
        let Some(row) = &self.row else { return Vec::new() };
        let value = |column: usize| row.values[column].clone();
        match note {
            Some(note) => note.memberships.keys_of(keyspace, &value),
            None => all_list_keys(keyspace, &value),
        }
    }

    fn is(&self, insert: bool) -> bool {
        self.row.as_ref().is_some_and(|row| row.insert == insert)
    }
}

/// Before the statement.
pub(super) async fn begin(db: &dyn Executor, site: Site, write: Write) -> Result<(), DbErr> {
    let Site { route, region, .. } = site;
    let keyspace = &region.keyspace;
    let inserts = write.verb == Verb::Insert;
    let pk = match write.pk {
        // The database may take another spelling for this key: only it knows the row's own.
        Some(pk) if !keyspace.exact_keys && !inserts => Some(stored_pk(db, keyspace, pk).await?),
        pk => pk,
    };
    let key = pk.as_ref().and_then(|pk| keyspace.key(pk));
    if key.is_none() && !inserts {
        return Ok(());
    }
    let noted = key.clone().unwrap_or_default();
    let notes = route.notes_of(&region);
    if !write.happens {
        notes.push(&noted, HookNote::new(NoteKind::NoWrite, keyspace.settings.intent_ttl));
        return Ok(());
    }
    let deleted = pk.filter(|_| write.verb == Verb::Delete);
    if let Route::Work(autocache, work) = &route {
        // From here on the keys are touched, whether an `after_*` hook comes or not.
        let keys = key.iter().chain(&write.memberships.keys);
        keys.for_each(|key| work.touch(keyspace, key));
        write.beside.keys.iter().for_each(|(keyspace, key)| work.touch(keyspace, key));
        write.beside.entities.iter().for_each(|keyspace| work.record_entity(keyspace));
        if let Some(pk) = deleted {
            let cascade = cascade::locked_cascade(autocache, &keyspace.schema, &pk, db).await?;
            cascade.keys.iter().for_each(|(keyspace, key)| work.touch(keyspace, key));
            cascade.unproven.iter().for_each(|keyspace| work.record_entity(keyspace));
        }
        let kind = NoteKind::InTransaction { since: work.moment() };
        let (memberships, statement) = (write.memberships, write.statement);
        notes.push(&noted, HookNote { memberships, statement, ..HookNote::new(kind, Duration::MAX) });
        return Ok(());
    }
    let is_plain = !matches!(route, Route::Autocommit(_));
    let settings = &keyspace.settings;
    let (ttl, publish) = match route {
        Route::Unseen(_) => (settings.transaction_intent_ttl, false),
        _ => (settings.intent_ttl, true),
    };
    let begun = Instant::now();
    let mut intents = if publish { IntentSet::new(ttl) } else { IntentSet::unended(ttl) };
    for key in key.iter().chain(&write.memberships.keys) {
        intents.add(keyspace, key.clone(), RowChange::Unknown);
    }
    write.beside.keys.iter().for_each(|(keyspace, key)| {
        intents.add(keyspace, key.clone(), RowChange::Unknown);
    });
    route.add_entities(write.beside.entities, &mut intents);
    if let Some(pk) = deleted {
        mark_deleted(db, &route, keyspace, &pk, &mut intents).await?;
    }
    intents.place(keyspace.settings.consistency).await?;
    let kind = NoteKind::Marked { write: InFlight::new(intents), row: key.is_some(), publish };
    let statement = write.statement.map(|statement| if is_plain { statement.on_plain() } else { statement });
    let memberships = write.memberships;
    notes.push(&noted, HookNote { begun, memberships, statement, ..HookNote::new(kind, ttl) });
    Ok(())
}

/// Marks what a delete changes by cascade.
async fn mark_deleted(
    db: &dyn Executor,
    route: &Route,
    keyspace: &Keyspace,
    pk: &ValueTuple,
    intents: &mut IntentSet,
) -> Result<(), DbErr> {
    let autocache = route.autocache();
    if matches!(route, Route::Unseen(_)) {
        let cascade = cascade::locked_cascade(autocache, &keyspace.schema, pk, db).await?;
        for (keyspace, key) in cascade.keys {
            intents.add(&keyspace, key, RowChange::Unknown);
        }
        route.add_entities(cascade.unproven, intents);
        return Ok(());
    }
    cascade::mark_cascade(autocache, keyspace, pk, db, intents).await
}

/// The primary key as the row has it; as given if there is no such row.
async fn stored_pk(db: &dyn Executor, keyspace: &Keyspace, pk: ValueTuple) -> Result<ValueTuple, DbErr> {
    let schema = &keyspace.schema;
    match db.select_one(&schema.select_by_pk(&pk)).await? {
        Some(found) => Ok(schema.pk_of(&*schema.ops.read(&found)?)),
        None => Ok(pk),
    }
}

/// After the statement.
pub(super) async fn end(entity: Entity, site: Site, outcome: Outcome) -> Result<(), DbErr> {
    let Site { route, region, siblings } = site;
    let keyspace = &region.keyspace;
    let Some(key) = keyspace.key(&outcome.pk) else { return Ok(()) };
    let notes = route.notes_of(&region);
    let mut note = notes.pop(&key);
    if note.is_none() && outcome.is(true) {
        note = notes.pop("");
    }
    if outcome.is(false) && matches!(note, Some(HookNote { kind: NoteKind::NoWrite, .. })) {
        return Ok(());
    }
    let lists = outcome.joined(keyspace, note.as_ref());
    match route {
        Route::Autocommit(autocache) | Route::Plain(autocache) => {
            // Without a note nothing is known of what the write has touched beside its row.
            let unnamed =
                if note.is_none() { unnamed(&autocache, keyspace, &siblings, &outcome) } else { Vec::new() };
            conclude(keyspace, key, lists, note, &outcome, unnamed).await
        }
        Route::Unseen(_) => {
            let own = [key].into_iter().chain(lists).map(|key| (keyspace.clone(), key));
            hold_back(entity, own.chain(outcome.beside).collect(), note).await
        }
        Route::Work(_, work) => {
            // Without a note it is not known whether this row was written at all, or read from a snapshot.
            match note.map(|note| note.kind) {
                Some(NoteKind::InTransaction { since }) => {
                    work.publish(keyspace, &key, outcome.entry(keyspace, &key, Token::random()), since);
                }
                _ => work.touch(keyspace, &key),
            }
            lists.iter().for_each(|list| work.touch(keyspace, list));
            outcome.beside.iter().for_each(|(keyspace, key)| work.touch(keyspace, key));
            Ok(())
        }
    }
}

/// The entities of which a write may have changed rows that only its note names: the write has taken longer than its
/// intent stands.
fn unnamed(
    autocache: &Autocache,
    keyspace: &Keyspace,
    siblings: &Siblings,
    outcome: &Outcome,
) -> Vec<Arc<Keyspace>> {
    let mut unnamed = siblings.all();
    if outcome.row.is_none() {
        let dependents = cascade::dependents(autocache, keyspace.table());
        unnamed.extend(dependents.iter().map(|region| region.keyspace.clone()));
    }
    unnamed
}

/// The statement has committed.
async fn conclude(
    keyspace: &Arc<Keyspace>,
    key: String,
    lists: Vec<String>,
    note: Option<HookNote>,
    outcome: &Outcome,
    unnamed: Vec<Arc<Keyspace>>,
) -> Result<(), DbErr> {
    let done = Instant::now();
    let (note, intents) = taken(note);
    let mut intents = intents.unwrap_or_else(|| IntentSet::new(keyspace.settings.intent_ttl));
    let entry = || outcome.entry(keyspace, &key, intents.token());
    match note.as_ref().map(|note| &note.kind) {
        Some(NoteKind::Marked { row: true, publish, .. }) => {
            let entry = if *publish && intents.is_held() { entry() } else { None };
            intents.conclude(keyspace, &key, entry.map_or(RowChange::Unknown, RowChange::Known));
        }
        Some(NoteKind::Marked { row: false, .. }) if may_publish_birth(keyspace, note.as_ref(), done) => {
            let step = entry().map_or(Step::Invalidate, |(entry, lifetime)| Step::Insert { entry, lifetime });
            intents.conclude_unmarked(keyspace, &key, step);
        }
        _ => intents.conclude(keyspace, &key, RowChange::Unknown),
    }
    let lists = lists.iter().map(|list| (keyspace, list));
    let beside = outcome.beside.iter().map(|(keyspace, key)| (keyspace, key));
    for (keyspace, key) in lists.chain(beside) {
        if !intents.has(keyspace, key) {
            intents.conclude_unmarked(keyspace, key, Step::Invalidate);
        }
    }
    unnamed.iter().for_each(|keyspace| intents.add_unproven(keyspace));
    let subject = Subject {
        system: keyspace.backend.system(),
        operation: if outcome.row.is_some() { "PUBLISH" } else { "DELETE" },
        table: keyspace.table(),
        batch: 0,
    };
    trace::spanned(trace::Kind::Finish, subject, intents.finish(keyspace.settings.consistency)).await
}

/// The intents of a note, unless the guard of its statement has ended them.
fn taken(note: Option<HookNote>) -> (Option<HookNote>, Option<IntentSet>) {
    let intents = note.as_ref().and_then(|note| match &note.kind {
        NoteKind::Marked { write, .. } => write.take(),
        _ => None,
    });
    (note, intents)
}

fn may_publish_birth(keyspace: &Keyspace, note: Option<&HookNote>, done: Instant) -> bool {
    keyspace.settings.consistency == Consistency::Available
        && note.is_some_and(|note| done - note.begun < BIRTH_WINDOW)
}

/// A write in a transaction whose COMMIT the cache cannot see: the intents stand until their TTL.
async fn hold_back(
    entity: Entity,
    touched: Vec<(Arc<Keyspace>, String)>,
    note: Option<HookNote>,
) -> Result<(), DbErr> {
    let Some(settings) = touched.first().map(|(keyspace, _)| keyspace.settings) else { return Ok(()) };
    warn_once(
        entity,
        "an entity was written in a plain DatabaseTransaction, or on a connection that may lead to another database: \
         the cache cannot see the COMMIT, and reads the row from the database for the length of \
         `transaction_intent_ttl`. Write on `autocache.connection()`",
    );
    let (_, held) = taken(note);
    let held = held.filter(IntentSet::is_held);
    let mut intents = IntentSet::unended(settings.transaction_intent_ttl);
    for (keyspace, key) in touched {
        if !held.as_ref().is_some_and(|held| held.has(&keyspace, &key)) {
            intents.add(&keyspace, key, RowChange::Unknown);
        }
    }
    intents.place(settings.consistency).await
}

/// One warning for each entity and text in the life of the process.
fn warn_once(entity: Entity, text: &'static str) {
    static SAID: Mutex<Option<HashSet<(TypeId, &'static str)>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_default().insert((entity.id, text)) {
        tracing::warn!(target: TARGET, entity = entity.ops.declare().model, "{text}");
    }
}
