//! [`Index`]: the columns by which rows are looked up and listed.

use crate::entity::CachedEntity;
use crate::key;
use sea_orm::sea_query::{Order, Value};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IdenStatic, Identity, Iterable, ModelTrait, RelationTrait,
};
use sha2::{Digest, Sha256};
use std::marker::PhantomData;

/// Members of a list beyond which it is not cached, unless the index says otherwise.
const LIMIT: usize = 1_000;

/// Columns by which rows are looked up through the cache, declared in
/// [`CachedEntity::indexes`](crate::CachedEntity::indexes).
///
/// An index entry holds the primary keys of the rows that have a value; the rows are those of the row
/// cache. The columns of an entity's own relations are indexed by themselves, and need a declaration only
/// to say an order or a limit.
///
/// ```
/// # use sea_orm::sea_query::Order;
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
/// #     #[sea_orm(table_name = "book")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key)] pub id: i64, pub isbn: String, pub author_id: i64, pub rank: i32,
/// #     }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     sea_orm_autocache::connect_signals!(ActiveModel);
/// # }
/// use book::{Column, Entity};
/// use sea_orm_autocache::prelude::*;
///
/// impl CachedEntity for Entity {
///     fn indexes() -> Vec<Index<Self>> {
///         vec![
///             Index::unique([Column::Isbn]),
///             Index::many([Column::AuthorId]).order_by(Column::Rank, Order::Asc).limit(500),
///         ]
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Index<E: CachedEntity> {
    columns: Vec<&'static str>,
    unique: bool,
    exact: bool,
    limit: usize,
    order: Vec<(&'static str, Order)>,
    entity: PhantomData<fn() -> E>,
}

impl<E: CachedEntity> Index<E> {
    fn new(columns: impl IntoIterator<Item = E::Column>, unique: bool) -> Self {
        let columns = columns.into_iter().map(|column| column.as_str()).collect();
        Self { columns, unique, exact: false, limit: LIMIT, order: Vec::new(), entity: PhantomData }
    }

    /// Columns of which no two rows have the same values, as the database sees to it. For
    /// [`get_by`](crate::CacheController::get_by).
    #[must_use]
    pub fn unique(columns: impl IntoIterator<Item = E::Column>) -> Self {
        Self::new(columns, true)
    }

    /// Columns of which many rows may have the same values. For
    /// [`list_by`](crate::CacheController::list_by) and related objects.
    #[must_use]
    pub fn many(columns: impl IntoIterator<Item = E::Column>) -> Self {
        Self::new(columns, false)
    }

    /// Lists are ordered by this column; calls add up, and the primary key comes last. Without any, by the
    /// primary key alone.
    ///
    /// The order is made from the rows, so changing the column of one row touches no list. Text is
    /// ordered by its code points, whatever the database's collation; NULL comes where the database puts it:
    /// last on PostgreSQL, first elsewhere, and the other way round in a descending order.
    #[must_use]
    pub fn order_by(mut self, column: E::Column, order: Order) -> Self {
        self.order.push((column.as_str(), order));
        self
    }

    /// Lists with more members than this are not cached: the database answers, and it is counted as
    /// [`oversized`](crate::Counts::oversized). Defaults to 1,000.
    #[must_use]
    pub fn limit(mut self, members: usize) -> Self {
        self.limit = members;
        self
    }

    /// Values are compared byte by byte, whatever the database does.
    ///
    /// Text on MySQL and MariaDB, and columns of other types that databases compare more loosely than their
    /// text (decimals, fixed-length text, timestamps), are looked up in the database every time, unless
    /// this is said. With it, a lookup finds exactly the rows whose value is written as it was asked for.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }
}

/// An index of a region.
#[derive(Clone, Debug)]
pub(crate) struct IndexDef {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) unique: bool,
    /// Values are compared by their texts, whatever the database does.
    pub(crate) exact: bool,
    /// Whether two values are equal for a lookup exactly when their texts are. Where they are not, a
    /// writer does not know which entries its row belongs to, so there are none.
    pub(crate) cached: bool,
    pub(crate) limit: usize,
    pub(crate) order: Vec<(&'static str, Order)>,
    /// The schema part of the fingerprint of its entries.
    pub(crate) schema: [u8; 4],
    name: String,
}

impl IndexDef {
    fn of<E: CachedEntity>(index: Index<E>, schema: [u8; 4], database: Option<DbBackend>) -> Self {
        let Index { columns, unique, exact, limit, order, .. } = index;
        let compares = |name: &&'static str| {
            column_of::<E>(name).is_some_and(|column| compares_exactly::<E>(column, database))
        };
        let cached = exact || columns.iter().all(compares);
        let name = columns.join(",");
        let mut hash = Sha256::new();
        hash.update(schema);
        hash.update(format!("@{name}"));
        let digest = hash.finalize();
        let schema = [digest[0], digest[1], digest[2], digest[3]];
        Self { columns, unique, exact, cached, limit, order, schema, name }
    }

    /// The middle of the key of these values, in the order of the columns.
    pub(crate) fn text<'v>(&self, values: impl IntoIterator<Item = &'v Value>) -> String {
        key::index_text(&self.name, values)
    }

    /// The values of a row, in the order of the columns.
    pub(crate) fn values_of<E: CachedEntity>(&self, row: &E::Model) -> Vec<Value> {
        self.columns.iter().filter_map(|name| Some(row.get(column_of::<E>(name)?))).collect()
    }

    /// Whether this is an index of exactly these columns, in whatever order.
    pub(crate) fn is_of<S: AsRef<str>>(&self, columns: &[S]) -> bool {
        self.columns.len() == columns.len()
            && columns.iter().all(|column| self.columns.contains(&column.as_ref()))
    }
}

/// The declared indexes, and one for each set of columns that a relation of the entity's own rests on.
pub(crate) fn indexes_of<E: CachedEntity>(schema: [u8; 4], database: Option<DbBackend>) -> Vec<IndexDef> {
    let mut indexes: Vec<IndexDef> = Vec::new();
    let pk: Vec<&str> = pk_columns::<E>();
    let mut add = |index: Index<E>| {
        let is_pk = index.columns.len() == pk.len() && index.columns.iter().all(|name| pk.contains(name));
        let known = indexes.iter().any(|other| other.is_of(&index.columns));
        if !(index.columns.is_empty() || is_pk || known) {
            indexes.push(IndexDef::of(index, schema, database));
        }
    };
    E::indexes().into_iter().for_each(&mut add);
    for relation in E::Relation::iter() {
        add(Index::many(columns_of::<E>(&relation.def().from_col)));
    }
    indexes
}

/// The columns of a relation's end that lies in this entity; none if they are not all its own.
pub(crate) fn columns_of<E: CachedEntity>(identity: &Identity) -> Vec<E::Column> {
    let columns: Option<Vec<_>> = identity.iter().map(|name| column_of::<E>(&name.to_string())).collect();
    columns.unwrap_or_default()
}

/// The column of this name.
pub(crate) fn column_of<E: EntityTrait>(name: &str) -> Option<E::Column> {
    E::Column::iter().find(|column| column.as_str() == name)
}

pub(crate) fn pk_columns<E: CachedEntity>() -> Vec<&'static str> {
    use sea_orm::PrimaryKeyToColumn;
    E::PrimaryKey::iter().map(|key| key.into_column().as_str()).collect()
}

/// Whether two values of a column are equal for the database exactly when their texts are. They are not
/// under collations that ignore case, in padded text, in decimals.
pub(crate) fn compares_exactly<E: CachedEntity>(column: E::Column, database: Option<DbBackend>) -> bool {
    use sea_orm::sea_query::ColumnType;
    let rust_type = format!("{:?}", E::Model::get_value_type(column));
    match column.def().get_column_type() {
        ColumnType::Uuid | ColumnType::Boolean | ColumnType::Enum { .. } => true,
        ColumnType::Blob | ColumnType::VarBinary(_) => true,
        ColumnType::String(_) | ColumnType::Text => {
            database.is_some_and(|d| d != DbBackend::MySql) && matches!(rust_type.as_str(), "String" | "Uuid")
        }
        other => is_number(other),
    }
}

pub(crate) fn is_number(column: &sea_orm::sea_query::ColumnType) -> bool {
    use sea_orm::sea_query::ColumnType;
    matches!(
        column,
        ColumnType::TinyInteger
            | ColumnType::SmallInteger
            | ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::TinyUnsigned
            | ColumnType::SmallUnsigned
            | ColumnType::Unsigned
            | ColumnType::BigUnsigned
    )
}
