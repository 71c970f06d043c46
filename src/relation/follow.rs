//! From models to their related rows.

use crate::autocache::Autocache;
use crate::connection::{Connection, source_of};
use crate::entity::Row;
use crate::error::CacheError;
use crate::read::{Path, Source, Target};
use futures_util::future::BoxFuture;
use sea_orm::sea_query::Value;
use sea_orm::{DbErr, EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait, RelationDef};

/// Models without their type.
pub(super) trait Models {
    fn table(&self) -> &'static str;

    fn len(&self) -> usize;

    /// A model's value in the column of this name.
    fn get(&self, place: usize, column: &str) -> Option<Value>;
}

impl<M: ModelTrait> Models for &[M] {
    fn table(&self) -> &'static str {
        M::Entity::default().table_name()
    }

    fn len(&self) -> usize {
        <[M]>::len(self)
    }

    fn get(&self, place: usize, column: &str) -> Option<Value> {
        let mut columns = <M::Entity as EntityTrait>::Column::iter();
        columns.find(|other| other.as_str() == column).map(|column| self[place].get(column))
    }
}

/// The path from these models, and their values at its start. Models are read before the future begins: they may
/// not be shared between threads.
fn starts(
    models: &dyn Models,
    to: Target,
    relations: &[RelationDef],
) -> Result<(Path, Vec<Vec<Value>>), CacheError> {
    let path = Path::new(models.table(), to, relations)?;
    let of_model = |place| path.start().iter().filter_map(|column| models.get(place, column)).collect();
    let starts = (0..models.len()).map(of_model).collect();
    Ok((path, starts))
}

/// The related rows of each model, of the entity that the relations lead to.
pub(super) fn follow(
    models: &dyn Models,
    to: Target,
    relations: Vec<RelationDef>,
) -> BoxFuture<'static, Result<Vec<Vec<Row>>, DbErr>> {
    let starts = starts(models, to, &relations);
    Box::pin(async move {
        let (path, starts) = starts?;
        let autocache = Autocache::current().ok_or(CacheError::NoAutocache)?;
        path.follow(&autocache, autocache.database(), Source::Primary, starts).await
    })
}

/// As [`follow`], reading what is not cached through this connection.
pub(super) fn follow_on<'c>(
    connection: &'c dyn Connection,
    models: &dyn Models,
    to: Target,
    relations: Vec<RelationDef>,
) -> BoxFuture<'c, Result<Vec<Vec<Row>>, DbErr>> {
    let starts = starts(models, to, &relations);
    Box::pin(async move {
        let (path, starts) = starts?;
        let autocache = Autocache::current().ok_or(CacheError::NoAutocache)?;
        let source = source_of(&autocache, connection);
        path.follow(&autocache, connection, source, starts).await
    })
}
