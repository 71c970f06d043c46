use super::catalog::Catalog;
use crate::error::CacheError;
use crate::sql;

/// What writes tables that a statement does not name.
#[derive(Debug)]
pub(super) struct Routine {
    pub(super) name: String,
    pub(super) tables: Vec<String>,
}

impl Routine {
    /// Whether the text has the routine's name.
    pub(super) fn is_in(&self, sql: &str) -> bool {
        sql::mentions(sql, &self.name)
    }

    /// # Errors
    /// No entity has a table of these, nor depends on it.
    pub(super) fn check(&self, catalog: &Catalog) -> Result<(), CacheError> {
        let is_unknown = |table: &&String| {
            catalog.of_table(table).is_empty() && catalog.dependent_on(table, true).is_empty()
        };
        match self.tables.iter().find(is_unknown) {
            Some(table) => Err(CacheError::UnknownTable { routine: self.name.clone(), table: table.clone() }),
            None => Ok(()),
        }
    }
}
