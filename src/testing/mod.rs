//! The test kit, for `[dev-dependencies]`: the Autocache of a test, assertions on what a call costs, stores that fail on
//! command, and the laws of a [`Store`](crate::Store). [The guide](https://docs.rs/sea-orm-autocache/latest/sea_orm_autocache/guide/testing/)
//! shows each of them.
// A test kit fails tests.
#![allow(clippy::panic)]

mod assertions;
pub mod conformance;
mod cost;
mod fault;
mod faulty_store;
mod gate;
mod operation;
mod statements;
mod test_autocache;

pub use cost::Cost;
pub use fault::{Fault, Injection};
pub use faulty_store::FaultyStore;
pub use gate::Gate;
pub use operation::Operation;
pub use test_autocache::TestAutocache;

#[doc(inline)]
pub use super::{
    __assert_cost as assert_cost, __assert_hit as assert_hit, __assert_miss as assert_miss,
    __assert_sql as assert_sql,
};

use crate::autocache::{Autocache, AutocacheBuilder};
use sea_orm::DatabaseConnection;

/// An Autocache for one test, in memory. Until it is dropped, it is the one of `Entity::cache()`, and of hooks on plain
/// connections, in all tasks of the caller's tokio runtime. Each `#[tokio::test]` has a runtime of its own, so tests
/// that run at the same time do not see each other's.
///
/// Every backend that an entity names is a [`MemoryStore`](crate::MemoryStore), and the app label is `test`.
///
/// ```standalone_crate
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     use sea_orm_autocache::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "book")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl CachedEntity for Entity {}
/// #     connect_signals!(ActiveModel);
/// # }
/// # #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::{ConnectionTrait, Database, Schema};
/// use sea_orm_autocache::prelude::*;
/// use sea_orm_autocache::testing::{self, assert_hit, assert_miss};
///
/// let database = Database::connect("sqlite::memory:").await?;
/// # let create = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
/// # database.execute(&create).await?;
/// let cache = testing::autocache(database);
/// assert_eq!(assert_miss!(cache, book::Entity::cache().find(7))?, None);
/// assert_eq!(assert_hit!(cache, book::Entity::cache().find(7))?, None);
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside a tokio runtime; and if [`build`](AutocacheBuilder::build) fails.
#[track_caller]
pub fn autocache(database: DatabaseConnection) -> TestAutocache {
    TestAutocache::of(labelled(database))
}

/// As [`autocache`], with settings of the test: a backend, a TTL, entities to leave out.
///
/// ```
/// # async fn test(database: sea_orm::DatabaseConnection) {
/// use sea_orm_autocache::MemoryStore;
/// use sea_orm_autocache::testing::{self, FaultyStore};
///
/// let store = FaultyStore::around(MemoryStore::new(1_000));
/// let cache = testing::autocache_with(database, |builder| builder.backend("default", store.clone()));
/// # drop(cache); }
/// ```
///
/// # Panics
/// As [`autocache`].
#[track_caller]
pub fn autocache_with(
    database: DatabaseConnection,
    configure: impl FnOnce(AutocacheBuilder) -> AutocacheBuilder,
) -> TestAutocache {
    TestAutocache::of(configure(labelled(database)))
}

fn labelled(database: DatabaseConnection) -> AutocacheBuilder {
    Autocache::builder(database).app("test")
}
