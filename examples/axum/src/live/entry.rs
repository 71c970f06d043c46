//! [`Entry`]: what the cache holds of one row, by `Entity::cache().inspect(pk)`.

use sea_orm::{DbErr, EntityTrait, PrimaryKeyTrait};
use sea_orm_autocache::{Autocache, CachedEntity, EntryState};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub struct Entry {
    key: String,
    state: State,
    /// What the state means, in words.
    text: String,
    bytes: usize,
    age_seconds: Option<f64>,
    ttl_seconds: Option<f64>,
    /// This process asks the database, whatever the entry says.
    bypassed: bool,
    columns: Vec<(&'static str, String)>,
}

/// What the page has colours for.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Absent,
    Row,
    Tombstone,
    Lease,
    Intent,
    Other,
    Unreachable,
}

impl Entry {
    pub async fn of<E>(autocache: &Autocache, id: i64) -> Result<Self, DbErr>
    where
        E: CachedEntity + EntityTrait<PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
    {
        let cache = autocache.cache::<E>();
        let Ok(inspection) = cache.inspect(id).await else {
            return Ok(Self::unreachable(cache.make_key(id)?));
        };
        let seconds = |time: Duration| time.as_secs_f64();
        let columns = inspection.columns.iter().map(|(name, value)| (*name, value.to_string()));
        Ok(Self {
            state: State::of(inspection.state),
            text: inspection.state.to_string(),
            bytes: inspection.bytes,
            age_seconds: inspection.age.map(seconds),
            ttl_seconds: inspection.ttl.filter(|ttl| *ttl != Duration::MAX).map(seconds),
            bypassed: inspection.bypassed,
            columns: columns.collect(),
            key: inspection.key,
        })
    }

    fn unreachable(key: String) -> Self {
        Self {
            key,
            state: State::Unreachable,
            text: "the store cannot be reached".to_owned(),
            bytes: 0,
            age_seconds: None,
            ttl_seconds: None,
            bypassed: true,
            columns: Vec::new(),
        }
    }
}

impl State {
    fn of(state: EntryState) -> Self {
        match state {
            EntryState::Absent => Self::Absent,
            EntryState::Row => Self::Row,
            EntryState::Tombstone => Self::Tombstone,
            EntryState::Lease => Self::Lease,
            EntryState::Intent { .. } => Self::Intent,
            _ => Self::Other,
        }
    }
}
