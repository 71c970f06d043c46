//! [`Inspection`]: what a store holds under a row's key, for people.

use super::decode::{decode_payload, is_row_of};
use super::slot::{RowSlot, SharedRow};
use crate::entry::{self, Content, PkMark, Unreadable};
use crate::key::pk_text;
use crate::keyspace::{AnsweredBy, Keyspace};
use crate::store::{Found, Inspected, Slot, StoreError, decode_slot};
use sea_orm::sea_query::{Value, ValueTuple};
use std::fmt;
use std::time::Duration;

/// What the store holds under a row's key at one moment: the answer of
/// [`CacheController::inspect`](crate::CacheController::inspect).
///
/// It holds the row's values, and prints them: keep it out of logs where those are secret.
///
/// ```standalone_crate
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     use sea_orm_autocache::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "book")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl CachedEntity for Entity {}
/// #     connect_signals!(ActiveModel);
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, Schema, Set};
/// # let database = Database::connect("sqlite::memory:").await?;
/// # let create = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
/// # database.execute(&create).await?;
/// use sea_orm_autocache::EntryState;
/// use sea_orm_autocache::prelude::*;
///
/// # let store = MemoryStore::new(10_000);
/// # let autocache = Autocache::builder(database).app("shop").backend("default", store).build()?;
/// let books = autocache.cache::<book::Entity>();
/// assert_eq!(books.inspect(1).await?.state, EntryState::Absent);
///
/// book::ActiveModel { title: Set("Emma".into()), ..Default::default() }.insert(&autocache.connection()).await?;
/// let inspection = books.inspect(1).await?;
/// assert_eq!(inspection.state, EntryState::Row);
/// assert_eq!(inspection.columns[1], ("title", "Emma".into()));
/// println!("{inspection}"); // shop:book:1 in `default`: row, 43 bytes, expires in 299 s, …
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inspection {
    /// The name of the backend.
    pub backend: String,
    /// The key in the backend, with the store's own prefix.
    pub key: String,
    /// What it holds.
    pub state: EntryState,
    /// The size of what it holds.
    pub bytes: usize,
    /// How long until it expires, [`Duration::MAX`] if it never does. `None`: there is nothing, or the store cannot
    /// tell.
    pub ttl: Option<Duration>,
    /// For how long a row or a tombstone has been there, if it came with the TTL that this program gives it. `None`:
    /// not known.
    pub age: Option<Duration>,
    /// The fingerprint of the entry: hashes of its entity and of its columns. `None`: it is no entry.
    pub fingerprint: Option<String>,
    /// The fingerprint of the entries that this program writes and reads.
    pub own_fingerprint: String,
    /// Whether this process reads the row from the database, whatever is there: the circuit breaker is open, or an
    /// invalidation of the key is queued.
    pub bypassed: bool,
    /// The columns of a row that this program can read, by their names; else none.
    pub columns: Vec<(&'static str, Value)>,
}

/// What a key holds, as the program that asks would read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// Nothing.
    Absent,
    /// The row.
    Row,
    /// A tombstone: there is no such row in the database.
    Tombstone,
    /// A lease: a reader is fetching the row.
    Lease,
    /// A write intent: readers ask the database.
    Intent {
        /// The writers that are at work.
        writers: usize,
        /// The writers that are past their deadlines and count as dead.
        dead: usize,
        /// Whether two writers have overlapped, so that none of them will publish the row.
        dirty: bool,
    },
    /// An entry with other columns, or of another `CACHE_VERSION`: of another version of the program.
    OtherVersion,
    /// An entry of another entity or another database.
    OtherEntity,
    /// An entry from before the server was restarted or replaced, which
    /// [`Consistency::Strict`](crate::Consistency::Strict) does not read.
    OtherServer,
    /// An entry of another row of this entity, whose primary key has the same text.
    OtherRow,
    /// Bytes that this program cannot decode.
    Undecodable,
    /// A Redis value of another type, such as a hash.
    OtherType,
}

impl Inspection {
    /// Whether the entry is one of this version of the program.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.fingerprint.as_ref() == Some(&self.own_fingerprint)
    }
}

/// Asks the store, and counts nothing.
pub(crate) async fn inspect(keyspace: &Keyspace, pk: &ValueTuple) -> Result<Inspection, StoreError> {
    let mut inspection = Inspection {
        backend: keyspace.backend.name().to_owned(),
        key: String::new(),
        state: EntryState::Absent,
        bytes: 0,
        ttl: None,
        age: None,
        fingerprint: None,
        own_fingerprint: keyspace.fingerprint().to_string(),
        bypassed: false,
        columns: Vec::new(),
    };
    // A primary key with a NULL in it names no row.
    let Some(key) = keyspace.key(pk) else { return Ok(inspection) };
    inspection.bypassed = keyspace.backend.bypasses(&key);
    let by = AnsweredBy::Server(keyspace.backend.stamp(&key));
    let Inspected { key, found, ttl, now_ms } = keyspace.backend.inspect(&key).await?;
    (inspection.key, inspection.ttl) = (key, ttl);
    let bytes = match found {
        Found::Nothing => return Ok(inspection),
        Found::Foreign => {
            inspection.state = EntryState::OtherType;
            return Ok(inspection);
        }
        Found::Bytes(bytes) | Found::Stamped { bytes, .. } => bytes,
        Found::Memory(entry) => entry.bytes().clone(),
    };
    inspection.bytes = bytes.len();
    inspection.fingerprint = entry::fingerprint_of(&bytes).map(|fingerprint| fingerprint.to_string());
    (inspection.state, inspection.columns) = state_of(keyspace, pk, &bytes, by, now_ms);
    inspection.age = age_of(keyspace, inspection.state, ttl);
    Ok(inspection)
}

fn state_of(
    keyspace: &Keyspace,
    pk: &ValueTuple,
    bytes: &[u8],
    by: AnsweredBy,
    now_ms: u64,
) -> (EntryState, Vec<(&'static str, Value)>) {
    let state = match keyspace.read(bytes, by) {
        Ok(Content::Row(payload)) => return row_of(keyspace, pk, payload),
        Ok(Content::Absence(mark)) if pk_text(pk).is_some_and(|text| PkMark::of(&text) == mark) => {
            EntryState::Tombstone
        }
        Ok(Content::Absence(_)) => EntryState::OtherRow,
        Err(Unreadable::Marker) => marker_of(bytes, now_ms),
        Err(Unreadable::Malformed) => EntryState::Undecodable,
        Err(Unreadable::OtherEntity) => EntryState::OtherEntity,
        Err(Unreadable::OtherSchema) => EntryState::OtherVersion,
        Err(Unreadable::OtherServer) => EntryState::OtherServer,
    };
    (state, Vec::new())
}

/// By the same rules as a read.
fn row_of(keyspace: &Keyspace, pk: &ValueTuple, payload: &[u8]) -> (EntryState, Vec<(&'static str, Value)>) {
    let schema = &keyspace.schema;
    let mut slot = SharedRow::of(schema.ops);
    let is_readable = decode_payload(keyspace, pk, payload, &mut slot);
    match slot.row() {
        Some(row) if is_readable => {
            let value = |(number, name)| (name, schema.ops.get(row, number));
            let names = schema.columns.iter().map(|column| column.name).enumerate();
            (EntryState::Row, names.map(value).collect())
        }
        Some(row) if !is_row_of(keyspace, row, pk) => (EntryState::OtherRow, Vec::new()),
        _ => (EntryState::Undecodable, Vec::new()),
    }
}

fn marker_of(bytes: &[u8], now_ms: u64) -> EntryState {
    match decode_slot(bytes, |_| ()) {
        Slot::Intent(intents) => {
            let writers = intents.holders.iter().filter(|holder| holder.deadline_ms > now_ms).count();
            EntryState::Intent { writers, dead: intents.holders.len() - writers, dirty: intents.dirty }
        }
        Slot::Lease(_) => EntryState::Lease,
        Slot::Empty | Slot::Entry(()) => EntryState::Undecodable,
    }
}

/// An entry does not say when it was made.
fn age_of(keyspace: &Keyspace, state: EntryState, left: Option<Duration>) -> Option<Duration> {
    let given = match state {
        EntryState::Row => keyspace.ttl,
        EntryState::Tombstone => keyspace.tombstone_ttl()?,
        _ => return None,
    };
    if given == Duration::MAX { None } else { given.checked_sub(left?) }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in `{}`: {}", self.key, self.backend, self.state)?;
        if self.state != EntryState::Absent {
            write!(f, ", {} bytes", self.bytes)?;
        }
        match self.ttl {
            Some(Duration::MAX) => f.write_str(", never expires")?,
            Some(ttl) => write!(f, ", expires in {} s", ttl.as_secs())?,
            None => {}
        }
        if let Some(age) = self.age {
            write!(f, ", {} s old", age.as_secs())?;
        }
        match &self.fingerprint {
            Some(fingerprint) if self.is_own() => write!(f, ", fingerprint {fingerprint}")?,
            Some(fingerprint) => write!(f, ", fingerprint {fingerprint}, not {}", self.own_fingerprint)?,
            None => {}
        }
        if self.bypassed {
            f.write_str("; bypassed by this process")?;
        }
        for (name, value) in &self.columns {
            write!(f, "\n  {name} = {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Absent => "absent",
            Self::Row => "row",
            Self::Tombstone => "tombstone",
            Self::Lease => "lease",
            Self::Intent { writers, dead, dirty } => {
                write!(f, "intent of {writers} writers")?;
                if *dead > 0 {
                    write!(f, " and {dead} dead ones")?;
                }
                return if *dirty { f.write_str(", dirty") } else { Ok(()) };
            }
            Self::OtherVersion => "entry of another version of the program",
            Self::OtherEntity => "entry of another entity or database",
            Self::OtherServer => "entry from before the server was restarted or replaced",
            Self::OtherRow => "entry of another row",
            Self::Undecodable => "undecodable",
            Self::OtherType => "value of another Redis type",
        };
        f.write_str(text)
    }
}
