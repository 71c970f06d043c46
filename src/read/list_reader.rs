//! [`ListReader`]: the members of lists, their rows, and the rows of the database.

use super::leader::Want;
use super::{Reader, Rows, select};
use crate::entity::{Row, pk_tuple};
use crate::entry::{Content, Unreadable};
use crate::key::same_text;
use crate::keyspace::{AnsweredBy, IndexDef, Keyspace};
use crate::store::Found;
use crate::telemetry::Event;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use sea_orm::sea_query::{Value, ValueTuple};
use std::collections::HashMap;
use std::sync::Arc;

/// Values of one `SELECT … IN`, well below every database's limit on parameters.
const SELECT_VALUES_MAX: usize = 500;

/// Reads lists of one index, from what the store has found or from the database.
#[derive(Clone, Copy)]
pub(super) struct ListReader<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) index: &'a IndexDef,
}

/// What a store has found under an index key.
pub(super) enum Members {
    Known(Vec<ValueTuple>),
    /// The key is empty.
    Nothing,
    /// A reader or a writer is at work.
    Busy,
    /// Bytes that this reader cannot use; a lease may take them over.
    Unusable(Bytes),
}

impl<'a> ListReader<'a> {
    /// The lists of the index at this place of its keyspace.
    pub(super) fn new(reader: Reader<'a>, place: usize) -> Self {
        Self { reader, index: &reader.region.keyspace.indexes[place] }
    }

    pub(super) fn keyspace(&self) -> &'a Arc<Keyspace> {
        self.reader.keyspace()
    }

    /// What the store has found for these values.
    pub(super) fn members(&self, want: &Want, found: &Found) -> Members {
        let keyspace = self.keyspace();
        let (bytes, by) = match found {
            Found::Nothing => return Members::Nothing,
            Found::Foreign => {
                keyspace.stats.count(Event::undecodable);
                return Members::Nothing;
            }
            Found::Bytes(bytes) => (bytes, AnsweredBy::Store),
            Found::Stamped { bytes, stamp } => (bytes, AnsweredBy::Server(*stamp)),
            Found::Memory(entry) => (entry.bytes(), AnsweredBy::Store),
        };
        let members = match keyspace.read_index(self.index, bytes, by) {
            Ok(Content::Row(payload)) => keyspace.decode_list(self.index, &want.values, payload),
            Err(Unreadable::Marker) => return Members::Busy,
            Ok(Content::Absence(_)) | Err(_) => None,
        };
        match members {
            Some(members) => Members::Known(members.into_iter().map(pk_tuple).collect()),
            None => {
                keyspace.stats.count(Event::undecodable);
                Members::Unusable(bytes.clone())
            }
        }
    }

    /// The rows of lists whose members are known: all of them by one read of the row cache. Rows that are
    /// gone, or have moved to another value, are no longer members.
    ///
    /// Boxed: a row that is not cached is loaded by the same functions that load lists.
    pub(super) fn rows_of(
        &self,
        lists: Vec<(Want, Vec<ValueTuple>)>,
    ) -> BoxFuture<'a, Result<Vec<Rows>, DbErr>> {
        let own = *self;
        Box::pin(async move {
            let members: Vec<ValueTuple> = lists.iter().flat_map(|(_, members)| members).cloned().collect();
            if members.is_empty() {
                return Ok(lists.iter().map(|_| Rows::default()).collect());
            }
            let mut rows = own.reader.rows(members).await?.into_iter();
            let mut answers = Vec::with_capacity(lists.len());
            for (want, members) in lists {
                let rows = rows.by_ref().take(members.len()).flatten();
                answers.push(Arc::new(rows.filter(|row| own.has(row, &want.values)).collect()));
            }
            Ok(answers)
        })
    }

    /// Whether the row has these values.
    pub(super) fn has(&self, row: &Row, values: &[Value]) -> bool {
        let schema = &self.keyspace().schema;
        let mut columns = self.index.columns.iter().zip(values);
        self.index.columns.len() == values.len()
            && columns.all(|(column, value)| same_text(&schema.get(row, *column), value))
    }

    /// The rows in the database, by one statement for each [`SELECT_VALUES_MAX`] lists.
    pub(super) async fn select(&self, wants: &[Want]) -> Result<Vec<Rows>, DbErr> {
        let mut lists = Vec::with_capacity(wants.len());
        for wants in wants.chunks(SELECT_VALUES_MAX) {
            lists.extend(self.select_chunk(wants).await?);
        }
        Ok(lists)
    }

    async fn select_chunk(&self, wants: &[Want]) -> Result<Vec<Rows>, DbErr> {
        let rows = self.select_rows(wants).await?;
        if let [want] = wants {
            let exact = |row: &Row| !self.index.exact || self.has(row, &want.values);
            return Ok(vec![Arc::new(rows.into_iter().filter(exact).collect())]);
        }
        let schema = &self.keyspace().schema;
        let mut places: HashMap<String, Vec<usize>> = HashMap::with_capacity(wants.len());
        for (place, want) in wants.iter().enumerate() {
            places.entry(self.index.text(&want.values)).or_default().push(place);
        }
        let mut lists: Vec<Vec<Row>> = wants.iter().map(|_| Vec::new()).collect();
        let mut strangers = false;
        for row in rows {
            let text = self.index.text(&schema.values_of(&*row, &self.index.columns));
            match places.get(&text) {
                Some(places) => places.iter().for_each(|place| lists[*place].push(row.clone())),
                None => strangers = true,
            }
        }
        if strangers && !self.index.exact {
            // The database takes two spellings for one value: only it can say which list a row is in.
            return self.select_one_by_one(wants).await;
        }
        Ok(lists.into_iter().map(Arc::new).collect())
    }

    async fn select_one_by_one(&self, wants: &[Want]) -> Result<Vec<Rows>, DbErr> {
        let mut lists = Vec::with_capacity(wants.len());
        for want in wants {
            lists.push(Arc::new(self.select_rows(std::slice::from_ref(want)).await?));
        }
        Ok(lists)
    }

    async fn select_rows(&self, wants: &[Want]) -> Result<Vec<Row>, DbErr> {
        let schema = &self.keyspace().schema;
        let values = wants.iter().map(|want| want.values.as_slice());
        let select = schema.select_by(&self.index.columns, values);
        select::rows(self.reader.connection, schema, &select).await
    }
}
