//! What the database does to other rows when a row is deleted: foreign keys with `ON DELETE CASCADE` or
//! `SET NULL` between cached entities.

use super::erased::AnyRow;
use super::index::{IndexDef, columns_of, pk_columns};
use crate::autocache::{Autocache, Region};
use crate::connection::{Announced, RowChange};
use crate::entity::CachedEntity;
use crate::telemetry::TARGET;
use sea_orm::sea_query::{ForeignKeyAction, FromValueTuple, Value, ValueTuple};
use sea_orm::{ConnectionTrait, DbErr, IdenStatic, Iterable, ModelTrait, PrimaryKeyTrait};
use sea_orm::{QuerySelect, RelationTrait};
use std::collections::HashSet;
use std::sync::Arc;

/// Levels of dependent rows beyond which a circle is suspected.
const DEPTH_MAX: usize = 32;

/// A foreign key of an entity that follows the deletion of the row it points to.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) table: String,
    /// The columns that are pointed to.
    columns: Vec<String>,
    /// The entity's own columns that point there.
    own: Vec<String>,
    sets_null: bool,
}

/// The foreign keys of an entity that cascade or are set to NULL.
pub(crate) fn parents_of<E: CachedEntity>() -> Vec<Parent> {
    let relations = E::Relation::iter().map(|relation| relation.def());
    let parent = |relation: sea_orm::RelationDef| {
        let sets_null = match relation.on_delete {
            Some(ForeignKeyAction::Cascade) => false,
            Some(ForeignKeyAction::SetNull) => true,
            _ => return None,
        };
        let own: Vec<String> =
            columns_of::<E>(&relation.from_col).iter().map(|column| column.as_str().to_owned()).collect();
        let columns = relation.to_col.iter().map(ToString::to_string).collect();
        let table = relation.to_tbl.sea_orm_table().to_string();
        // A relation that the entity is the target of has its foreign key elsewhere.
        (!relation.is_owner && !own.is_empty()).then_some(Parent { table, columns, own, sets_null })
    };
    relations.filter_map(parent).collect()
}

/// The rows that a delete takes along, found level by level.
#[derive(Debug, Default)]
pub(crate) struct Cascade {
    /// Keys of rows and lists that change with it.
    pub(crate) keys: Vec<(Arc<Region>, String)>,
    /// Entities of which the children could not be read.
    unread: Vec<Arc<Region>>,
    seen: HashSet<(usize, String)>,
}

/// Rows of one entity that are deleted.
#[derive(Debug)]
pub(crate) struct Deleted {
    table: String,
    rows: Vec<Columns>,
}

/// The columns of a row that foreign keys may point to.
pub(crate) type Columns = Vec<(String, Value)>;

/// A foreign key and the values in it that are about to go.
#[derive(Debug)]
pub(crate) struct Reference {
    child: Arc<Region>,
    parent: Parent,
    values: Vec<Vec<Value>>,
}

impl Deleted {
    pub(crate) fn of(region: &Region, rows: Vec<Columns>) -> Self {
        Self { table: region.table.clone(), rows }
    }

    /// The foreign keys that point to these rows.
    pub(crate) fn references(&self, autocache: &Autocache) -> Vec<Reference> {
        let mut references = Vec::new();
        for child in autocache.children_of(&self.table) {
            for parent in child.parents.iter().filter(|parent| parent.table == self.table) {
                let value = |row: &Columns, name: &String| {
                    row.iter().find(|(column, _)| column == name).map(|(_, value)| value.clone())
                };
                let values = |row: &Columns| {
                    parent.columns.iter().map(|name| value(row, name)).collect::<Option<Vec<Value>>>()
                };
                let values: Vec<Vec<Value>> = self.rows.iter().filter_map(values).collect();
                if !values.is_empty() {
                    references.push(Reference { child: child.clone(), parent: parent.clone(), values });
                }
            }
        }
        references
    }
}

impl Reference {
    /// Announces the lists of the children. Whoever adds a child announces itself there, too: a delete that
    /// finds itself alone on them has missed none.
    fn announce(&self, announced: &mut Announced) {
        let index = self.child.indexes.iter().find(|index| index.cached && index.is_of(&self.parent.own));
        let Some(index) = index else { return announced.add_unproven(&self.child) };
        for values in &self.values {
            let place = |name: &&'static str| self.parent.own.iter().position(|own| own == name);
            let ordered = index.columns.iter().filter_map(|name| values.get(place(name)?).cloned());
            let ordered: Vec<Value> = ordered.collect();
            let empty = self.child.erased.empty_list(&self.child, index, &ordered, announced.token());
            announced.add_witness(&self.child, self.child.index_key(index, &ordered), empty);
        }
    }

    /// The children in the database.
    async fn children<C: ConnectionTrait>(&self, db: &C, lock: bool) -> Result<Vec<Box<dyn AnyRow>>, DbErr> {
        let entity = self.child.erased;
        let statement = entity.select(&self.parent.own, &self.values, lock);
        db.query_all(&statement).await?.iter().map(|found| entity.row(found)).collect()
    }

    /// The lists that a child joins when its foreign key becomes NULL.
    fn orphan_lists(&self, row: &dyn AnyRow) -> Vec<String> {
        let region = &self.child;
        let concerned = |index: &&IndexDef| {
            index.cached && index.columns.iter().any(|name| self.parent.own.iter().any(|own| own == name))
        };
        let value = |name: &&'static str| {
            let nulled = self.parent.own.iter().any(|own| own == name);
            if nulled { Some(Value::Int(None)) } else { row.get(name) }
        };
        let key = |index: &IndexDef| {
            let values: Option<Vec<Value>> = index.columns.iter().map(value).collect();
            values.map(|values| region.index_key(index, &values))
        };
        region.indexes.iter().filter(concerned).filter_map(key).collect()
    }
}

impl Cascade {
    /// The next level: the children of these references, and those of them that are deleted in turn.
    pub(crate) async fn follow<C: ConnectionTrait>(
        &mut self,
        references: &[Reference],
        db: &C,
        lock: bool,
    ) -> Result<Vec<Deleted>, DbErr> {
        let mut deleted = Vec::new();
        for reference in references {
            let region = &reference.child;
            let mut rows = Vec::new();
            let children = match reference.children(db, lock).await {
                Ok(children) => children,
                // A transaction would not survive it on every database; a delete by itself needs no children.
                Err(error) if !lock => {
                    tracing::warn!(target: TARGET, entity = %region.model, %error, "rows that may go with a deleted one could not be read: every entry of their entity is dropped");
                    self.unread.push(region.clone());
                    continue;
                }
                Err(error) => return Err(error),
            };
            for row in children {
                let Some(key) = region.key(&row.pk()) else { continue };
                if reference.parent.sets_null {
                    let lists = reference.orphan_lists(&*row);
                    lists.into_iter().for_each(|list| self.add(region, list));
                    self.add(region, key);
                } else if self.seen.insert((region.id(), key.clone())) {
                    self.keys.push((region.clone(), key));
                    rows.push(region.erased.columns(&*row));
                }
            }
            if !rows.is_empty() {
                deleted.push(Deleted::of(region, rows));
            }
        }
        Ok(deleted)
    }

    fn add(&mut self, region: &Arc<Region>, key: String) {
        if self.seen.insert((region.id(), key.clone())) {
            self.keys.push((region.clone(), key));
        }
    }
}

/// The keys of all rows and lists that go with this row, in a transaction: it locks the row, so that nobody
/// adds a child until it is over.
pub(crate) async fn taken_along<E: CachedEntity, C: ConnectionTrait>(
    autocache: &Autocache,
    region: &Region,
    pk: ValueTuple,
    db: &C,
) -> Result<Vec<(Arc<Region>, String)>, DbErr> {
    if autocache.children_of(&region.table).is_empty() {
        return Ok(Vec::new());
    }
    let pk = <E::PrimaryKey as PrimaryKeyTrait>::ValueType::from_value_tuple(pk);
    let row = E::find_by_id(pk).lock_exclusive().one(db).await?;
    let deleted = Deleted::of(region, row.iter().map(|row| columns_of_row::<E>(row)).collect());
    taken_along_with(autocache, deleted, db).await
}

/// As [`taken_along`], for rows that are locked already.
pub(crate) async fn taken_along_with<C: ConnectionTrait>(
    autocache: &Autocache,
    deleted: Deleted,
    db: &C,
) -> Result<Vec<(Arc<Region>, String)>, DbErr> {
    let mut cascade = Cascade::default();
    let mut references = deleted.references(autocache);
    for _ in 0..DEPTH_MAX {
        if references.is_empty() {
            break;
        }
        let level = cascade.follow(&references, db, true).await?;
        references = level.iter().flat_map(|deleted| deleted.references(autocache)).collect();
    }
    Ok(cascade.keys)
}

/// Announces what goes with a row that is deleted by a statement that commits by itself: level by level,
/// the lists first, then what is in them.
pub(crate) async fn announce_taken_along<E: CachedEntity, C: ConnectionTrait>(
    autocache: &Autocache,
    region: &Region,
    pk: ValueTuple,
    db: &C,
    locked: bool,
    announced: &mut Announced,
) -> Result<(), DbErr> {
    if locked {
        for (region, key) in taken_along::<E, C>(autocache, region, pk, db).await? {
            announced.add(&region, key, RowChange::Unknown);
        }
        return Ok(());
    }
    let Some(columns) = referenced::<E, C>(autocache, region, pk, db).await? else { return Ok(()) };
    let mut cascade = Cascade::default();
    let mut references = Deleted::of(region, vec![columns]).references(autocache);
    for _ in 0..DEPTH_MAX {
        if references.is_empty() {
            break;
        }
        references.iter().for_each(|reference| reference.announce(announced));
        announced.place(region.settings.consistency).await?;
        let known = cascade.keys.len();
        let level = cascade.follow(&references, db, false).await?;
        for (region, key) in &cascade.keys[known..] {
            announced.add(region, key.clone(), RowChange::Unknown);
        }
        cascade.unread.drain(..).for_each(|region| announced.add_unproven(&region));
        references = level.iter().flat_map(|deleted| deleted.references(autocache)).collect();
    }
    Ok(())
}

/// The row's columns that foreign keys point to: its primary key, and by a `SELECT` the others, if any does.
async fn referenced<E: CachedEntity, C: ConnectionTrait>(
    autocache: &Autocache,
    region: &Region,
    pk: ValueTuple,
    db: &C,
) -> Result<Option<Columns>, DbErr> {
    let names = pk_columns::<E>();
    let children = autocache.children_of(&region.table);
    let parents = || children.iter().flat_map(|child| &child.parents).filter(|p| p.table == region.table);
    if parents().next().is_none() {
        return Ok(None);
    }
    if parents().flat_map(|parent| &parent.columns).all(|name| names.contains(&name.as_str())) {
        return Ok(Some(names.into_iter().map(str::to_owned).zip(pk).collect()));
    }
    let pk = <E::PrimaryKey as PrimaryKeyTrait>::ValueType::from_value_tuple(pk);
    Ok(E::find_by_id(pk).one(db).await?.map(|row| columns_of_row::<E>(&row)))
}

/// All columns of a row by their names.
pub(crate) fn columns_of_row<E: CachedEntity>(row: &E::Model) -> Columns {
    E::Column::iter().map(|column| (column.as_str().to_owned(), row.get(column))).collect()
}
