//! Bulk writes that keep the cache exact to the row.
//!
//! SeaORM's `Entity::…` statements run no hooks. Here they run in a transaction, their own or the caller's,
//! and the database tells what they have changed: by the rows that it returns, or, where it returns none, by
//! locking the rows first and reading them again afterwards. The transaction's unit of work records each, and
//! its commit does the rest.

mod delete;
mod insert;
mod ledger;
mod scope;
mod site;
mod statement;
mod update;

pub use scope::CachedScope;

use crate::entity::{CachedEntity, Row, models, ops_of};
use crate::executor::WriteStatement;
use futures_util::future::BoxFuture;
use sea_orm::sea_query::{DeleteStatement, InsertStatement, UpdateStatement};
use sea_orm::{
    ActiveModelTrait, DbErr, DeleteMany, DeleteOne, DeleteResult, EntityTrait, Insert, InsertMany,
    QueryTrait, TryInsert, UpdateMany, UpdateOne, UpdateResult, ValidatedDeleteOne, ValidatedUpdateOne,
};
use std::any::TypeId;
use std::future::{Future, ready};

/// `exec_cached` for SeaORM's own builders: `Entity::update_many`, `delete_many`, `insert_many`, `insert`,
/// `update`, `delete` and `delete_by_id`.
///
/// The statement runs as it is, and the cache holds afterwards what it has written: the new rows of an
/// `UPDATE` or `INSERT`, and the absence of what a `DELETE` has removed, each to be read without the
/// database. Lists that rows have joined, and rows that foreign-key cascades change, are read anew.
///
/// On a [`CachedConnection`](crate::CachedConnection) it runs in a transaction of its own, and costs two
/// round trips to Redis whatever the number of rows. In a [`CachedTransaction`](crate::CachedTransaction)
/// the cache is updated when that one commits.
///
/// | | PostgreSQL, SQLite | MySQL, MariaDB |
/// | --- | --- | --- |
/// | `UPDATE` | one statement | the rows are locked, changed, and read again: three |
/// | `DELETE` | one statement | the rows are locked, then deleted: two |
/// | `DELETE` of rows on which rows of cached entities depend | two, and a `SELECT` for each foreign key | the same |
/// | `INSERT` | one statement | the rows are inserted, and read: two or three |
/// | `INSERT … ON CONFLICT` and its like | one statement | **the whole entity is cleared** |
///
/// The whole entity is also cleared, as by an untracked write, where the changed rows cannot be known: on MySQL by an `UPDATE` of the primary key, one of several tables, an insert of rows
/// some of which bring their key and some do not; everywhere by a `WITH` before the statement, an upsert that
/// sets the primary key, and, where rows must be named, by more than 30,000 of them.
///
/// All rows that are written come back to the program and go to the cache. To rewrite a table of millions,
/// use SeaORM's `exec`.
///
/// ```standalone_crate
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     use sea_orm_autocache::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "book")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String, pub rank: i32 }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl CachedEntity for Entity {}
/// #     connect_signals!(ActiveModel);
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::sea_query::{Expr, ExprTrait};
/// use sea_orm::{ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter, Schema, Set};
/// use sea_orm_autocache::prelude::*;
///
/// let database = Database::connect("sqlite::memory:").await?;
/// # let create = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
/// # database.execute(&create).await?;
/// let autocache = Autocache::builder(database)
///     .app("shop")
///     .backend("default", MemoryStore::new(10_000))
///     .build()?;
/// let db = autocache.connection();
///
/// let new = ["Emma", "Persuasion"].map(|title| book::ActiveModel {
///     title: Set(title.to_owned()),
///     rank: Set(1),
///     ..Default::default()
/// });
/// assert_eq!(book::Entity::insert_many(new).exec_cached(&db).await?, 2);
///
/// let raised = book::Entity::update_many()
///     .col_expr(book::Column::Rank, Expr::col(book::Column::Rank).add(1))
///     .filter(book::Column::Title.starts_with("E"))
///     .exec_cached_with_returning(&db)
///     .await?;
/// assert_eq!(autocache.cache::<book::Entity>().get(raised[0].id).await?.rank, 2); // from the cache
///
/// let sold = book::Entity::delete_many().filter(book::Column::Rank.eq(1)).exec_cached(&db).await?;
/// assert_eq!(sold.rows_affected, 1);
/// # Ok(()) }
/// ```
pub trait ExecCached: IntoWrite {
    /// Runs the statement and updates the cache with what it has changed.
    ///
    /// Answers as SeaORM's `exec` does, and inserts with the number of rows, as `exec_without_returning`.
    ///
    /// # Errors
    /// The database's own; then nothing is written on a [`CachedConnection`](crate::CachedConnection). Those
    /// of a [commit](crate::CachedTransaction::commit), under
    /// [`Consistency::Strict`](crate::Consistency::Strict) also the cache's.
    ///
    /// # Cancel safety
    /// Dropped before its `COMMIT` on a `CachedConnection`, nothing is written. During it, the outcome is unknown:
    /// readers bypass the rows for the intent TTL. During its `BEGIN`, as any `begin()` that is dropped: sqlx
    /// may leave a transaction open on a pooled connection. In a `CachedTransaction` the outcome of the
    /// statement is unknown, and if it commits, the whole entity is cleared.
    fn exec_cached<S: CachedScope>(self, db: &S) -> impl Future<Output = Result<Self::Output, DbErr>> + Send {
        let done = run(db, self.into_write(), Self::WANT, target::<Self::Entity>());
        async move { Self::output(done.await?) }
    }

    /// As [`exec_cached`](Self::exec_cached), and answers with the rows: as they are after an `UPDATE` or
    /// `INSERT`, as they were before a `DELETE`. On every database.
    ///
    /// # Errors
    /// As [`exec_cached`](Self::exec_cached). [`DbErr::BackendNotSupported`], before anything is sent, where
    /// the rows cannot be known: where `exec_cached` clears the whole entity on MySQL.
    ///
    /// # Cancel safety
    /// As [`exec_cached`](Self::exec_cached).
    fn exec_cached_with_returning<S: CachedScope>(
        self,
        db: &S,
    ) -> impl Future<Output = Result<Vec<<Self::Entity as EntityTrait>::Model>, DbErr>> + Send {
        let want = if Self::WANT == Want::One { Want::One } else { Want::Rows };
        let done = run(db, self.into_write(), want, target::<Self::Entity>());
        async move { Ok(models::<Self::Entity>(done.await?.rows.unwrap_or_default())) }
    }
}

impl<W: IntoWrite> ExecCached for W {}

/// What the caller of a bulk write wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Count,
    Rows,
    /// The one row, also if there is nothing to be changed in it.
    One,
}

/// The entity that is written.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)]
pub struct Target {
    id: TypeId,
    ops: &'static dyn crate::entity::EntityOps,
}

fn target<E: CachedEntity>() -> Target {
    Target { id: TypeId::of::<E>(), ops: ops_of::<E>() }
}

/// Runs a write, unless it could not be built.
fn run<'s, S: CachedScope>(
    db: &'s S,
    write: Result<WriteStatement, DbErr>,
    want: Want,
    target: Target,
) -> BoxFuture<'s, Result<Done, DbErr>> {
    match write {
        Ok(write) => db.write(write, want, target),
        Err(error) => Box::pin(ready(Err(error))),
    }
}

/// What a bulk write has come to.
#[allow(missing_debug_implementations)]
pub struct Done {
    affected: u64,
    /// `None`: not known, and not wanted.
    rows: Option<Vec<Row>>,
}

impl Done {
    fn nothing() -> Self {
        Self { affected: 0, rows: Some(Vec::new()) }
    }

    fn of(rows: Vec<Row>) -> Self {
        Self { affected: rows.len() as u64, rows: Some(rows) }
    }
}

/// A builder of SeaORM's. The sealed part of [`ExecCached`].
pub trait IntoWrite: Sized {
    /// The entity that is written.
    type Entity: CachedEntity;
    /// What `exec_cached` answers.
    type Output;
    #[doc(hidden)]
    const WANT: Want = Want::Count;
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn into_write(self) -> Result<WriteStatement, DbErr>;
    #[doc(hidden)]
    fn output(done: Done) -> Result<Self::Output, DbErr>;
}

/// Implements the trait for builders: the entity, what `exec_cached` answers, how the builder becomes a
/// statement, and how its outcome becomes the answer.
macro_rules! builders {
    ($([$($of:tt)+] $name:ty => $entity:ty, $output:ty, $want:expr, $write:expr, $answer:expr;)*) => {
        $(impl<$($of)+> IntoWrite for $name {
            type Entity = $entity;
            type Output = $output;
            const WANT: Want = $want;

            #[allow(private_interfaces)]
            fn into_write(self) -> Result<WriteStatement, DbErr> {
                $write(self)
            }

            fn output(done: Done) -> Result<Self::Output, DbErr> {
                $answer(done)
            }
        })*
    };
}

builders! {
    [E: CachedEntity] UpdateMany<E> => E, UpdateResult, Want::Count, update, updated;
    [A: ActiveModelTrait<Entity: CachedEntity>] ValidatedUpdateOne<A> => A::Entity, ModelOf<A>, Want::One,
        update, the_one::<A::Entity>;
    [A: ActiveModelTrait<Entity: CachedEntity>] UpdateOne<A> => A::Entity, ModelOf<A>, Want::One,
        |one: Self| update(one.validate()?), the_one::<A::Entity>;
    [E: CachedEntity] DeleteMany<E> => E, DeleteResult, Want::Count, delete, deleted;
    [E: CachedEntity] ValidatedDeleteOne<E> => E, DeleteResult, Want::Count, delete, deleted;
    [E: CachedEntity] DeleteOne<E> => E, DeleteResult, Want::Count, |one: Self| delete(one.validate()?), deleted;
    [A: ActiveModelTrait<Entity: CachedEntity>] Insert<A> => A::Entity, u64, Want::Count, insert, inserted;
    [A: ActiveModelTrait<Entity: CachedEntity>] InsertMany<A> => A::Entity, u64, Want::Count, insert, inserted;
    [A: ActiveModelTrait<Entity: CachedEntity>] TryInsert<A> => A::Entity, u64, Want::Count, insert, inserted;
}

type ModelOf<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

fn update(builder: impl QueryTrait<QueryStatement = UpdateStatement>) -> Result<WriteStatement, DbErr> {
    Ok(WriteStatement::Update(builder.into_query()))
}

fn delete(builder: impl QueryTrait<QueryStatement = DeleteStatement>) -> Result<WriteStatement, DbErr> {
    Ok(WriteStatement::Delete(builder.into_query()))
}

fn insert(builder: impl QueryTrait<QueryStatement = InsertStatement>) -> Result<WriteStatement, DbErr> {
    Ok(WriteStatement::Insert(builder.into_query()))
}

fn updated(done: Done) -> Result<UpdateResult, DbErr> {
    let mut result = UpdateResult::default();
    result.rows_affected = done.affected;
    Ok(result)
}

fn the_one<E: CachedEntity>(done: Done) -> Result<E::Model, DbErr> {
    models::<E>(done.rows.unwrap_or_default()).pop().ok_or(DbErr::RecordNotUpdated)
}

fn deleted(done: Done) -> Result<DeleteResult, DbErr> {
    let mut result = DeleteResult::empty();
    result.rows_affected = done.affected;
    Ok(result)
}

fn inserted(done: Done) -> Result<u64, DbErr> {
    Ok(done.affected)
}
