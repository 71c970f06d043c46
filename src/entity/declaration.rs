use super::column::Column;
use super::index::IndexDeclaration;
use crate::key::KeyParts;
use sea_orm::RelationDef;
use sea_orm::sea_query::SelectStatement;
use std::any::TypeId;
use std::time::Duration;

/// What an entity says about itself, as it says it.
pub(crate) struct Declaration {
    pub(crate) id: TypeId,
    pub(crate) model: String,
    pub(crate) table: &'static str,
    pub(crate) schema_name: Option<String>,
    pub(crate) select: SelectStatement,
    pub(crate) columns: Vec<Column>,
    pub(crate) pk: Vec<&'static str>,
    pub(crate) auto_increment: bool,
    pub(crate) relations: Vec<RelationDef>,
    pub(crate) indexes: Vec<IndexDeclaration>,
    pub(crate) depends_on: &'static [&'static str],
    pub(crate) backend: &'static str,
    pub(crate) ttl: Option<Duration>,
    pub(crate) tombstone_ttl: Option<Duration>,
    pub(crate) version: u32,
    pub(crate) app_label: Option<&'static str>,
    pub(crate) make_key: fn(&KeyParts<'_>) -> String,
}
