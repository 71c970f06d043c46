//! A list that is not cached: one `SELECT` for its rows, which fills the list, and populates the row cache.
//!
//! The list is filled under its lease, as a row is under its own: a writer that adds a member breaks it. The
//! rows differ: their keys are unknown until the `SELECT` returns, and a lease protects only reads that start
//! after it was granted. So a mark is set on the entity's *fence* before the `SELECT`. Every writer of the entity
//! wipes it before it frees the row's key; or it has an intent there for as long as on the row, and then no mark can
//! be set. After the `SELECT` the rows are leased, and then the mark is checked. If it still stands, no writer of
//! these rows ended between the `SELECT` and the leases. A writer that was at work while they were taken held the
//! row's key, and one that comes later breaks the lease.

use super::account::Events;
use super::leader::{Leader, Want};
use super::lease::{LEASE, LeaseGuard};
use super::list_reader::{ListReader, Members};
use super::load::{Kind, Load};
use super::{Reader, Rows};
use crate::coherence::{Answer, Slot, Step, Token, decode_slot, encode_marker};
use crate::entity::Row;
use crate::keyspace::{Entry, Keyspace};
use crate::single_flight::Provenance;
use crate::store::{Command, Found, Reply};
use crate::telemetry::Event;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use sea_orm::sea_query::ValueTuple;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the mark on a fence may stand.
const MARK_TTL: Duration = Duration::from_secs(60);
/// Rows that come later than this are not filled. A write's intent must outlast its commit by so long, or the
/// store could forget the write before its reader has leased the row.
const POPULATE_WINDOW: Duration = Duration::from_millis(500);
/// Rows of one list read that are filled.
const POPULATE_ROWS_MAX: usize = 1_000;

/// A row that may be filled.
struct Candidate {
    key: String,
    row: Row,
    token: Token,
}

/// Each answer is the rows of a list.
struct ByValue;

/// Loads lists of the index at this place of its keyspace.
pub(super) fn load_by_value(reader: Reader<'_>, place: usize) -> Load<'_> {
    Load { reader, kind: &ByValue, index: place }
}

fn is_mark(bytes: &Bytes) -> bool {
    matches!(decode_slot(bytes, |_| ()), Slot::Lease(_))
}

fn lists_of(load: Load<'_>) -> ListReader<'_> {
    ListReader::new(load.reader, load.index)
}

impl Kind for ByValue {
    fn events(&self) -> Events {
        Events { miss: Event::list_misses, bypass: Event::list_bypasses, coalesced: Event::list_coalesced }
    }

    fn answer<'a>(
        &self,
        load: Load<'a>,
        want: &'a Want,
        found: Found,
    ) -> BoxFuture<'a, Option<Result<Rows, DbErr>>> {
        Box::pin(async move {
            let lists = lists_of(load);
            let Members::Known(members) = lists.members(want, &found) else { return None };
            let rows = lists.rows_of(vec![(want.clone(), members)]).await;
            Some(rows.map(|mut lists| lists.pop().unwrap_or_default()))
        })
    }

    fn select<'a>(&self, load: Load<'a>, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Rows>, DbErr>> {
        Box::pin(async move { lists_of(load).select(wants).await })
    }

    /// Sets a mark on the entity's fence.
    fn mark_command(&self, load: Load<'_>, mark: Token) -> Option<Command> {
        let step = Step::Lease { token: mark, ttl: MARK_TTL, unusable: None };
        Some(Command { key: load.keyspace().fence()?.to_owned(), step })
    }

    fn read_and_fill<'a>(
        &self,
        load: Load<'a>,
        granted: Vec<Leader>,
        guard: LeaseGuard,
        mark: Token,
        marked: Option<Reply>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let populate = Populate { lists: lists_of(load), load };
            let mark = populate.mark(mark, marked).await;
            populate.read_and_fill(granted, guard, mark).await;
        })
    }
}

/// Fills lists and their rows.
struct Populate<'a> {
    lists: ListReader<'a>,
    load: Load<'a>,
}

impl<'a> Populate<'a> {
    fn keyspace(&self) -> &'a Arc<Keyspace> {
        self.load.keyspace()
    }

    /// The bytes that stand on the fence: this reader's mark, or another's, which is as good.
    async fn mark(&self, own: Token, answer: Option<Reply>) -> Option<Bytes> {
        let fence = self.keyspace().fence()?;
        match answer? {
            Ok(Answer::Granted) => encode_marker(&Slot::<()>::Lease(own)).map(Bytes::from),
            // By now it may be a writer's intent, which would tell nothing: it stands until its rows are free.
            Ok(Answer::Busy) => self.fence_bytes(fence).await.filter(is_mark),
            _ => None,
        }
    }

    async fn fence_bytes(&self, fence: &str) -> Option<Bytes> {
        match self.keyspace().backend.get(fence.to_owned()).await {
            Ok(Found::Bytes(bytes) | Found::Stamped { bytes, .. }) => Some(bytes),
            _ => None,
        }
    }

    async fn read_and_fill(&self, granted: Vec<Leader>, guard: LeaseGuard, mark: Option<Bytes>) {
        let load = &self.load;
        // Callers that arrive later may not use what this SELECT finds: a row may change without its list.
        load.close(&granted);
        let limits: Vec<u32> = granted.iter().map(|leader| leader.flight.depart()).collect();
        let begun = Instant::now();
        let Some((granted, lists)) = load.select_leased(granted, &guard).await else {
            return guard.disarm();
        };
        let fill = |(leader, rows): (&Leader, &Rows)| leader.fill_command(self.entry(leader, rows));
        let mut commands: Vec<Command> = granted.iter().zip(&lists).map(fill).collect();
        let (populating, populate_guard) = self.populate(&granted, &lists, mark, begun).await;
        commands.extend(populating);
        let replies = load.send(commands).await;
        guard.disarm();
        populate_guard.disarm();
        let stats = &self.keyspace().stats;
        let filled = |reply: &Reply| matches!(reply, Ok(Answer::Filled));
        let populated = replies.iter().skip(granted.len()).filter(|reply| filled(reply)).count();
        stats.count_many(Event::fills, populated as u64);
        for (((leader, rows), limit), reply) in granted.into_iter().zip(lists).zip(limits).zip(replies) {
            stats.count(if filled(&reply) { Event::list_fills } else { Event::refused_fills });
            leader.land(Ok(rows), Provenance::Leased, limit);
        }
    }

    /// The list's entry, unless the database takes other values than these for the same.
    fn entry(&self, leader: &Leader, rows: &Rows) -> Option<Entry> {
        if !rows.iter().all(|row| self.lists.has(row, &leader.want.values)) {
            return None;
        }
        let keyspace = self.keyspace();
        let members: Vec<ValueTuple> = rows.iter().map(|row| keyspace.schema.pk_of(&**row)).collect();
        keyspace.encode_list(&leader.want.key, self.lists.index, &leader.want.values, &members, leader.token)
    }

    /// The fills of those rows that are not cached and were proved not to have changed since the `SELECT`.
    async fn populate(
        &self,
        granted: &[Leader],
        lists: &[Rows],
        mark: Option<Bytes>,
        begun: Instant,
    ) -> (Vec<Command>, LeaseGuard) {
        let keyspace = self.keyspace();
        let nothing = || (Vec::new(), LeaseGuard::new(keyspace, std::iter::empty()));
        let (Some(mark), Some(fence)) = (mark, keyspace.fence()) else { return nothing() };
        let candidates = self.candidates(granted, lists);
        if candidates.is_empty() {
            return nothing();
        }
        let leases = candidates.iter().map(|candidate| (candidate.key.clone(), candidate.token));
        let guard = LeaseGuard::new(keyspace, leases);
        let lease = |candidate: &Candidate| {
            let step = Step::Lease { token: candidate.token, ttl: LEASE, unusable: None };
            Command { key: candidate.key.clone(), step }
        };
        let replies = self.load.send(candidates.iter().map(lease).collect()).await;
        let leased = candidates.into_iter().zip(replies);
        let leased = leased.filter(|(_, reply)| matches!(reply, Ok(Answer::Granted)));
        let leased: Vec<Candidate> = leased.map(|(candidate, _)| candidate).collect();
        let in_time = begun.elapsed() < POPULATE_WINDOW;
        let untouched = !leased.is_empty() && self.fence_bytes(fence).await == Some(mark);
        let proved = in_time && untouched;
        (leased.into_iter().map(|candidate| self.fill_row(candidate, proved)).collect(), guard)
    }

    /// The rows of lists that are cached themselves, each once.
    fn candidates(&self, granted: &[Leader], lists: &[Rows]) -> Vec<Candidate> {
        let keyspace = self.keyspace();
        let cached = |rows: &&Rows| rows.len() <= self.lists.index.limit;
        let mut seen = HashSet::new();
        let mut candidates = Vec::new();
        for row in lists.iter().filter(cached).flat_map(|rows| rows.iter()) {
            let key = keyspace.key(&keyspace.schema.pk_of(&**row));
            let new = |key: &String| candidates.len() < POPULATE_ROWS_MAX && seen.insert(key.clone());
            if let Some(key) = key.filter(new) {
                candidates.push(Candidate { key, row: row.clone(), token: granted[0].token });
            }
        }
        candidates
    }

    fn fill_row(&self, candidate: Candidate, proved: bool) -> Command {
        let Candidate { key, row, token } = candidate;
        let keyspace = self.keyspace();
        let entry = || keyspace.encode_row(&key, &|column| keyspace.schema.get(&row, column), token);
        let step = match proved.then(entry).flatten() {
            Some((entry, lifetime)) => Step::Fill { token, entry, lifetime },
            None => Step::Unlease { token },
        };
        Command { key, step }
    }
}
