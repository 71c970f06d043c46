//! Rows by primary key, as a [`Kind`] of load.

use super::account::Events;
use super::decode::{self, decode};
use super::leader::{Leader, Want};
use super::lease::LeaseGuard;
use super::load::{Kind, Load};
use super::select;
use super::slot::SharedRow;
use super::{Reader, Rows};
use crate::coherence::{Answer, Token};
use crate::key::pk_text;
use crate::keyspace::{Entry, Keyspace};
use crate::single_flight::Provenance;
use crate::store::{Found, Reply};
use crate::telemetry::Event;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use sea_orm::sea_query::ValueTuple;
use std::future::ready;
use std::sync::Arc;

/// Each answer is the row, or nothing.
struct ByKey;

/// Loads rows by primary key.
pub(super) fn load_by_key(reader: Reader<'_>) -> Load<'_> {
    Load { reader, kind: &ByKey, index: 0 }
}

impl Kind for ByKey {
    fn events(&self) -> Events {
        Events { miss: Event::misses, bypass: Event::bypasses, coalesced: Event::coalesced }
    }

    fn answer<'a>(
        &self,
        load: Load<'a>,
        want: &'a Want,
        found: Found,
    ) -> BoxFuture<'a, Option<Result<Rows, DbErr>>> {
        let mut slot = SharedRow::of(load.keyspace().schema.ops);
        let answer = match decode(load.keyspace(), &want.pk(), found, &mut slot) {
            decode::Answer::Row | decode::Answer::Absent => {
                Some(Ok(Arc::new(slot.row.into_iter().collect())))
            }
            decode::Answer::Nothing | decode::Answer::Busy | decode::Answer::Unusable(_) => None,
        };
        Box::pin(ready(answer))
    }

    fn select<'a>(&self, load: Load<'a>, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Rows>, DbErr>> {
        Box::pin(async move {
            let pks: Vec<ValueTuple> = wants.iter().map(Want::pk).collect();
            let rows = select::many(load.reader.connection, &load.keyspace().schema, &pks).await?;
            Ok(rows.into_iter().map(|row| Arc::new(row.into_iter().collect())).collect())
        })
    }

    fn read_and_fill<'a>(
        &self,
        load: Load<'a>,
        granted: Vec<Leader>,
        guard: LeaseGuard,
        _: Token,
        _: Option<Reply>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(read_and_fill(load, granted, guard))
    }
}

async fn read_and_fill(load: Load<'_>, granted: Vec<Leader>, guard: LeaseGuard) {
    let keyspace = load.keyspace();
    let limits: Vec<u32> = granted.iter().map(|leader| leader.flight.depart()).collect();
    let Some((granted, answers)) = load.select_leased(granted, &guard).await else {
        return guard.disarm();
    };
    let fill = |(leader, rows): (&Leader, &Rows)| leader.fill_command(entry(keyspace, leader, rows));
    let commands = granted.iter().zip(&answers).map(fill).collect();
    load.close(&granted);
    let replies = load.send(commands).await;
    guard.disarm();
    for (((leader, rows), limit), reply) in granted.into_iter().zip(answers).zip(limits).zip(replies) {
        let filled = matches!(reply, Ok(Answer::Filled));
        keyspace.stats.count(if filled { Event::fills } else { Event::refused_fills });
        // No writer came between the read and an accepted fill.
        leader.land(Ok(rows), Provenance::Leased, if filled { u32::MAX } else { limit });
    }
}

/// The entry to fill with; none if the row was found under another spelling of its key, since writers of that
/// row would not find this entry.
fn entry(keyspace: &Keyspace, leader: &Leader, rows: &Rows) -> Option<Entry> {
    let pk = leader.want.pk();
    let Some(row) = rows.first() else {
        return keyspace.encode_tombstone(&leader.want.key, &pk, leader.token);
    };
    let schema = &keyspace.schema;
    let same = pk_text(&schema.pk_of(&**row)) == pk_text(&pk);
    same.then(|| keyspace.encode_row(&leader.want.key, &|column| schema.get(row, column), leader.token))
        .flatten()
}
