//! [`CachedEntity`]: what an entity says about its cache.

use crate::controller::CacheController;
use crate::key::KeyParts;
use crate::relation::Index;
use sea_orm::{EntityTrait, PrimaryKeyTrait};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::time::Duration;

/// An entity whose rows are cached by primary key.
///
/// Everything has a default, so the usual implementation is empty. The model must be `Serialize` and
/// `DeserializeOwned`, and the entity's `ActiveModel` connected to the signals with
/// [`connect_signals!`](crate::connect_signals).
///
/// ```
/// mod book {
///     use sea_orm::entity::prelude::*;
///     use sea_orm_autocache::prelude::*;
///
///     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
///     #[sea_orm(table_name = "book")]
///     pub struct Model {
///         #[sea_orm(primary_key)]
///         pub id: i64,
///         pub title: String,
///     }
///     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
///     pub enum Relation {}
///
///     impl CachedEntity for Entity {}
///     connect_signals!(ActiveModel);
/// }
/// ```
///
/// A key that hides the primary key, and one that carries the version so that raising it leaves the
/// old entries to expire by themselves:
///
/// ```
/// use sea_orm_autocache::KeyParts;
/// use sha2::{Digest, Sha256};
///
/// fn hashed(key: &KeyParts<'_>) -> String {
///     let digest = Sha256::digest(key.to_string());
///     digest.iter().map(|byte| format!("{byte:02x}")).collect()
/// }
///
/// fn versioned(key: &KeyParts<'_>) -> String {
///     format!("{key}:v{}", key.version())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cached entity",
    label = "the cache is not told of this entity's writes",
    note = "add `impl CachedEntity for Entity {{}}` beside the entity, and `connect_signals!(ActiveModel);` in place of `impl ActiveModelBehavior for ActiveModel {{}}`"
)]
pub trait CachedEntity:
    EntityTrait<
        Model: Serialize + DeserializeOwned + Sync,
        PrimaryKey: PrimaryKeyTrait<ValueType: Serialize + DeserializeOwned>,
        ActiveModel: SignalsConnected,
    >
{
    /// The name of the backend that holds this entity.
    const BACKEND: &'static str = "default";

    /// How long a row stays cached. `None`: as the [`Autocache`](crate::Autocache) says, one hour
    /// unless told otherwise. [`Duration::ZERO`]: never cached. [`Duration::MAX`]: no expiry.
    const TIMEOUT: Option<Duration> = None;

    /// How long the absence of a row is remembered. `None`: as long as rows are.
    /// [`Duration::ZERO`]: not at all.
    const TOMBSTONE_TIMEOUT: Option<Duration> = None;

    /// Raise it to orphan every entry of this entity: after a change of meaning that no column shows.
    const CACHE_VERSION: u32 = 0;

    /// Replaces the app label of the [`Autocache`](crate::Autocache) for this entity.
    const APP_LABEL: Option<&'static str> = None;

    /// Whether others are linked by way of this entity through the cache: many-to-many relations with this
    /// junction, chains of relations ([`cached_linked`](crate::CachedRelated::cached_linked)) with this one
    /// in between.
    ///
    /// Where it is false, such a hop asks the database: right, but a statement each time. A program of
    /// hundreds of entities can say so for those that are no junction: the compiler then has about as much
    /// less to do for each as for its derives.
    const JUNCTION: bool = true;

    /// The middle part of the keys. The table's name unless overridden.
    #[must_use]
    fn model_name() -> Cow<'static, str> {
        Cow::Owned(Self::default().table_name().to_owned())
    }

    /// The key of a row. `app:model:pk` unless overridden.
    ///
    /// Must be a pure function of its argument, and give two primary keys two keys: a row that is
    /// found under another row's key is not served, but a tombstone does not say whose it is.
    #[must_use]
    fn make_key(key: &KeyParts<'_>) -> String {
        key.joined()
    }

    /// The columns to look up by, besides the primary key and those of the entity's own relations. None
    /// unless overridden; see [`Index`].
    ///
    /// An index that is new in a version of a program is not kept by the writers of the older one: let
    /// those end before the new version looks up by it.
    #[must_use]
    fn indexes() -> Vec<Index<Self>> {
        Vec::new()
    }
}

/// Says that an `ActiveModel` calls the [`signals`](crate::signals) in its hooks.
///
/// Implemented by [`connect_signals!`](crate::connect_signals). Implement it by hand only beside an
/// [`ActiveModelBehavior`](sea_orm::ActiveModelBehavior) that calls all four of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to the cache's signals, so its rows would go stale",
    label = "saves and deletes of this model would not reach the cache",
    note = "add `connect_signals!(ActiveModel);` beside the entity, in place of `impl ActiveModelBehavior for ActiveModel {{}}`",
    note = "with hooks of your own: call `signals::{{pre_save, post_save, pre_delete, post_delete}}` in them and add `impl SignalsConnected for ActiveModel {{}}`"
)]
pub trait SignalsConnected {}

/// Gives every cached entity its [`cache()`](EntityCache::cache).
pub trait EntityCache: EntityTrait {
    /// The entity's cache, in the [`Autocache`](crate::Autocache) of the current
    /// [scope](crate::Autocache::scope), else in the [installed](crate::Autocache::install) one.
    ///
    /// With neither, every call on it answers with an error that says how to provide one.
    #[must_use]
    fn cache() -> CacheController<Self>
    where
        Self: CachedEntity,
    {
        CacheController::current()
    }
}

impl<E: EntityTrait> EntityCache for E {}
