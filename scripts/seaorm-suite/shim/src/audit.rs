//! Compares what the cache answers with what the database holds.

use futures_util::future::BoxFuture;
use real::sea_query::{FromValueTuple, ValueTuple};
use real::{DatabaseConnection, DbErr, EntityTrait, ModelTrait, PrimaryKeyTrait};
use sea_orm_autocache::{CachedConnection, CachedEntity};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Primary keys that there were, by their keys in the cache: each connection has an app label of its own.
static KNOWN: Mutex<Option<HashMap<&'static str, HashMap<String, ValueTuple>>>> = Mutex::new(None);

/// An entity that is audited.
pub struct Audited {
    name: fn() -> &'static str,
    check: for<'a> fn(&'a CachedConnection, Mode) -> BoxFuture<'a, Result<Outcome, DbErr>>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// Reads rows, and remembers their keys.
    Fill,
    /// Compares.
    Judge,
}

#[derive(Default)]
pub struct Outcome {
    rows: usize,
    stale: Vec<String>,
}

inventory::collect!(Audited);

impl Audited {
    pub const fn of<E: CachedEntity>() -> Self {
        Self { name: std::any::type_name::<E>, check: |db, mode| Box::pin(check::<E>(db, mode)) }
    }
}

async fn check<E: CachedEntity>(db: &CachedConnection, mode: Mode) -> Result<Outcome, DbErr> {
    let plain: &DatabaseConnection = db.inner();
    let cache = db.autocache().cache::<E>();
    let found = E::find().all(plain).await?;
    let typed = |key: &ValueTuple| {
        <<E::PrimaryKey as PrimaryKeyTrait>::ValueType as FromValueTuple>::from_value_tuple(key.clone())
    };
    let mut keys: HashMap<String, ValueTuple> = HashMap::new();
    for row in &found {
        let key = row.get_primary_key_value();
        keys.insert(cache.make_key(typed(&key)).expect("a key"), key);
    }
    let known: Vec<ValueTuple> = {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default().entry(std::any::type_name::<E>()).or_default();
        known.extend(keys);
        let is_ours = |(text, key): &(&String, &ValueTuple)| cache.make_key(typed(key)).is_ok_and(|own| own == **text);
        known.iter().filter(is_ours).map(|(_, key)| key.clone()).collect()
    };
    let mut outcome = Outcome { rows: known.len(), stale: Vec::new() };
    for key in known {
        let cached = cache.find(typed(&key)).await?;
        if mode == Mode::Judge {
            let held = E::find_by_id(typed(&key)).one(plain).await?;
            let (cached, held) = (format!("{cached:?}"), format!("{held:?}"));
            if cached != held {
                outcome.stale.push(format!("{key:?}: the cache says {cached}, the database {held}"));
            }
        }
    }
    Ok(outcome)
}

/// Fills the cache again and again, until its runtime ends.
pub(crate) async fn read_all_the_while(db: CachedConnection) {
    loop {
        for audited in inventory::iter::<Audited> {
            // Most entities have no table in this database.
            let _ = (audited.check)(&db, Mode::Fill).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// # Panics
/// A row is stale.
pub async fn audit(db: &CachedConnection) {
    let (mut entities, mut rows, mut stale) = (0, 0, Vec::new());
    for audited in inventory::iter::<Audited> {
        if let Ok(outcome) = (audited.check)(db, Mode::Judge).await {
            entities += 1;
            rows += outcome.rows;
            stale.extend(outcome.stale.into_iter().map(|text| format!("{} {text}", (audited.name)())));
        }
    }
    println!("AUDIT {entities} entities, {rows} rows, {} stale", stale.len());
    assert!(stale.is_empty(), "stale rows: {stale:#?}");
}
