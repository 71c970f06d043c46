//! [`Catalog`]: the regions of an Autocache by the type of their entity, and by its table.

use super::Region;
use foldhash::fast::RandomState;
use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

/// Regions by the type of their entity. A `TypeId` is a hash already and not chosen by users: a quick hasher
/// will do.
pub(super) type ByType = HashMap<TypeId, Arc<Region>, RandomState>;

#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    by_type: ByType,
    /// By the name in lower case.
    by_table: HashMap<String, Vec<Arc<Region>>>,
    /// Those whose rows follow the deletion of a row of this table.
    by_parent: HashMap<String, Vec<Arc<Region>>>,
}

impl Catalog {
    pub(super) fn get(&self, entity: &TypeId) -> Option<&Arc<Region>> {
        self.by_type.get(entity)
    }

    pub(super) fn by_type(&self) -> &ByType {
        &self.by_type
    }

    /// Adds a region, unless the entity has one already.
    pub(super) fn add(&mut self, region: &Arc<Region>) {
        let schema = &region.keyspace.schema;
        if self.by_type.contains_key(&schema.id) {
            return;
        }
        self.by_type.insert(schema.id, region.clone());
        self.by_table.entry(schema.table.to_ascii_lowercase()).or_default().push(region.clone());
        for parent in &schema.foreign_keys {
            let children = self.by_parent.entry(parent.table.clone()).or_default();
            if !children.iter().any(|child| Arc::ptr_eq(child, region)) {
                children.push(region.clone());
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_type.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Region>> {
        self.by_type.values()
    }

    /// In whatever case the table's name is written.
    pub(super) fn of_table(&self, table: &str) -> &[Arc<Region>] {
        let lower = table.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| table.to_ascii_lowercase());
        self.by_table.get(lower.as_deref().unwrap_or(table)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn children_of(&self, table: &str) -> &[Arc<Region>] {
        self.by_parent.get(table).map_or(&[], Vec::as_slice)
    }
}
