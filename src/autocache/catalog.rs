//! [`Catalog`]: the regions of an Autocache by the type of their entity, and by its table.

use super::Region;
use crate::error::CacheError;
use foldhash::fast::RandomState;
use std::any::TypeId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Regions by the type of their entity. A `TypeId` is a hash already and not chosen by users: a quick hasher
/// will do.
pub(super) type ByType = HashMap<TypeId, Arc<Region>, RandomState>;

#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    by_type: ByType,
    /// The tables, by app label and model name.
    by_name: HashMap<String, &'static str>,
    /// By the name in lower case.
    by_table: HashMap<String, Vec<Arc<Region>>>,
    /// Those whose rows follow the deletion of a row of this table.
    by_parent: HashMap<String, Vec<Arc<Region>>>,
    /// Those of which any row may change with this table, by its name in lower case.
    by_source: HashMap<String, Vec<Arc<Region>>>,
}

impl Catalog {
    pub(super) fn get(&self, entity: &TypeId) -> Option<&Arc<Region>> {
        self.by_type.get(entity)
    }

    pub(super) fn by_type(&self) -> &ByType {
        &self.by_type
    }

    /// Adds a region, unless the entity has one already.
    ///
    /// # Errors
    /// Another entity has the same keys.
    pub(super) fn add(&mut self, region: &Arc<Region>) -> Result<(), CacheError> {
        let schema = &region.keyspace.schema;
        if self.by_type.contains_key(&schema.id) {
            return Ok(());
        }
        if schema.is_outside {
            self.by_type.insert(schema.id, region.clone());
            return Ok(());
        }
        match self.by_name.entry(region.keyspace.prefix()) {
            Entry::Vacant(entry) => _ = entry.insert(schema.table),
            Entry::Occupied(entry) => {
                let tables = [(*entry.get()).to_owned(), schema.table.to_owned()];
                return Err(CacheError::DuplicateModel { model: schema.model.clone(), tables });
            }
        }
        self.by_type.insert(schema.id, region.clone());
        self.by_table.entry(schema.table.to_ascii_lowercase()).or_default().push(region.clone());
        for source in schema.depends_on {
            self.by_source.entry(source.to_ascii_lowercase()).or_default().push(region.clone());
        }
        for parent in &schema.foreign_keys {
            let children = self.by_parent.entry(parent.table.clone()).or_default();
            if !children.iter().any(|child| Arc::ptr_eq(child, region)) {
                children.push(region.clone());
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_type.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Region>> {
        self.by_type.values()
    }

    /// In whatever case the table's name is written.
    pub(super) fn of_table(&self, table: &str) -> &[Arc<Region>] {
        in_any_case(&self.by_table, table)
    }

    /// Those that name this table in `DEPENDS_ON`, or another one that depends on it; where rows are removed, also
    /// those that name a table whose rows follow.
    pub(super) fn dependent_on(&self, table: &str, removes: bool) -> Vec<Arc<Region>> {
        let mut found: Vec<Arc<Region>> = Vec::new();
        if self.by_source.is_empty() {
            return found;
        }
        let (mut seen, mut followed) = (HashSet::new(), HashSet::new());
        let mut tables = vec![table.to_owned()];
        while let Some(table) = tables.pop() {
            for region in in_any_case(&self.by_source, &table) {
                if seen.insert(region.keyspace.id()) {
                    tables.push(region.keyspace.table().to_owned());
                    found.push(region.clone());
                }
            }
            let children = if removes { self.children_of(&table) } else { &[] };
            let new = children.iter().filter(|child| followed.insert(child.keyspace.id()));
            tables.extend(new.map(|child| child.keyspace.table().to_owned()));
        }
        found.retain(|region| !region.keyspace.is_off());
        found
    }

    pub(super) fn children_of(&self, table: &str) -> &[Arc<Region>] {
        self.by_parent.get(table).map_or(&[], Vec::as_slice)
    }
}

fn in_any_case<'c>(regions: &'c HashMap<String, Vec<Arc<Region>>>, table: &str) -> &'c [Arc<Region>] {
    let lower = table.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| table.to_ascii_lowercase());
    regions.get(lower.as_deref().unwrap_or(table)).map_or(&[], Vec::as_slice)
}
