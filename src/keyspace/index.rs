use crate::entity::{IndexDeclaration, Schema};
use crate::entry::Fingerprint;
use crate::key;
use sea_orm::DbBackend;
use sea_orm::sea_query::{Order, Value};

/// An index in a keyspace. Columns are their numbers in the schema.
#[derive(Clone, Debug)]
pub(crate) struct IndexDef {
    pub(crate) columns: Vec<usize>,
    pub(crate) unique: bool,
    /// Values are compared by their texts, whatever the database does.
    pub(crate) exact: bool,
    /// Whether two values are equal for a lookup exactly when their texts are. Where they are not, a
    /// writer does not know which entries its row belongs to, so there are none.
    pub(crate) cached: bool,
    pub(crate) limit: usize,
    /// What lists are ordered by; by the primary key in the end.
    pub(crate) order: Vec<(usize, Order)>,
    /// The fingerprint of its entries.
    pub(super) fingerprint: Fingerprint,
    name: String,
}

impl IndexDef {
    /// `None` if its columns are not the entity's.
    pub(super) fn of(
        declared: &IndexDeclaration,
        schema: &Schema,
        entity: Fingerprint,
        database: Option<DbBackend>,
    ) -> Option<Self> {
        let columns = schema.columns_of(&declared.columns)?;
        let compares = |column: &usize| schema.columns[*column].compares_exactly(database);
        let name = declared.columns.join(",");
        let ordered = declared.order.iter();
        let ordered = ordered.filter_map(|(name, order)| Some((schema.column(name)?, order.clone())));
        Some(Self {
            unique: declared.unique,
            exact: declared.exact,
            cached: declared.exact || columns.iter().all(compares),
            limit: declared.limit,
            order: ordered.chain(schema.pk.iter().map(|column| (*column, Order::Asc))).collect(),
            fingerprint: entity.of_index(&name),
            columns,
            name,
        })
    }

    /// The middle of the key of these values, in the order of the columns.
    pub(crate) fn text<'v>(&self, values: impl IntoIterator<Item = &'v Value>) -> String {
        key::index_text(&self.name, values)
    }

    /// A row's values, in the order of the columns.
    pub(crate) fn values(&self, value: &dyn Fn(usize) -> Value) -> Vec<Value> {
        self.columns.iter().map(|column| value(*column)).collect()
    }

    /// Whether this is an index of exactly these columns, in whatever order.
    pub(crate) fn is_of(&self, columns: &[usize]) -> bool {
        self.columns.len() == columns.len() && columns.iter().all(|column| self.columns.contains(column))
    }
}
