//! [`EntityOps`]: what the untyped core asks of an entity's types. All that is compiled once for each entity
//! is here, in the hooks, and in the typed methods that a program calls.

use super::CachedEntity;
use super::column::{Column, KIND_OF_VECTORS};
use super::declaration::Declaration;
use crate::entry::values::Reader;
use sea_orm::sea_query::{ArrayType, ColumnType, Expr, Value};
use sea_orm::{
    ActiveModelTrait, ColumnDef, ColumnTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic,
    Iterable, ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait, QueryResult, QueryTrait, RelationTrait,
    TryIntoModel,
};
use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

/// A row of some entity: an `Arc` of its model.
pub(crate) type Row = Arc<dyn Any + Send + Sync>;

/// The functions of one entity. Columns are named by their number, in the order of `Column::iter()`.
pub(crate) trait EntityOps: Send + Sync {
    /// All that the entity says about itself.
    fn declare(&self) -> Declaration;

    /// The row with these values. `None`: they are not those of a row.
    fn decode(&self, values: &mut Reader<'_>) -> Option<Row>;

    /// The row that a `SELECT` or `RETURNING` of all columns has found.
    fn read(&self, found: &QueryResult) -> Result<Row, DbErr>;

    /// A row's value in a column. NULL if the row is not of this entity.
    fn get(&self, row: &dyn Any, column: usize) -> Value;

    /// The value with the cast that SeaORM writes around values of this column.
    fn save_as(&self, column: usize, value: Expr) -> Expr;
}

/// The functions of an entity, as a static.
pub(crate) const fn ops_of<E: CachedEntity>() -> &'static dyn EntityOps {
    &Typed::<E>(PhantomData)
}

struct Typed<E>(PhantomData<fn() -> E>);

impl<E: CachedEntity> EntityOps for Typed<E> {
    fn declare(&self) -> Declaration {
        let mut columns = Vec::new();
        for column in E::Column::iter() {
            let definition = column.def();
            columns.push(Column {
                name: column.as_str(),
                kind: kind_of::<E>(column, &definition),
                definition,
                reference: column.as_column_ref(),
                // What it answers does not depend on the database.
                returning: column.select_as(column.into_returning_expr(DbBackend::Sqlite)),
            });
        }
        let mut pk = Vec::new();
        for key in E::PrimaryKey::iter() {
            pk.push(key.into_column().as_str());
        }
        let mut relations = Vec::new();
        for relation in E::Relation::iter() {
            relations.push(relation.def());
        }
        let mut indexes = Vec::new();
        for index in E::indexes() {
            indexes.push(index.declaration);
        }
        Declaration {
            id: TypeId::of::<E>(),
            model: E::model_name().into_owned(),
            table: E::default().table_name(),
            schema_name: E::default().schema_name().map(str::to_owned),
            select: E::find().into_query(),
            columns,
            pk,
            auto_increment: E::PrimaryKey::auto_increment(),
            relations,
            indexes,
            depends_on: E::DEPENDS_ON,
            backend: E::BACKEND,
            ttl: E::TTL,
            tombstone_ttl: E::TOMBSTONE_TTL,
            version: E::CACHE_VERSION,
            app_label: E::APP_LABEL,
            make_key: E::make_key,
        }
    }

    fn decode(&self, values: &mut Reader<'_>) -> Option<Row> {
        decode_model::<E>(values).map(|model| Arc::new(model) as Row)
    }

    fn read(&self, found: &QueryResult) -> Result<Row, DbErr> {
        E::Model::from_query_result(found, "").map(|model| Arc::new(model) as Row)
    }

    fn get(&self, row: &dyn Any, column: usize) -> Value {
        match (row.downcast_ref::<E::Model>(), column_at::<E>(column)) {
            (Some(model), Some(column)) => model.get(column),
            _ => Value::Int(None),
        }
    }

    fn save_as(&self, column: usize, value: Expr) -> Expr {
        match column_at::<E>(column) {
            Some(column) => column.save_as(value),
            None => value,
        }
    }
}

/// The kind of a column's values.
fn kind_of<E: EntityTrait>(column: E::Column, definition: &ColumnDef) -> ArrayType {
    match definition.get_column_type() {
        // SeaORM panics where it is asked for the kind of a vector, of which there is none.
        ColumnType::Vector(_) => KIND_OF_VECTORS,
        _ => E::Model::get_value_type(column),
    }
}

/// The column with this number.
pub(crate) fn column_at<E: EntityTrait>(column: usize) -> Option<E::Column> {
    E::Column::iter().nth(column)
}

/// The model with these values. Fields that are no columns are what they are when SeaORM reads a row: their
/// `Default`.
pub(crate) fn decode_model<E: CachedEntity>(values: &mut Reader<'_>) -> Option<E::Model> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        let value = values.next().ok()?;
        match value {
            #[cfg(feature = "postgres-array")]
            Value::Array(..) => try_set_array(&mut model, column, value)?,
            value => model.try_set(column, value).ok()?,
        }
    }
    model.try_into_model().ok()
}

/// Sets an array, if it is one of the column. sea-query panics at an element that is none of the column's type,
/// such as an enum's variant that only a newer version of the program knows.
#[cfg(feature = "postgres-array")]
fn try_set_array<A: ActiveModelTrait>(
    model: &mut A,
    column: <A::Entity as EntityTrait>::Column,
    value: Value,
) -> Option<()> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    // After a panic the model is not used.
    catch_unwind(AssertUnwindSafe(|| model.try_set(column, value).ok())).ok().flatten()
}

/// The model of a row.
pub(crate) fn model<E: CachedEntity>(row: &Row) -> Option<E::Model> {
    row.downcast_ref::<E::Model>().cloned()
}

/// The models of these rows.
pub(crate) fn models<E: CachedEntity>(rows: Vec<Row>) -> Vec<E::Model> {
    let mut models = Vec::with_capacity(rows.len());
    for row in rows {
        models.extend(row.downcast::<E::Model>().map(Arc::unwrap_or_clone));
    }
    models
}
