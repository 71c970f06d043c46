//! A region: everything the cache knows of one entity in one Autocache.

use super::{Backend, Consistency, Settings};
use crate::coherence::{Answer, Lifetime, Token};
use crate::controller::Flights;
use crate::entity::CachedEntity;
use crate::entry::{self, Fingerprint, Header, PkMark};
use crate::key::{self, KeyParts};
use crate::relation::{self, AnyEntity, IndexDef, Parent, compares_exactly, is_number};
use crate::resilience::EntityKeys;
use crate::signals::Pending;
use crate::store::{Near, Sweep};
use crate::telemetry::{Event, Recorder, TARGET};
use bytes::Bytes;
use sea_orm::sea_query::{ArrayType, ColumnType, Value, ValueTuple};
use sea_orm::{ColumnTrait, DbBackend, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// Whether rows of the entity survive being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Unproven = 0,
    Proven = 1,
    /// A column came back different: the entity is not cached in this process.
    Broken = 2,
}

/// What a reader expects of an entry: whose it is, and, under `Strict`, which server has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    fingerprint: Fingerprint,
    stamp: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) app: String,
    pub(crate) model: String,
    /// The table's name, whatever the model is called.
    pub(crate) table: String,
    /// The column of a primary key of one column, and the kind of its values.
    pub(crate) single_pk: Option<(&'static str, ArrayType)>,
    /// The entity's own way to make keys.
    make_key: fn(&KeyParts<'_>) -> String,
    pub(crate) backend: Arc<Backend>,
    /// The rows that a store of this process holds, by their number, where it can tell.
    pub(crate) near: Option<Arc<Near>>,
    pub(crate) settings: Settings,
    pub(crate) timeout: Duration,
    /// `None`: absences are not remembered.
    tombstone_timeout: Option<Duration>,
    /// As `tombstone_timeout`, for lists without members: as good as nothing where absences are not
    /// remembered.
    empty_timeout: Duration,
    fingerprint: Fingerprint,
    /// Whether two primary keys are equal for the database exactly when their texts are.
    pub(crate) exact_keys: bool,
    /// Whether every key of the entity begins with `app:model:`.
    plain_keys: bool,
    pub(crate) indexes: Vec<IndexDef>,
    /// The rows of other entities on which rows of this one depend.
    pub(crate) parents: Vec<Parent>,
    /// What can be done with the entity without its type.
    pub(crate) erased: &'static dyn AnyEntity,
    fence: Option<String>,
    /// Which database this is, if that is known.
    pub(crate) database: Option<DbBackend>,
    version: u32,
    trust: AtomicU8,
    pub(crate) stats: Recorder,
    pub(crate) flights: Flights,
    pub(crate) pending: Pending,
}

impl Region {
    pub(super) fn of<E: CachedEntity>(
        app: &str,
        settings: &Settings,
        backend: Arc<Backend>,
        database: Option<DbBackend>,
    ) -> Self {
        let app = E::APP_LABEL.unwrap_or(app).to_owned();
        let model = E::model_name().into_owned();
        let timeout = E::TIMEOUT.unwrap_or(settings.timeout);
        let tombstone_timeout = E::TOMBSTONE_TIMEOUT.or(settings.tombstone_timeout).unwrap_or(timeout);
        let exact_keys = keys_compare_exactly::<E>(database);
        let remember_absence = !tombstone_timeout.is_zero() && exact_keys;
        let fingerprint = Fingerprint::of::<E>(&app, &model, E::CACHE_VERSION);
        let mut region = Self {
            fingerprint,
            indexes: relation::indexes_of::<E>(fingerprint.schema, database),
            parents: relation::parents_of::<E>(),
            erased: relation::erased::<E>(),
            fence: None,
            database,
            table: E::default().table_name().to_owned(),
            single_pk: single_pk::<E>(),
            make_key: E::make_key,
            exact_keys,
            plain_keys: has_plain_keys::<E>(&app, &model),
            version: E::CACHE_VERSION,
            stats: Recorder::new(&model, backend.name()),
            tombstone_timeout: remember_absence.then_some(tombstone_timeout),
            empty_timeout: tombstone_timeout.max(Duration::from_millis(1)),
            trust: AtomicU8::new(Trust::Unproven as u8),
            flights: Flights::default(),
            pending: Pending::default(),
            settings: *settings,
            timeout,
            app,
            model,
            near: backend.near(),
            backend,
        };
        if region.indexes.iter().any(|index| index.cached) {
            region.fence = Some(region.key_of(key::FENCE_TEXT));
        }
        region
    }

    /// Tells regions apart for as long as this one is held.
    pub(crate) fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }

    /// Whether the store is not even asked.
    #[inline]
    pub(crate) fn ignores_cache(&self) -> bool {
        self.is_off() || self.trust() == Trust::Broken
    }

    /// Whether anything of this entity is ever cached.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.timeout.is_zero()
    }

    /// The row's key; `None` if a part of the primary key is NULL.
    pub(crate) fn key(&self, pk: &ValueTuple) -> Option<String> {
        key::with_pk_text(pk, |text| self.key_of(text))
    }

    pub(crate) fn prefix(&self) -> String {
        format!("{}:{}:", self.app, self.model)
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
        key::bounded((self.make_key)(&KeyParts::new(&self.app, &self.model, text, self.version)))
    }

    /// The key that every write of an indexed entity touches before the row's own, so that whoever reads
    /// many rows at once can tell whether one of them may have changed meanwhile. `None`: no indexes.
    pub(crate) fn fence(&self) -> Option<&str> {
        self.fence.as_deref()
    }

    /// The store has not been told of a write to this key. See [`Backend::owe`].
    pub(crate) fn owe(&self, key: &str, token: Token, after: Duration) {
        self.backend.owe(key, token, after, self.entity_keys());
    }

    /// Drops every entry after a committed write that may have changed any row. If the store does not
    /// answer, it is owed.
    pub(crate) async fn clear(&self) {
        match self.backend.clear(&self.entity_keys()).await {
            Ok(touched) => self.stats.count_many(Event::invalidations, touched),
            Err(error) => {
                self.stats.count(Event::errors);
                tracing::warn!(target: TARGET, entity = %self.model, %error, "the cache was not told of a write");
                self.backend.owe_entity(self.entity_keys(), Duration::ZERO);
            }
        }
    }

    /// What an entry's bytes say: a row's payload, an absence, or why they cannot be used.
    pub(crate) fn read<'a>(&self, bytes: &'a [u8]) -> Result<entry::Content<'a>, entry::Unreadable> {
        self.read_as(bytes, self.fingerprint)
    }

    /// As [`read`](Self::read), for an entry of this index.
    pub(crate) fn read_index<'a>(
        &self,
        index: &IndexDef,
        bytes: &'a [u8],
    ) -> Result<entry::Content<'a>, entry::Unreadable> {
        self.read_as(bytes, self.index_fingerprint(index))
    }

    fn read_as<'a>(
        &self,
        bytes: &'a [u8],
        fingerprint: Fingerprint,
    ) -> Result<entry::Content<'a>, entry::Unreadable> {
        let reading = self.reading().ok_or(entry::Unreadable::OtherServer)?;
        entry::read(bytes, fingerprint, reading.stamp)
    }

    /// What a row's entry must say of itself to be read now; `None`: no entry may be.
    #[inline]
    pub(crate) fn reading(&self) -> Option<Reading> {
        let stamp = match self.settings.consistency {
            Consistency::Available => None,
            Consistency::Strict => Some(self.backend.stamp()?),
        };
        Some(Reading { fingerprint: self.fingerprint, stamp })
    }

    fn index_fingerprint(&self, index: &IndexDef) -> Fingerprint {
        Fingerprint { schema: index.schema, ..self.fingerprint }
    }

    /// The entry of an index with this payload and how long it lives; `None` if it may not be cached.
    pub(crate) fn encode_index<T: serde::Serialize>(
        &self,
        index: &IndexDef,
        payload: &T,
        empty: bool,
        nonce: Token,
    ) -> Option<(Bytes, Lifetime)> {
        let stamp = self.backend.stamp()?;
        let header = Header { fingerprint: self.index_fingerprint(index), stamp, nonce };
        let bytes = entry::encode_value(&header, payload).ok()?;
        if bytes.len() > self.settings.max_entry_bytes {
            self.stats.count(Event::oversized);
            return None;
        }
        // Nothing there is a remembered absence.
        let timeout = if empty { self.empty_timeout } else { self.timeout };
        Some((bytes, Lifetime::of(timeout)))
    }

    /// The entry of a row or of its absence and how long it lives; `None` if it may not be cached.
    pub(crate) fn encode<E: CachedEntity>(
        &self,
        pk: &ValueTuple,
        row: Option<&E::Model>,
        nonce: Token,
    ) -> Option<(Bytes, Lifetime)> {
        let header = Header { fingerprint: self.fingerprint, stamp: self.backend.stamp()?, nonce };
        let Some(row) = row else {
            let timeout = self.tombstone_timeout?;
            let mark = PkMark::of(&key::pk_text(pk)?);
            return Some((entry::encode_tombstone(&header, mark), Lifetime::of(timeout)));
        };
        if self.trust() == Trust::Broken {
            return None;
        }
        let bytes = match entry::encode_value(&header, row) {
            Ok(bytes) => bytes,
            Err(error) => return self.distrust(&format!("the row cannot be serialized: {error}")),
        };
        if bytes.len() > self.settings.max_entry_bytes {
            self.stats.count(Event::oversized);
            tracing::warn!(
                target: TARGET,
                entity = %self.model, bytes = bytes.len(), limit = self.settings.max_entry_bytes,
                "row too large to be cached"
            );
            return None;
        }
        self.prove::<E>(row, &bytes)?;
        Some((bytes, Lifetime::of(self.timeout)))
    }

    /// Decodes what was encoded and compares column by column: once in each process, and every time
    /// in debug builds.
    fn prove<E: CachedEntity>(&self, row: &E::Model, bytes: &Bytes) -> Option<()> {
        if self.trust() == Trust::Proven && !cfg!(debug_assertions) {
            return Some(());
        }
        let back = match entry::decode_model::<E::Model>(&bytes[entry::HEADER_LEN..]) {
            Ok(back) => back,
            Err(error) => return self.distrust(&format!("the row cannot be read back: {error}")),
        };
        if let Some(column) = entry::first_difference(row, &back) {
            return self.distrust(&format!("column `{column}` does not come back as it went in"));
        }
        let (from, to) = (Trust::Unproven as u8, Trust::Proven as u8);
        let _ = self.trust.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        Some(())
    }

    fn distrust<T>(&self, why: &str) -> Option<T> {
        if self.trust.swap(Trust::Broken as u8, Ordering::Relaxed) != Trust::Broken as u8 {
            tracing::error!(
                target: TARGET,
                entity = %self.model,
                "not cached from now on: {why}. Look for serde attributes on the model such as `skip`, \
                 `skip_serializing_if` or `serialize_with`"
            );
        }
        None
    }

    /// Counts what the end of a write has come to.
    pub(crate) fn count_end(&self, answer: &Answer<Bytes>) {
        match answer {
            Answer::Published => self.stats.count(Event::publishes),
            Answer::Lost => {
                self.stats.count(Event::lost_intents);
                self.stats.count(Event::invalidations);
            }
            _ => self.stats.count(Event::invalidations),
        }
    }

    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        match self.trust.load(Ordering::Relaxed) {
            0 => Trust::Unproven,
            1 => Trust::Proven,
            _ => Trust::Broken,
        }
    }
}

fn single_pk<E: CachedEntity>() -> Option<(&'static str, ArrayType)> {
    let mut columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let first = columns.next().filter(|_| columns.next().is_none())?;
    Some((first.as_str(), E::Model::get_value_type(first)))
}

/// Whether the entity keeps the default key form, and its keys cannot grow beyond the limit.
fn has_plain_keys<E: CachedEntity>(app: &str, model: &str) -> bool {
    let probe = KeyParts::new(app, model, "0", E::CACHE_VERSION);
    let bounded = E::PrimaryKey::iter().all(|key| {
        let definition = key.into_column().def();
        is_number(definition.get_column_type()) || *definition.get_column_type() == ColumnType::Uuid
    });
    bounded && E::make_key(&probe) == probe.to_string()
}

/// Whether two primary keys are equal for the database exactly when their texts are. Where they are
/// not (collations that ignore case, padded text), an absence may not be remembered: the row could
/// appear under another spelling, and its insert would not find this one's tombstone.
fn keys_compare_exactly<E: CachedEntity>(database: Option<DbBackend>) -> bool {
    E::PrimaryKey::iter().all(|key| compares_exactly::<E>(key.into_column(), database))
}
