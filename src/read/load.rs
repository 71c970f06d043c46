//! A miss, of rows by primary key or of lists by value: lease, database read, fill; or, when another reader is
//! at work, a short wait; or, when a writer is, a database read that fills nothing.

use super::account::{Account, Events, Outcome};
use super::leader::{Leader, Want};
use super::lease::{LeaseGuard, POLLS};
use super::{Reader, Rows, Source};
use crate::autocache::{Autocache, Region};
use crate::coherence::{Answer, Token};
use crate::keyspace::Keyspace;
use crate::pulse::Pulse;
use crate::single_flight::{EndFlights, Flight, Provenance, Ticket};
use crate::store::{Command, Found, Reply};
use crate::telemetry::{Event, TARGET};
use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use std::pin::pin;
use std::sync::Arc;
use tracing::Instrument;

/// How often a read joins a flight whose answer turns out too old for it, before it reads by itself.
const JOINS_MAX: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Ask for a lease, and fill with it.
    Lease,
    /// As `Lease`, but take no answer except the database's.
    Refresh,
    /// The store does not answer: read and fill nothing.
    NoLease,
}

/// What differs between loads: rows by primary key, lists by value.
pub(super) trait Kind: Sync {
    /// What its reads count as.
    fn events(&self) -> Events;

    /// The answer that the store has, if it has one.
    fn answer<'a>(
        &self,
        load: Load<'a>,
        want: &'a Want,
        found: Found,
    ) -> BoxFuture<'a, Option<Result<Rows, DbErr>>>;

    /// The answers of the database.
    fn select<'a>(&self, load: Load<'a>, wants: &'a [Want]) -> BoxFuture<'a, Result<Vec<Rows>, DbErr>>;

    /// A step that goes along with the leases.
    fn mark_command(&self, _: Load<'_>, _mark: Token) -> Option<Command> {
        None
    }

    /// Reads what is leased, fills it, and lands its flights. `marked` is the answer to
    /// [`mark_command`](Self::mark_command).
    fn read_and_fill<'a>(
        &self,
        load: Load<'a>,
        granted: Vec<Leader>,
        guard: LeaseGuard,
        mark: Token,
        marked: Option<Reply>,
    ) -> BoxFuture<'a, ()>;
}

/// Loads rows, or lists of one index.
#[derive(Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) kind: &'static dyn Kind,
    /// The place of the index in its keyspace, for lists.
    pub(super) index: usize,
}

/// Wants after their leases, by what the store has answered.
#[derive(Default)]
struct Leased {
    granted: Vec<Leader>,
    /// Another reader is about to fill them.
    busy: Vec<Leader>,
    /// A writer is at work, or the store did not answer, or answered with what cannot be used.
    barred: Vec<Leader>,
    marked: Option<Reply>,
}

impl<'a> Load<'a> {
    pub(super) fn keyspace(&self) -> &'a Arc<Keyspace> {
        self.reader.keyspace()
    }

    fn region(&self) -> &'a Arc<Region> {
        self.reader.region
    }

    /// Loads what is wanted: shared with other tasks where the reader is on the Autocache's own connection.
    /// Each want is counted as a read.
    pub(super) async fn run(&self, wants: Vec<Want>, mode: Mode) -> Result<Vec<Rows>, DbErr> {
        let mut account = Account::of(&self.keyspace().stats, self.kind.events(), wants.len());
        match self.reader.source {
            Source::Primary => self.shared(wants, mode, &mut account).await,
            _ => self.unshared(wants, mode, &mut account).await,
        }
    }

    /// Loads what is wanted anew, whatever the cache holds. Not counted as a read.
    pub(super) async fn refresh(&self, want: Want) -> Result<Vec<Rows>, DbErr> {
        let mut account = Account::of(&self.keyspace().stats, self.kind.events(), 0);
        self.unshared(vec![want], Mode::Refresh, &mut account).await
    }

    /// Loads without sharing the database read with other tasks.
    async fn unshared(
        &self,
        wants: Vec<Want>,
        mode: Mode,
        account: &mut Account<'_>,
    ) -> Result<Vec<Rows>, DbErr> {
        let leaders: Vec<Leader> =
            wants.into_iter().map(|want| Leader::new(want, Flight::unshared())).collect();
        let tickets: Vec<Ticket> = leaders.iter().map(|leader| leader.flight.ticket()).collect();
        self.fly(leaders, mode).await;
        let mut answers = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let (provenance, rows) = ticket.wait::<Rows>().await.ok_or_else(lost_flight)?;
            account.settle(provenance.into());
            answers.push(rows?);
        }
        Ok(answers)
    }

    /// Loads with one flight for each key and process. Flights run in tasks of their own, so a caller that is
    /// dropped takes no answer away from others.
    async fn shared(
        &self,
        mut wants: Vec<Want>,
        mode: Mode,
        account: &mut Account<'_>,
    ) -> Result<Vec<Rows>, DbErr> {
        let mut answers: Vec<Option<Rows>> = wants.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..wants.len()).collect();
        for _ in 0..JOINS_MAX {
            let tickets = self.join_or_lead(&wants, &open, mode);
            open.clear();
            for (place, ticket, is_own) in tickets {
                match ticket.wait::<Rows>().await {
                    Some((provenance, rows)) => {
                        account.settle(if is_own { provenance.into() } else { Outcome::Coalesced });
                        answers[place] = Some(rows?);
                    }
                    None => open.push(place),
                }
            }
            if open.is_empty() {
                break;
            }
            // The answer was too old. The entry that was unusable may be another one by now, and the key is
            // probably filled.
            open.iter().for_each(|&place| wants[place].unusable = None);
            for (place, rows) in self.looked_up(&wants, &open).await? {
                account.settle(Outcome::Coalesced);
                answers[place] = Some(rows);
            }
            open.retain(|&place| answers[place].is_none());
        }
        for place in open {
            account.settle(Outcome::Bypass);
            answers[place] = self.select(std::slice::from_ref(&wants[place])).await?.pop();
        }
        Ok(answers.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// A ticket for each open want, and whether its flight is its own: those without a flight get one.
    fn join_or_lead(&self, wants: &[Want], open: &[usize], mode: Mode) -> Vec<(usize, Ticket, bool)> {
        let mut leaders = Vec::new();
        let mut tickets = Vec::with_capacity(open.len());
        let pulse = Arc::new(Pulse::started());
        for &place in open {
            let (ticket, flight) = self.region().flights.join(&wants[place].key, &pulse);
            tickets.push((place, ticket, flight.is_some()));
            leaders.extend(flight.map(|flight| Leader::new(wants[place].clone(), flight)));
        }
        if !leaders.is_empty() {
            let model = self.keyspace().model();
            let span = tracing::debug_span!(target: TARGET, "autocache.load", entity = %model);
            let (autocache, region) = (self.reader.autocache.clone(), self.region().clone());
            let flying = fly_detached(autocache, region, self.kind, self.index, leaders, mode);
            // A task of this runtime, which may end or stand still before the task does: hence the pulse.
            tokio::spawn(async move { pulse.keep(pin!(flying)).await }.instrument(span));
        }
        tickets
    }

    /// What the store answers by now, of the wants at these places.
    async fn looked_up(&self, wants: &[Want], places: &[usize]) -> Result<Vec<(usize, Rows)>, DbErr> {
        let keys: Vec<String> = places.iter().map(|&place| wants[place].key.clone()).collect();
        let Ok(found) = self.keyspace().backend.get_many(keys).await else { return Ok(Vec::new()) };
        let mut answers = Vec::new();
        for (&place, found) in places.iter().zip(found) {
            if let Some(rows) = self.kind.answer(*self, &wants[place], found).await {
                answers.push((place, rows?));
            }
        }
        Ok(answers)
    }

    /// Brings every flight to its landing.
    async fn fly(&self, leaders: Vec<Leader>, mode: Mode) {
        let mark = Token::random();
        let Leased { granted, busy, barred, marked } = match mode {
            Mode::NoLease => Leased { barred: leaders, ..Leased::default() },
            Mode::Lease | Mode::Refresh => self.lease(leaders, mark, mode).await,
        };
        if !granted.is_empty() {
            let guard = LeaseGuard::new(self.keyspace(), granted.iter().map(Leader::lease));
            self.kind.read_and_fill(*self, granted, guard, mark, marked).await;
        }
        let mut rest = if mode == Mode::Refresh { busy } else { self.poll(busy).await };
        rest.extend(barred);
        if !rest.is_empty() {
            self.read_only(rest).await;
        }
    }

    async fn lease(&self, leaders: Vec<Leader>, mark: Token, mode: Mode) -> Leased {
        let limits: Vec<u32> = leaders.iter().map(|leader| leader.flight.depart()).collect();
        // A future that is dropped from here on gives back all leases that it may have been granted.
        let guard = LeaseGuard::new(self.keyspace(), leaders.iter().map(Leader::lease));
        let mut commands: Vec<Command> = leaders.iter().map(Leader::lease_command).collect();
        commands.extend(self.kind.mark_command(*self, mark));
        let mut replies = self.send(commands).await;
        let marked = if replies.len() > leaders.len() { replies.pop() } else { None };
        guard.disarm();
        let mut leased = Leased { marked, ..Leased::default() };
        for ((leader, limit), reply) in leaders.into_iter().zip(limits).zip(replies) {
            match reply {
                Ok(Answer::Granted) => leased.granted.push(leader),
                Ok(Answer::Found(bytes)) if mode == Mode::Lease => {
                    let stamp = self.keyspace().backend.stamp(&leader.want.key);
                    let found = Found::Stamped { bytes, stamp };
                    leased.barred.extend(self.land_found(leader, found, limit).await);
                }
                Ok(Answer::Busy) => leased.busy.push(leader),
                Ok(_) | Err(_) => leased.barred.push(leader),
            }
        }
        leased
    }

    /// The rows of leased wants. `None` if the database has failed: then all have landed.
    pub(super) async fn select_leased(
        &self,
        granted: Vec<Leader>,
        _held: &LeaseGuard,
    ) -> Option<(Vec<Leader>, Vec<Rows>)> {
        let wants: Vec<Want> = granted.iter().map(|leader| leader.want.clone()).collect();
        match self.select(&wants).await {
            Ok(answers) => Some((granted, answers)),
            Err(error) => {
                self.send(granted.iter().map(Leader::unlease_command).collect()).await;
                self.land_error(granted, &error, Provenance::Leased);
                None
            }
        }
    }

    /// Waits a little for the readers that are at work on these keys. Returns those that are still to be read.
    async fn poll(&self, mut busy: Vec<Leader>) -> Vec<Leader> {
        for pause in POLLS {
            if busy.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            let limits: Vec<u32> = busy.iter().map(|leader| leader.flight.depart()).collect();
            let keys: Vec<String> = busy.iter().map(|leader| leader.want.key.clone()).collect();
            let Ok(found) = self.keyspace().backend.get_many(keys).await else {
                self.keyspace().stats.count(Event::errors);
                break;
            };
            let mut still = Vec::new();
            for ((leader, limit), found) in busy.into_iter().zip(limits).zip(found) {
                still.extend(self.land_found(leader, found, limit).await);
            }
            busy = still;
        }
        busy
    }

    async fn read_only(&self, rest: Vec<Leader>) {
        for leader in &rest {
            let flights = &self.region().flights;
            flights.close_before_fill_less_read(&leader.want.key, &leader.flight).await;
        }
        let limits: Vec<u32> = rest.iter().map(|leader| leader.flight.depart()).collect();
        let wants: Vec<Want> = rest.iter().map(|leader| leader.want.clone()).collect();
        match self.select(&wants).await {
            Ok(answers) => {
                for ((leader, rows), limit) in rest.into_iter().zip(answers).zip(limits) {
                    leader.land(Ok(rows), Provenance::Unleased, limit);
                }
            }
            Err(error) => self.land_error(rest, &error, Provenance::Unleased),
        }
    }

    /// Lands a flight on what the store has found, if that answers; else hands it back.
    async fn land_found(&self, leader: Leader, found: Found, limit: u32) -> Option<Leader> {
        match self.kind.answer(*self, &leader.want, found).await {
            Some(answer) => {
                self.region().flights.close(&leader.want.key, &leader.flight);
                leader.land(answer, Provenance::Store, limit);
                None
            }
            None => Some(leader),
        }
    }

    pub(super) fn close(&self, leaders: &[Leader]) {
        leaders.iter().for_each(|leader| self.region().flights.close(&leader.want.key, &leader.flight));
    }

    fn land_error(&self, leaders: Vec<Leader>, error: &DbErr, provenance: Provenance) {
        self.close(&leaders);
        leaders.into_iter().for_each(|leader| leader.land(Err(error.clone()), provenance, u32::MAX));
    }

    async fn select(&self, wants: &[Want]) -> Result<Vec<Rows>, DbErr> {
        self.kind.select(*self, wants).await
    }

    pub(super) async fn send(&self, commands: Vec<Command>) -> Vec<Reply> {
        if commands.is_empty() {
            return Vec::new();
        }
        let replies = self.keyspace().backend.run(commands).await;
        let failures = replies.iter().filter(|reply| reply.is_err()).count();
        self.keyspace().stats.count_many(Event::errors, failures as u64);
        replies
    }
}

async fn fly_detached(
    autocache: Autocache,
    region: Arc<Region>,
    kind: &'static dyn Kind,
    index: usize,
    leaders: Vec<Leader>,
    mode: Mode,
) {
    let open = leaders.iter().map(|leader| (leader.want.key.clone(), leader.flight.clone()));
    let _ended = EndFlights::of(&region.flights, open);
    let reader = Reader::primary(&autocache, &region);
    Load { reader, kind, index }.fly(leaders, mode).await;
}

fn lost_flight() -> DbErr {
    DbErr::Custom("a database read of the cache was lost".to_owned())
}
