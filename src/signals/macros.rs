/// Connects an `ActiveModel` to the cache: writes its `ActiveModelBehavior`, and registers the entity.
///
/// Put it where `impl ActiveModelBehavior for ActiveModel {}` was:
///
/// ```
/// mod book {
///     use sea_orm::entity::prelude::*;
///     use sea_orm_autocache::prelude::*;
/// #   #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #   #[sea_orm(table_name = "book")]
/// #   pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
/// #   #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #   pub enum Relation {}
///
///     impl CachedEntity for Entity {}
///     connect_signals!(ActiveModel);
/// }
/// ```
///
/// With hooks of your own, put the whole `impl` in its braces. Nothing else changes:
///
/// ```
/// mod book {
///     use sea_orm::entity::prelude::*;
///     use sea_orm_autocache::prelude::*;
/// #   #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #   #[sea_orm(table_name = "book")]
/// #   pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
/// #   #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #   pub enum Relation {}
///
///     impl CachedEntity for Entity {}
///     connect_signals! {
///         #[async_trait::async_trait]
///         impl ActiveModelBehavior for ActiveModel {
///             async fn before_save<C: ConnectionTrait>(self, db: &C, insert: bool) -> Result<Self, DbErr> {
///                 if self.title.try_as_ref().is_some_and(|title| title.is_empty()) {
///                     return Err(DbErr::Custom("a book needs a title".into()));
///                 }
///                 Ok(self)
///             }
///         }
///     }
/// }
/// ```
///
/// What the hooks do, and when:
///
/// | hook | yours | the cache | on a pool connection | in a `CachedTransaction` | in a plain `DatabaseTransaction` |
/// | --- | --- | --- | --- | --- | --- |
/// | `before_save` | first | then, with the model that yours returned | write intent | recorded | write intent, for `transaction_intent_ttl` |
/// | `after_save` | last | first, with the row of the database | row published | recorded, published after COMMIT | |
/// | `before_delete` | first | then | write intent | recorded | write intent, for `transaction_intent_ttl` |
/// | `after_delete` | last | first | tombstone published | recorded, published after COMMIT | |
///
/// - A `before_*` hook that fails leaves nothing in the cache. What it has written through `db` is written as by any
///   other code.
/// - An `after_*` hook runs when the row is written and the cache knows of it. If it fails, that stays so.
/// - Under [`Consistency::Strict`](crate::Consistency::Strict), a write whose intent the cache does not acknowledge
///   is not sent, and one whose end it does not acknowledge fails before your `after_*` hook.
#[macro_export]
macro_rules! connect_signals {
    (
        $(#[$attribute:meta])*
        impl ActiveModelBehavior for $active_model:ty { $($hooks:tt)* }
    ) => {
        $(#[$attribute])*
        impl $crate::__private::OwnHooks for $active_model { $($hooks)* }

        $crate::connect_signals!(
            @connect $active_model, (self, model, db, insert),
            { fn new() -> Self { <Self as $crate::__private::OwnHooks>::new() } },
            $crate::__private::Chain::boxed(
                <Self as $crate::__private::OwnHooks>::before_save(self, db, insert),
                move |model| $crate::__private::Then::boxed($crate::__private::pre_save(&model, db, insert), model),
            ),
            $crate::__private::Chain::boxed(
                $crate::__private::Then::boxed($crate::__private::post_save(&model, db, insert), model),
                move |model| <Self as $crate::__private::OwnHooks>::after_save(model, db, insert),
            ),
            $crate::__private::Chain::boxed(
                <Self as $crate::__private::OwnHooks>::before_delete(self, db),
                move |model| $crate::__private::Then::boxed($crate::__private::pre_delete(&model, db), model),
            ),
            $crate::__private::Chain::boxed(
                $crate::__private::Then::boxed($crate::__private::post_delete(&self, db), self),
                move |model| <Self as $crate::__private::OwnHooks>::after_delete(model, db),
            )
        );
    };
    // What `#[async_trait]` makes of the four hooks, without a future of their own for each entity: those are most
    // of what such hooks cost the compiler.
    (
        @connect $active_model:ty, ($this:ident, $model:ident, $db:ident, $insert:ident), { $($new:tt)* },
        $before_save:expr, $after_save:expr, $before_delete:expr, $after_delete:expr
    ) => {
        impl $crate::__private::Connected for $active_model {}
        impl $crate::SignalsConnected for $active_model {}

        $crate::__private::inventory::submit! {
            $crate::__private::Registration::of::<<$active_model as $crate::sea_orm::ActiveModelTrait>::Entity>()
        }

        impl $crate::sea_orm::ActiveModelBehavior for $active_model {
            $($new)*

            fn before_save<'life0, 'async_trait, C>(
                $this,
                $db: &'life0 C,
                $insert: bool,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $before_save
            }

            fn after_save<'life0, 'async_trait, C>(
                $model: <Self::Entity as $crate::sea_orm::EntityTrait>::Model,
                $db: &'life0 C,
                $insert: bool,
            ) -> $crate::__private::Hook<'async_trait, <Self::Entity as $crate::sea_orm::EntityTrait>::Model>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $after_save
            }

            fn before_delete<'life0, 'async_trait, C>(
                $this,
                $db: &'life0 C,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $before_delete
            }

            fn after_delete<'life0, 'async_trait, C>(
                $this,
                $db: &'life0 C,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $after_delete
            }
        }
    };
    ($active_model:ty) => {
        $crate::connect_signals!(
            @connect $active_model, (self, model, db, insert), {},
            $crate::__private::Then::boxed($crate::__private::pre_save(&self, db, insert), self),
            $crate::__private::Then::boxed($crate::__private::post_save(&model, db, insert), model),
            $crate::__private::Then::boxed($crate::__private::pre_delete(&self, db), self),
            $crate::__private::Then::boxed($crate::__private::post_delete(&self, db), self)
        );
    };
}
