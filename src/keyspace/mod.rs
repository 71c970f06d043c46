//! [`Keyspace`]: the keys and entries of one entity in one backend.

mod encode;
mod index;

pub(crate) use encode::Entry;
pub(crate) use index::IndexDef;

use crate::backend::{Backend, EntityKeys};
use crate::coherence::Token;
use crate::entity::{Schema, pk_tuple};
use crate::entry::{self, Fingerprint, Reading, schema_hash};
use crate::key::{self, KeyParts};
use crate::settings::{Consistency, Settings};
use crate::store::{IdIndex, StoreError, Sweep};
use crate::telemetry::{Event, Recorder, TARGET};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, ValueTuple};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Intents of one process on a fence. Each step there walks through all that stand.
const FENCE_INTENTS_MAX: usize = 8;

/// Who has answered with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnsweredBy {
    /// A store with one stamp for all keys.
    Store,
    /// A server with this stamp.
    Server(Option<u32>),
}

/// One entity's names, entries and counters.
#[derive(Debug)]
pub(crate) struct Keyspace {
    pub(crate) schema: Schema,
    pub(crate) app: String,
    pub(crate) backend: Backend,
    /// The rows that a store of this process holds, by their integer key, where it can tell.
    pub(crate) ids: Option<Arc<IdIndex>>,
    pub(crate) settings: Settings,
    pub(crate) ttl: Duration,
    /// `None`: no negative caching.
    tombstone_ttl: Option<Duration>,
    /// The TTL of lists without members: the tombstone TTL, at least 1 ms.
    empty_list_ttl: Duration,
    fingerprint: Fingerprint,
    /// Whether two primary keys are equal for the database exactly when their texts are.
    pub(crate) exact_keys: bool,
    /// Whether every key of the entity begins with `app:model:`.
    plain_keys: bool,
    pub(crate) indexes: Vec<IndexDef>,
    fence: Option<String>,
    /// The intents that this process may have on the fence.
    fence_intents: Arc<Semaphore>,
    warned_of_other: AtomicBool,
    /// Which database this is, if that is known.
    pub(crate) database: Option<DbBackend>,
    pub(crate) stats: Recorder,
    /// Whether a row that cannot be cached was logged.
    warned: AtomicBool,
}

impl Keyspace {
    pub(crate) fn of(
        schema: Schema,
        app: &str,
        database_id: &str,
        settings: &Settings,
        backend: Backend,
        database: Option<DbBackend>,
    ) -> Self {
        let app = match schema.app_label {
            Some(label) => format!("{app}:{label}"),
            None => app.to_owned(),
        };
        let ttl = schema.ttl.unwrap_or(settings.ttl);
        let tombstone_ttl = schema.tombstone_ttl.or(settings.tombstone_ttl).unwrap_or(ttl);
        // Collations that ignore case and padded text take several spellings for one key. The row could appear
        // under another one, and its insert would not find this one's tombstone.
        let exact_keys = schema.pk.iter().all(|column| schema.columns[*column].compares_exactly(database));
        let remembers_absence = !tombstone_ttl.is_zero() && exact_keys;
        let columns = schema_hash(schema.version, lines(&schema));
        let fingerprint = Fingerprint::of(&app, &schema.model, database_id, columns);
        let indexes = schema.indexes.iter();
        let indexes =
            indexes.filter_map(|index| IndexDef::of(index, &schema, fingerprint, database)).collect();
        let mut keyspace = Self {
            fingerprint,
            indexes,
            fence: None,
            fence_intents: Arc::new(Semaphore::new(FENCE_INTENTS_MAX)),
            warned_of_other: AtomicBool::new(false),
            database,
            exact_keys,
            plain_keys: has_plain_keys(&app, &schema),
            stats: Recorder::new(&schema.model, backend.name()),
            warned: AtomicBool::new(false),
            tombstone_ttl: remembers_absence.then_some(tombstone_ttl),
            empty_list_ttl: tombstone_ttl.max(Duration::from_millis(1)),
            settings: *settings,
            ttl,
            app,
            ids: backend.id_index(fingerprint),
            backend,
            schema,
        };
        if keyspace.indexes.iter().any(|index| index.cached) {
            keyspace.fence = Some(keyspace.key_of(key::FENCE_TEXT));
        }
        keyspace
    }

    /// Says once that what stands under this entity's keys is another's.
    #[cold]
    pub(crate) fn warn_of_other(&self) {
        if !self.warned_of_other.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: TARGET, app = self.app, entity = self.model(),
                "the cache holds rows of another database, or of another entity, under this entity's keys: they are \
                 not read, and each pushes out the other's. Give each database its own app label, \
                 `Autocache::builder(…).app(\"…\")`"
            );
        }
    }

    /// What this program's entries say of themselves.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The TTL of tombstones; `None` without negative caching.
    pub(crate) fn tombstone_ttl(&self) -> Option<Duration> {
        self.tombstone_ttl
    }

    pub(crate) fn model(&self) -> &str {
        &self.schema.model
    }

    pub(crate) fn table(&self) -> &'static str {
        self.schema.table
    }

    /// Tells keyspaces apart for as long as this one is held.
    pub(crate) fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }

    /// Whether nothing of this entity is ever cached.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.ttl.is_zero()
    }

    /// The row's key; `None` if a part of the primary key is NULL.
    pub(crate) fn key(&self, pk: &ValueTuple) -> Option<String> {
        key::with_pk_text(pk, |text| self.key_of(text))
    }

    /// As [`key`](Self::key), for the values of the primary key.
    pub(crate) fn key_of_values(&self, values: Vec<Value>) -> Option<String> {
        self.key(&pk_tuple(values))
    }

    pub(crate) fn prefix(&self) -> String {
        format!("{}:{}:", self.app, self.schema.model)
    }

    pub(crate) fn entity_keys(&self) -> EntityKeys {
        let sweep = if self.plain_keys {
            Sweep { prefix: self.prefix(), entity: None }
        } else {
            Sweep { prefix: String::new(), entity: Some(self.fingerprint.entity) }
        };
        EntityKeys { sweep, fence: self.fence.clone() }
    }

    /// The key of the entries of an index for these values.
    pub(crate) fn index_key<'v>(
        &self,
        index: &IndexDef,
        values: impl IntoIterator<Item = &'v Value>,
    ) -> String {
        self.key_of(&index.text(values))
    }

    fn key_of(&self, text: &str) -> String {
        let Schema { make_key, model, version, .. } = &self.schema;
        key::bounded(make_key(&KeyParts::new(&self.app, model, text, *version)), || self.prefix())
    }

    /// The key that every write of an indexed entity touches before the row's own, so that a reader of many
    /// rows at once can tell whether one of them may have changed. `None`: no indexes.
    pub(crate) fn fence(&self) -> Option<&str> {
        self.fence.as_deref()
    }

    /// The right to have one of this process' intents on the fence; `None` where there are as many as may be.
    pub(crate) fn fence_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.fence_intents.clone().try_acquire_owned().ok()
    }

    /// The store does not know of a write to this key. See [`Backend::queue`].
    pub(crate) fn queue(&self, key: &str, token: Token, after: Duration) {
        self.backend.queue(key, token, after, self.entity_keys());
    }

    /// A statement has changed this row, or any (`None`), in a transaction that may commit at any time until the TTL
    /// of such is over. See [`Backend::distrust`].
    pub(crate) fn distrust(&self, key: Option<&str>) {
        self.backend.distrust(key, self.settings.transaction_intent_ttl, self.entity_keys());
    }

    /// Drops every entry after a committed write that may have changed any row. If the store does not
    /// answer, the clear is queued.
    ///
    /// # Errors
    /// The store's own.
    pub(crate) async fn clear(&self) -> Result<(), StoreError> {
        match self.backend.clear(&self.entity_keys()).await {
            Ok(touched) => {
                self.stats.count_many(Event::invalidations, touched);
                Ok(())
            }
            Err(error) => {
                self.stats.count(Event::errors);
                tracing::debug!(target: TARGET, entity = %self.model(), %error, "a write did not reach the cache");
                self.backend.queue_entity(self.entity_keys(), Duration::ZERO);
                Err(error)
            }
        }
    }

    /// What an entry's bytes say: a row's payload, an absence, or why they cannot be used.
    pub(crate) fn read<'a>(
        &self,
        bytes: &'a [u8],
        by: AnsweredBy,
    ) -> Result<entry::Content<'a>, entry::Unreadable> {
        self.read_as(bytes, by, self.fingerprint)
    }

    /// As [`read`](Self::read), for an entry of this index.
    pub(crate) fn read_index<'a>(
        &self,
        index: &IndexDef,
        bytes: &'a [u8],
        by: AnsweredBy,
    ) -> Result<entry::Content<'a>, entry::Unreadable> {
        self.read_as(bytes, by, index.fingerprint)
    }

    fn read_as<'a>(
        &self,
        bytes: &'a [u8],
        by: AnsweredBy,
        fingerprint: Fingerprint,
    ) -> Result<entry::Content<'a>, entry::Unreadable> {
        let reading = self.reading(by).ok_or(entry::Unreadable::OtherServer)?;
        entry::read(bytes, Reading { fingerprint, ..reading })
    }

    /// What a row's entry must say of itself to be read now; `None`: no entry may be.
    #[inline]
    pub(crate) fn reading(&self, by: AnsweredBy) -> Option<Reading> {
        let stamp = match (self.settings.consistency, by) {
            (Consistency::Available, _) => None,
            (Consistency::Strict, AnsweredBy::Store) => Some(self.backend.stamp("")?),
            (Consistency::Strict, AnsweredBy::Server(stamp)) => Some(stamp?),
        };
        Some(Reading { fingerprint: self.fingerprint, stamp })
    }
}

/// All that the bytes of a row depend on: for each column its name, type, nullability and Rust type.
fn lines(schema: &Schema) -> impl Iterator<Item = String> {
    schema.columns.iter().map(|column| {
        let (kind, null) = (column.definition.get_column_type(), column.definition.is_null());
        format!("{}|{kind:?}|{null}|{:?}", column.name, column.kind)
    })
}

/// Whether the entity keeps the default key form, for keys of every length.
fn has_plain_keys(app: &str, schema: &Schema) -> bool {
    let long = "x".repeat(2 * key::KEY_BYTES_MAX);
    let is_plain = |text: &str| {
        let probe = KeyParts::new(app, &schema.model, text, schema.version);
        (schema.make_key)(&probe) == probe.to_string()
    };
    key::is_kept(&format!("{app}:{}:", schema.model)) && ["0", "Zz", &long].into_iter().all(is_plain)
}
