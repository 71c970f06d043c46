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

        #[$crate::__private::async_trait::async_trait]
        impl $crate::sea_orm::ActiveModelBehavior for $active_model {
            async fn before_save<C>(
                self,
                db: &C,
                insert: bool,
            ) -> ::core::result::Result<Self, $crate::sea_orm::DbErr>
            where
                C: $crate::sea_orm::ConnectionTrait,
            {
                $crate::signals::pre_save_final(&self, db, insert).await?;
                ::core::result::Result::Ok(self)
            }

            async fn after_save<C>(
                model: <Self::Entity as $crate::sea_orm::EntityTrait>::Model,
                db: &C,
                insert: bool,
            ) -> ::core::result::Result<
                <Self::Entity as $crate::sea_orm::EntityTrait>::Model,
                $crate::sea_orm::DbErr,
            >
            where
                C: $crate::sea_orm::ConnectionTrait,
            {
                $crate::signals::post_save(&model, db, insert).await?;
                ::core::result::Result::Ok(model)
            }

            async fn before_delete<C>(self, db: &C) -> ::core::result::Result<Self, $crate::sea_orm::DbErr>
            where
                C: $crate::sea_orm::ConnectionTrait,
            {
                $crate::signals::pre_delete(&self, db).await?;
                ::core::result::Result::Ok(self)
            }

            async fn after_delete<C>(self, db: &C) -> ::core::result::Result<Self, $crate::sea_orm::DbErr>
            where
                C: $crate::sea_orm::ConnectionTrait,
            {
                $crate::signals::post_delete(&self, db).await?;
                ::core::result::Result::Ok(self)
            }
        }
    };
}
