//! The regions of an Autocache: by the type of their entity, and by its table.

use super::Region;
use foldhash::fast::RandomState;
use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

/// Read on every call, written once for each entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    /// A `TypeId` is a hash already, and nobody outside chooses it: a quick hasher will do.
    by_type: HashMap<TypeId, Arc<Region>, RandomState>,
    /// By the name in lower case.
    by_table: HashMap<String, Vec<Arc<Region>>>,
    /// Those whose rows follow the deletion of a row of this table.
    by_parent: HashMap<String, Vec<Arc<Region>>>,
}

impl Catalog {
    pub(super) fn get(&self, entity: &TypeId) -> Option<&Arc<Region>> {
        self.by_type.get(entity)
    }

    /// The catalog with this region, unless the entity has one already.
    pub(super) fn with(&self, entity: TypeId, region: &Arc<Region>) -> Self {
        let mut catalog = self.clone();
        if catalog.by_type.contains_key(&entity) {
            return catalog;
        }
        catalog.by_type.insert(entity, region.clone());
        catalog.by_table.entry(region.table.to_ascii_lowercase()).or_default().push(region.clone());
        for parent in &region.parents {
            let children = catalog.by_parent.entry(parent.table.clone()).or_default();
            if !children.iter().any(|child| Arc::ptr_eq(child, region)) {
                children.push(region.clone());
            }
        }
        catalog
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
