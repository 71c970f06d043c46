//! [`CachedEntity`]: what an entity says about its cache.

mod column;
mod declaration;
mod foreign_key;
mod index;
mod ops;
mod registry;
mod schema;

pub(crate) use column::{integer, integer_of, is_null};
pub(crate) use foreign_key::ForeignKey;
pub use index::Index;
pub(crate) use index::IndexDeclaration;
pub(crate) use ops::{EntityOps, Row, column_at, decode_model, model, models, ops_of};
pub use registry::Registration;
pub(crate) use schema::{SELECT_KEYS_MAX, Schema, pk_tuple};

use crate::key::{self, KeyParts};
use sea_orm::{EntityTrait, TryIntoModel};
use std::borrow::Cow;
use std::time::Duration;

/// An entity whose rows are cached by primary key.
///
/// Everything has a default, so the usual implementation is empty. The entity's `ActiveModel` must be
/// connected to the signals with [`connect_signals!`](crate::connect_signals). The model needs no `serde`: a
/// row is cached as the values of its columns, whatever `serde` attributes the model has. Fields that are no
/// columns (`#[sea_orm(ignore)]`) are their `Default`, as when SeaORM reads the row.
///
/// ```
/// mod book {
///     use sea_orm::entity::prelude::*;
///     use sea_orm_autocache::prelude::*;
///
///     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
/// A dense entity (`#[sea_orm::model]`) says the same, and its relation fields are followed by
/// [`CachedRelated`](crate::CachedRelated):
///
/// ```
/// mod blog {
///     pub mod writer {
///         use sea_orm::entity::prelude::*;
///         use sea_orm_autocache::prelude::*;
///
///         #[sea_orm::model]
///         #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
///         #[sea_orm(table_name = "writer")]
///         pub struct Model {
///             #[sea_orm(primary_key)]
///             pub id: i64,
///             #[sea_orm(has_many)]
///             pub posts: HasMany<super::post::Entity>,
///         }
///
///         impl CachedEntity for Entity {}
///         connect_signals!(ActiveModel);
///     }
/// #   pub mod post {
/// #       use sea_orm::entity::prelude::*;
/// #       use sea_orm_autocache::prelude::*;
/// #       #[sea_orm::model]
/// #       #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #       #[sea_orm(table_name = "post")]
/// #       pub struct Model {
/// #           #[sea_orm(primary_key)] pub id: i64, pub writer_id: i64,
/// #           #[sea_orm(belongs_to, from = "writer_id", to = "id")] pub writer: BelongsTo<super::writer::Entity>,
/// #       }
/// #       impl CachedEntity for Entity {}
/// #       connect_signals!(ActiveModel);
/// #   }
/// }
/// # use blog::{post, writer};
/// use sea_orm_autocache::prelude::*;
///
/// async fn posts(writer: &writer::Model) -> Result<Vec<post::Model>, sea_orm::DbErr> {
///     writer.cached_related(post::Entity).await
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
    label = "writes of this entity do not reach the cache",
    note = "add `impl CachedEntity for Entity {{}}` beside the entity, and `connect_signals!(ActiveModel);` in place of `impl ActiveModelBehavior for ActiveModel {{}}`"
)]
pub trait CachedEntity:
    EntityTrait<Model: Sync, ActiveModel: SignalsConnected + TryIntoModel<<Self as EntityTrait>::Model>>
{
    /// The name of the backend that holds this entity.
    const BACKEND: &'static str = "default";

    /// How long a row stays cached. `None`: as the [`Autocache`](crate::Autocache) says, one hour
    /// by default. [`Duration::ZERO`]: never cached. [`Duration::MAX`]: no expiry.
    const TTL: Option<Duration> = None;

    /// How long a tombstone, the entry of a row that does not exist, stays cached. `None`: as long as rows.
    /// [`Duration::ZERO`]: no negative caching.
    const TOMBSTONE_TTL: Option<Duration> = None;

    /// Raise it to orphan every entry of this entity: after a change of meaning that no column shows.
    const CACHE_VERSION: u32 = 0;

    /// A label beside that of the [`Autocache`](crate::Autocache): the keys begin with `app:label`. It never stands
    /// in place of the app's, so two apps or tenants do not share rows by it.
    const APP_LABEL: Option<&'static str> = None;

    /// Other tables, a write of which may change rows of this entity: those under a view, or those from which a
    /// trigger writes this one. Such a write, by whatever call, drops every entry of the entity.
    ///
    /// ```
    /// # mod sales {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "sales")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub author_id: i64, pub copies: i64 }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// // CREATE VIEW sales AS SELECT author_id, SUM(copies) AS copies FROM purchase JOIN book …
    /// impl CachedEntity for Entity {
    ///     const DEPENDS_ON: &'static [&'static str] = &["purchase", "book"];
    /// }
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// ```
    const DEPENDS_ON: &'static [&'static str] = &[];

    /// The middle part of the keys. Unless overridden it is the table's name, as `schema.table` where the entity
    /// has a `schema_name`. Two entities of one program must not have the same.
    #[must_use]
    fn model_name() -> Cow<'static, str> {
        let entity = Self::default();
        key::table_name(entity.schema_name(), entity.table_name())
    }

    /// The key of a row. `app:model:pk` unless overridden.
    ///
    /// Must be a pure function of its argument, and give two primary keys two keys: a row that is
    /// found under another row's key is not served, but the two push each other out.
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

/// Says that an `ActiveModel`'s hooks update the cache.
///
/// Implemented by [`connect_signals!`](crate::connect_signals), and by nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to the cache's signals, so its rows would go stale",
    label = "saves and deletes of this model would not reach the cache",
    note = "add `connect_signals!(ActiveModel);` beside the entity, in place of `impl ActiveModelBehavior for ActiveModel {{}}`",
    note = "with hooks of your own: write `connect_signals! {{ … }}` around the whole `impl ActiveModelBehavior for ActiveModel {{ … }}`"
)]
pub trait SignalsConnected: Connected {}

/// What only [`connect_signals!`](crate::connect_signals) implements, beside the hooks it writes.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`SignalsConnected` is not implemented by hand: the hooks of `{Self}` would not update the cache",
    label = "hooks that `connect_signals!` has not written",
    note = "remove this, and write `connect_signals! {{ … }}` around the whole `impl ActiveModelBehavior for ActiveModel {{ … }}`"
)]
pub trait Connected {}
