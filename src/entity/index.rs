//! [`Index`]: the columns by which rows are looked up and listed.

use sea_orm::sea_query::Order;
use sea_orm::{EntityTrait, IdenStatic};
use std::marker::PhantomData;

/// Members of a list beyond which it is not cached, unless the index says otherwise.
const LIMIT: usize = 1_000;

/// Columns by which rows are looked up through the cache, declared in
/// [`CachedEntity::indexes`](crate::CachedEntity::indexes).
///
/// An index entry holds the primary keys of the rows that have a value; the rows are those of the row
/// cache. The columns of an entity's own relations are indexed automatically, and need a declaration only
/// to say an order or a limit.
///
/// ```
/// # use sea_orm::sea_query::Order;
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
pub struct Index<E: EntityTrait> {
    pub(super) declaration: IndexDeclaration,
    entity: PhantomData<fn() -> E>,
}

/// An index without its entity's type.
#[derive(Clone, Debug)]
pub(crate) struct IndexDeclaration {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) unique: bool,
    pub(crate) exact: bool,
    pub(crate) limit: usize,
    pub(crate) order: Vec<(&'static str, Order)>,
}

impl IndexDeclaration {
    fn new(columns: Vec<&'static str>, unique: bool) -> Self {
        Self { columns, unique, exact: false, limit: LIMIT, order: Vec::new() }
    }

    pub(super) fn many(columns: Vec<&'static str>) -> Self {
        Self::new(columns, false)
    }

    /// Whether this is an index of exactly these columns, in whatever order.
    pub(crate) fn is_of<S: AsRef<str>>(&self, columns: &[S]) -> bool {
        self.columns.len() == columns.len()
            && columns.iter().all(|column| self.columns.contains(&column.as_ref()))
    }
}

impl<E: EntityTrait> Index<E> {
    fn new(columns: impl IntoIterator<Item = E::Column>, unique: bool) -> Self {
        let columns = columns.into_iter().map(|column| column.as_str()).collect();
        Self { declaration: IndexDeclaration::new(columns, unique), entity: PhantomData }
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
    /// ordered by its code points, whatever the database's collation, and so is an enum of the database; NULL comes where the database puts it:
    /// last on PostgreSQL, first elsewhere, and the other way round in a descending order.
    #[must_use]
    pub fn order_by(mut self, column: E::Column, order: Order) -> Self {
        self.declaration.order.push((column.as_str(), order));
        self
    }

    /// Lists with more members than this are not cached: the database answers, and it is counted as
    /// [`oversized`](crate::Counts::oversized). Defaults to 1,000.
    #[must_use]
    pub fn limit(mut self, members: usize) -> Self {
        self.declaration.limit = members;
        self
    }

    /// Values are compared byte by byte, whatever the database does.
    ///
    /// Text on MySQL and MariaDB, and columns of other types that databases compare more loosely than their
    /// text (decimals, fixed-length text, timestamps), are looked up in the database every time, unless
    /// this is said. With it, a lookup finds exactly the rows whose value is written as it was asked for.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.declaration.exact = true;
        self
    }
}
