//! [`ForeignKey`]: `ON DELETE CASCADE` and `SET NULL` of an entity's relations.

use super::column::Column;
use sea_orm::RelationDef;
use sea_orm::sea_query::ForeignKeyAction;

/// A foreign key of an entity that follows the deletion of the row it points to.
#[derive(Clone, Debug)]
pub(crate) struct ForeignKey {
    /// The table that it points to.
    pub(crate) table: String,
    /// The columns that it points to.
    pub(crate) columns: Vec<String>,
    /// The entity's own columns.
    pub(crate) own: Vec<usize>,
    /// `SET NULL`, not `CASCADE`.
    pub(crate) sets_null: bool,
}

impl ForeignKey {
    /// The foreign keys among these relations of the entity with these columns.
    pub(super) fn all_of(relations: &[RelationDef], own: &[Column]) -> Vec<Self> {
        relations.iter().filter_map(|relation| Self::of(relation, own)).collect()
    }

    fn of(relation: &RelationDef, columns: &[Column]) -> Option<Self> {
        let sets_null = match relation.on_delete {
            Some(ForeignKeyAction::Cascade) => false,
            Some(ForeignKeyAction::SetNull) => true,
            _ => return None,
        };
        // A relation that the entity is the target of has its foreign key elsewhere.
        if relation.is_owner {
            return None;
        }
        let number = |name: String| columns.iter().position(|column| column.name == name);
        let own: Option<Vec<usize>> = relation.from_col.iter().map(|name| number(name.to_string())).collect();
        let own = own.filter(|own| !own.is_empty())?;
        let table = relation.to_tbl.sea_orm_table().to_string();
        let columns = relation.to_col.iter().map(ToString::to_string).collect();
        Some(Self { table, columns, own, sets_null })
    }
}
