use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait};

/// The hooks of a user's own: SeaORM's `ActiveModelBehavior`, method for method.
/// [`connect_signals!`](crate::connect_signals) implements it with what is in its braces, and calls it.
#[doc(hidden)]
#[async_trait::async_trait]
#[allow(missing_docs, unused_variables)]
pub trait OwnHooks: ActiveModelTrait {
    #[must_use]
    fn new() -> Self {
        <Self as ActiveModelTrait>::default()
    }

    async fn before_save<C: ConnectionTrait>(self, db: &C, insert: bool) -> Result<Self, DbErr> {
        Ok(self)
    }

    async fn after_save<C: ConnectionTrait>(
        model: <Self::Entity as EntityTrait>::Model,
        db: &C,
        insert: bool,
    ) -> Result<<Self::Entity as EntityTrait>::Model, DbErr> {
        Ok(model)
    }

    async fn before_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        Ok(self)
    }

    async fn after_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
        Ok(self)
    }
}
