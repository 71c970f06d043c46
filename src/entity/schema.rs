//! [`Schema`]: an entity without its type.

use super::column::{Column, WrongType, is_null};
use super::declaration::Declaration;
use super::foreign_key::ForeignKey;
use super::index::IndexDeclaration;
use super::ops::{EntityOps, Row};
use crate::key::KeyParts;
use sea_orm::sea_query::{
    Condition, Expr, ExprTrait, PostgresQueryBuilder, Query, SelectStatement, Value, ValueTuple,
};
use std::any::{Any, TypeId};
use std::time::Duration;

/// Keys of one `SELECT … IN`, well below every database's limit on parameters.
pub(crate) const SELECT_KEYS_MAX: usize = 500;

/// An entity: its columns, its indexes, and the functions of its types.
pub(crate) struct Schema {
    pub(crate) ops: &'static dyn EntityOps,
    pub(crate) id: TypeId,
    pub(crate) model: String,
    /// Whether it lives elsewhere, and is known by its type only.
    pub(crate) is_outside: bool,
    pub(crate) table: &'static str,
    pub(crate) schema_name: Option<String>,
    /// `SELECT` of all columns, with SeaORM's casts.
    pub(crate) select: SelectStatement,
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key.
    pub(crate) pk: Vec<usize>,
    pub(crate) auto_increment: bool,
    /// Whether SeaORM puts more than a cast around the values of a column.
    pub(crate) has_expressions: bool,
    /// The declared indexes, and one for each set of columns on which a relation of the entity's own rests.
    pub(crate) indexes: Vec<IndexDeclaration>,
    /// The foreign keys that follow the deletion of the row they point to.
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// Other tables, a write of which may change any row.
    pub(crate) depends_on: &'static [&'static str],
    pub(crate) backend: &'static str,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tombstone_ttl: Option<Duration>,
    pub(crate) version: u32,
    pub(crate) app_label: Option<&'static str>,
    pub(crate) make_key: fn(&KeyParts<'_>) -> String,
}

impl Schema {
    pub(crate) fn of(ops: &'static dyn EntityOps) -> Self {
        let declared = ops.declare();
        let number = |name: &&str| declared.columns.iter().position(|column| column.name == *name);
        let pk: Vec<usize> = declared.pk.iter().filter_map(number).collect();
        let indexes = all_indexes(&declared, &pk);
        let foreign_keys = ForeignKey::all_of(&declared.relations, &declared.columns);
        let has_expressions = (0..declared.columns.len()).any(|column| is_expression(ops, column));
        Self {
            ops,
            id: declared.id,
            model: declared.model,
            is_outside: false,
            table: declared.table,
            schema_name: declared.schema_name,
            select: declared.select,
            columns: declared.columns,
            pk,
            auto_increment: declared.auto_increment,
            has_expressions,
            indexes,
            foreign_keys,
            depends_on: declared.depends_on,
            backend: declared.backend,
            ttl: declared.ttl,
            tombstone_ttl: declared.tombstone_ttl,
            version: declared.version,
            app_label: declared.app_label,
            make_key: declared.make_key,
        }
    }

    /// Nothing of it is cached, and no write of another table concerns it.
    pub(crate) fn leave_out(&mut self) {
        self.ttl = Some(Duration::ZERO);
        self.is_outside = true;
    }

    /// Whether the table may be in this schema of the database: one that names none is in whichever the connection
    /// leads to.
    pub(crate) fn may_be_in(&self, schema: Option<&str>) -> bool {
        self.schema_name.is_none() || schema.is_none() || self.schema_name.as_deref() == schema
    }

    /// The number of the column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The numbers of the columns of these names; `None` if one is not there.
    pub(crate) fn columns_of<S: AsRef<str>>(&self, names: &[S]) -> Option<Vec<usize>> {
        names.iter().map(|name| self.column(name.as_ref())).collect()
    }

    /// A column of which no value can be cached, and why.
    pub(crate) fn unsupported(&self) -> Option<(&'static str, String)> {
        let reason = |column: &Column| column.unsupported().map(|why| (column.name, why));
        self.columns.iter().find_map(reason)
    }

    /// The row's primary key.
    pub(crate) fn pk_of(&self, row: &dyn Any) -> ValueTuple {
        pk_tuple(self.values_of(row, &self.pk))
    }

    pub(crate) fn get(&self, row: &Row, column: usize) -> Value {
        self.ops.get(&**row, column)
    }

    /// The row's values in these columns.
    pub(crate) fn values_of(&self, row: &dyn Any, columns: &[usize]) -> Vec<Value> {
        columns.iter().map(|column| self.ops.get(row, *column)).collect()
    }

    /// Values as those of these columns.
    ///
    /// # Errors
    /// One of them is none of its column.
    pub(crate) fn convert(&self, columns: &[usize], values: Vec<Value>) -> Result<Vec<Value>, WrongType> {
        let each = columns.iter().zip(values);
        each.map(|(column, value)| self.columns[*column].convert(value)).collect()
    }

    /// The condition that these columns have one of these sets of values. NULL is a value, too.
    pub(crate) fn is_one_of<'v>(
        &self,
        columns: &[usize],
        values: impl IntoIterator<Item = &'v [Value]>,
    ) -> Condition {
        let (with_null, plain): (Vec<&[Value]>, Vec<&[Value]>) =
            values.into_iter().partition(|values| values.iter().any(is_null));
        let mut any = Condition::any();
        if !plain.is_empty() {
            any = any.add(self.is_in(columns, &plain));
        }
        for values in with_null {
            let each = columns.iter().zip(values).map(|(column, value)| self.equals(*column, value));
            any = any.add(each.fold(Condition::all(), Condition::add));
        }
        any
    }

    fn is_in(&self, columns: &[usize], values: &[&[Value]]) -> Expr {
        if let [column] = columns {
            let values = values.iter().filter_map(|values| Some(self.cast(*column, values.first()?)));
            return Expr::col(self.columns[*column].reference.clone()).is_in(values);
        }
        // Each value with its column's cast, as SeaORM's own loaders write it: PostgreSQL compares no enum
        // with a text.
        let tuple = |values: &&[Value]| {
            Expr::tuple(columns.iter().zip(*values).map(|(column, value)| self.cast(*column, value)))
        };
        let columns = columns.iter().map(|column| Expr::col(self.columns[*column].reference.clone()));
        Expr::tuple(columns).is_in(values.iter().map(tuple))
    }

    fn equals(&self, column: usize, value: &Value) -> Expr {
        let own = Expr::col(self.columns[column].reference.clone());
        if is_null(value) { own.is_null() } else { own.eq(self.cast(column, value)) }
    }

    fn cast(&self, column: usize, value: &Value) -> Expr {
        self.ops.save_as(column, Expr::val(value.clone()))
    }

    /// The `SELECT` of the rows whose columns have one of these sets of values.
    pub(crate) fn select_by<'v>(
        &self,
        columns: &[usize],
        values: impl IntoIterator<Item = &'v [Value]>,
    ) -> SelectStatement {
        let mut select = self.select.clone();
        select.cond_where(self.is_one_of(columns, values));
        select
    }

    /// The `SELECT` of the row with this primary key.
    pub(crate) fn select_by_pk(&self, pk: &ValueTuple) -> SelectStatement {
        let mut select = self.select.clone();
        for (column, value) in self.pk.iter().zip(pk.clone()) {
            select.and_where(self.equals(*column, &value));
        }
        select.limit(1);
        select
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("model", &self.model).finish_non_exhaustive()
    }
}

/// Whether SeaORM writes values of this column in more than a cast.
fn is_expression(ops: &dyn EntityOps, column: usize) -> bool {
    let (sql, _) = Query::select().expr(ops.save_as(column, Expr::val(0))).build(PostgresQueryBuilder);
    sql != "SELECT $1" && !sql.starts_with("SELECT CAST($1 AS ")
}

/// A primary key of these values, in the form that SeaORM gives one of so many columns.
pub(crate) fn pk_tuple(values: Vec<Value>) -> ValueTuple {
    let mut values = values.into_iter();
    match (values.next(), values.next(), values.next(), values.next()) {
        (Some(a), None, ..) => ValueTuple::One(a),
        (Some(a), Some(b), None, _) => ValueTuple::Two(a, b),
        (Some(a), Some(b), Some(c), None) => ValueTuple::Three(a, b, c),
        (a, b, c, d) => ValueTuple::Many([a, b, c, d].into_iter().flatten().chain(values).collect()),
    }
}

fn all_indexes(declared: &Declaration, pk: &[usize]) -> Vec<IndexDeclaration> {
    let name_of = |column: usize| declared.columns[column].name;
    let pk: Vec<&str> = pk.iter().map(|column| name_of(*column)).collect();
    let mut indexes: Vec<IndexDeclaration> = Vec::new();
    let of_relations = declared.relations.iter().filter_map(|relation| {
        let names = relation.from_col.iter().map(ToString::to_string);
        let own = |name: String| declared.columns.iter().find(|column| column.name == name).map(|c| c.name);
        names.map(own).collect::<Option<Vec<&'static str>>>().map(IndexDeclaration::many)
    });
    for index in declared.indexes.iter().cloned().chain(of_relations) {
        let is_pk = index.is_of(&pk);
        let known = indexes.iter().any(|other| other.is_of(&index.columns));
        if !(index.columns.is_empty() || is_pk || known) {
            indexes.push(index);
        }
    }
    indexes
}
