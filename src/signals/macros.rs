/// Connects an `ActiveModel` to the [signals](crate::signals): writes its `ActiveModelBehavior`.
///
/// Put it where `impl ActiveModelBehavior for ActiveModel {}` was. With hooks of your own, see
/// [`signals`](crate::signals).
#[macro_export]
macro_rules! connect_signals {
    ($active_model:ty) => {
        impl $crate::SignalsConnected for $active_model {}

        $crate::__private::inventory::submit! {
            $crate::__private::Registration::of::<<$active_model as $crate::sea_orm::ActiveModelTrait>::Entity>()
        }

        // What `#[async_trait]` makes of the four hooks, without a future of their own for each entity: those are
        // most of what such hooks cost the compiler.
        impl $crate::sea_orm::ActiveModelBehavior for $active_model {
            fn before_save<'life0, 'async_trait, C>(
                self,
                db: &'life0 C,
                insert: bool,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $crate::__private::Then::boxed($crate::signals::pre_save_final(&self, db, insert), self)
            }

            fn after_save<'life0, 'async_trait, C>(
                model: <Self::Entity as $crate::sea_orm::EntityTrait>::Model,
                db: &'life0 C,
                insert: bool,
            ) -> $crate::__private::Hook<'async_trait, <Self::Entity as $crate::sea_orm::EntityTrait>::Model>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $crate::__private::Then::boxed($crate::signals::post_save(&model, db, insert), model)
            }

            fn before_delete<'life0, 'async_trait, C>(
                self,
                db: &'life0 C,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $crate::__private::Then::boxed($crate::signals::pre_delete(&self, db), self)
            }

            fn after_delete<'life0, 'async_trait, C>(
                self,
                db: &'life0 C,
            ) -> $crate::__private::Hook<'async_trait, Self>
            where
                C: $crate::sea_orm::ConnectionTrait + 'async_trait,
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                $crate::__private::Then::boxed($crate::signals::post_delete(&self, db), self)
            }
        }
    };
}
