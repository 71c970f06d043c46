//! Related objects of one model.

use super::follow::{follow, follow_on};
use crate::entity::{CachedEntity, models};
use crate::read::Target;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Linked, ModelTrait, Related, RelationDef};
use std::future::Future;

/// Related objects through the cache, along relations defined in SeaORM.
///
/// A list costs one round trip for its members and one for their rows; a parent costs one. What is not
/// cached takes one `SELECT` for each of the two. Results are those of the cache of the related
/// entity: always fresh, in the order of its [`Index`](crate::Index) on the relation's columns, by primary
/// key unless that says otherwise.
///
/// Every entity on the way must be a [`CachedEntity`]; the one that is asked need not be. A relation with
/// a condition of its own (`on_condition`) is refused, for only the database can judge it.
pub trait CachedRelated: ModelTrait {
    /// The related rows: of has-many relations, and of many-to-many ones through their junction.
    ///
    /// ```
    /// # mod shop {
    /// #     pub mod author {
    /// #         use sea_orm::entity::prelude::*;
    /// #         use sea_orm_autocache::prelude::*;
    /// #         #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #         #[sea_orm(table_name = "author")]
    /// #         pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub name: String }
    /// #         #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #         pub enum Relation { #[sea_orm(has_many = "super::book::Entity")] Book }
    /// #         impl Related<super::book::Entity> for Entity { fn to() -> RelationDef { Relation::Book.def() } }
    /// #         impl CachedEntity for Entity {}
    /// #         connect_signals!(ActiveModel);
    /// #     }
    /// #     pub mod book {
    /// #         use sea_orm::entity::prelude::*;
    /// #         use sea_orm_autocache::prelude::*;
    /// #         #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #         #[sea_orm(table_name = "book")]
    /// #         pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String, pub author_id: i64 }
    /// #         #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #         pub enum Relation {
    /// #             #[sea_orm(belongs_to = "super::author::Entity", from = "Column::AuthorId", to = "super::author::Column::Id")]
    /// #             Author,
    /// #         }
    /// #         impl Related<super::author::Entity> for Entity { fn to() -> RelationDef { Relation::Author.def() } }
    /// #         impl CachedEntity for Entity {}
    /// #         connect_signals!(ActiveModel);
    /// #     }
    /// # }
    /// # use shop::{author, book};
    /// # use sea_orm::DbErr;
    /// use sea_orm_autocache::prelude::*;
    ///
    /// async fn shelf(author: &author::Model) -> Result<Vec<String>, DbErr> {
    ///     let books = author.cached_related(book::Entity).await?;
    ///     Ok(books.into_iter().map(|book| book.title).collect())
    /// }
    /// ```
    ///
    /// # Errors
    /// The database's own; a [`CacheError`](crate::CacheError) where the relation cannot be followed: it says
    /// why.
    fn cached_related<R>(&self, _: R) -> impl Future<Output = Result<Vec<R::Model>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
    {
        related::<Self, R>(self, Self::Entity::via_and_to())
    }

    /// The one related row: the parent of a belongs-to relation, the other side of a has-one; `None` if
    /// there is none, which is cached, too.
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_one<R>(&self, _: R) -> impl Future<Output = Result<Option<R::Model>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
    {
        let rows = related::<Self, R>(self, Self::Entity::via_and_to());
        async { Ok(rows.await?.into_iter().next()) }
    }

    /// As [`cached_related`](Self::cached_related), along a given relation: where an entity has several to
    /// the same other one, or to itself. The children of a node, for example, are
    /// `node.cached_related_by(Relation::Parent.def().rev(), Entity)`.
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_related_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Vec<R::Model>, DbErr>> + Send {
        related::<Self, R>(self, vec![relation])
    }

    /// As [`cached_one`](Self::cached_one), along a given relation.
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_one_by<R: CachedEntity>(
        &self,
        relation: RelationDef,
        _: R,
    ) -> impl Future<Output = Result<Option<R::Model>, DbErr>> + Send {
        let rows = related::<Self, R>(self, vec![relation]);
        async { Ok(rows.await?.into_iter().next()) }
    }

    /// The rows at the end of a chain of relations. Each link costs what a relation costs.
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_linked<L>(
        &self,
        link: L,
    ) -> impl Future<Output = Result<Vec<<L::ToEntity as EntityTrait>::Model>, DbErr>> + Send
    where
        L: Linked<FromEntity = Self::Entity, ToEntity: CachedEntity>,
    {
        related::<Self, L::ToEntity>(self, link.link())
    }

    /// As [`cached_related`](Self::cached_related), reading what is not cached through this connection. In a
    /// transaction it sees that transaction's own writes, and fills nothing; see
    /// [`CacheController::on`](crate::CacheController::on).
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_related_on<R, C>(
        &self,
        _: R,
        connection: &C,
    ) -> impl Future<Output = Result<Vec<R::Model>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
        C: ConnectionTrait,
    {
        let rows =
            follow_on(connection, &std::slice::from_ref(self), Target::of::<R>(), Self::Entity::via_and_to());
        async move { Ok(models::<R>(rows.await?.into_iter().flatten().collect())) }
    }

    /// As [`cached_one`](Self::cached_one), on a connection; see
    /// [`cached_related_on`](Self::cached_related_on).
    ///
    /// # Errors
    /// As [`cached_related`](Self::cached_related).
    fn cached_one_on<R, C>(
        &self,
        related: R,
        connection: &C,
    ) -> impl Future<Output = Result<Option<R::Model>, DbErr>> + Send
    where
        R: CachedEntity,
        Self::Entity: Related<R>,
        C: ConnectionTrait,
    {
        let rows = self.cached_related_on(related, connection);
        async { Ok(rows.await?.into_iter().next()) }
    }
}

impl<M: ModelTrait> CachedRelated for M {}

/// The relations from one entity to a related one: by way of the junction, where there is one.
pub(super) trait ViaAndTo<R: EntityTrait>: Related<R> {
    fn via_and_to() -> Vec<RelationDef> {
        Self::via().into_iter().chain([Self::to()]).collect()
    }
}

impl<R: EntityTrait, E: Related<R>> ViaAndTo<R> for E {}

fn related<M: ModelTrait, R: CachedEntity>(
    model: &M,
    relations: Vec<RelationDef>,
) -> impl Future<Output = Result<Vec<R::Model>, DbErr>> + Send + use<M, R> {
    let rows = follow(&std::slice::from_ref(model), Target::of::<R>(), relations);
    async move { Ok(models::<R>(rows.await?.into_iter().flatten().collect())) }
}
