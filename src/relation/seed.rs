//! A list that is not cached: one `SELECT` for its rows, which fills the list, and the rows as well.
//!
//! The list is filled under its lease, as a row is under its own: a writer that adds a member breaks it.
//! The rows are another matter, for nobody knew their keys before the `SELECT`, and a lease must be older
//! than the read it vouches for. So a mark is set on the entity's *fence* before the `SELECT`, and every
//! writer of the entity wipes it before it frees the row's key. After the `SELECT` the rows are leased,
//! and then the mark is looked for. Found, it proves that no writer of these rows came to its end between
//! the `SELECT` and the leases; one that was at work while they were taken held the row's key, and one that
//! comes later breaks the lease.

use super::list::{Lists, Rows, Want};
use super::members::{self, Look};
use crate::coherence::{Answer, Step, Token};
use crate::controller::lost_flight;
use crate::controller::{BOARDINGS_MAX, CloseAll, Flight, Home, LEASE, Landing, LeaseGuard, POLLS, Source};
use crate::entity::CachedEntity;
use crate::relation::IndexDef;
use crate::store::{Command, Found, Reply};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, ModelTrait};
use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// How long the mark on a fence may stand.
const MARK: Duration = Duration::from_secs(60);
/// Rows that come later than this are not filled. So long must a write's hold outlast its commit, or the
/// store would forget the write before its reader has leased the row.
const SEED_WINDOW: Duration = Duration::from_millis(500);
/// Rows of one list read that are filled.
const SEED_ROWS_MAX: usize = 1_000;

/// A wanted list on its flight.
struct Led {
    want: Want,
    flight: Arc<Flight>,
    token: Token,
}

/// A row that may be put into the cache.
struct Seed<M> {
    key: String,
    row: M,
    token: Token,
}

/// Loads lists through the Autocache's own connection, each in one flight for all tasks.
pub(super) async fn shared<E: CachedEntity>(
    home: &Home,
    index: &IndexDef,
    mut wants: Vec<Want>,
) -> Result<Vec<Rows<E>>, DbErr> {
    let alone = Lists::<E, _>::new(home, home.autocache.database(), Source::Given, index);
    let mut lists: Vec<Option<Rows<E>>> = wants.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..wants.len()).collect();
    for _ in 0..BOARDINGS_MAX {
        let mut led = Vec::new();
        let mut tickets = Vec::with_capacity(open.len());
        for &place in &open {
            let (ticket, flight) = home.region.flights.board(&wants[place].key);
            match flight {
                Some(flight) => led.push(Led::new(wants[place].clone(), flight)),
                None => home.region.stats.count(Event::joins),
            }
            tickets.push((place, ticket));
        }
        if !led.is_empty() {
            let span =
                tracing::debug_span!(target: TARGET, "autocache.load_list", entity = %home.region.model);
            tokio::spawn(fly_detached::<E>(home.clone(), index.clone(), led).instrument(span));
        }
        open.clear();
        for (place, ticket) in tickets {
            match ticket.wait::<Rows<E>>().await {
                Some(rows) => lists[place] = Some(rows?),
                None => open.push(place),
            }
        }
        if open.is_empty() {
            break;
        }
        open.iter().for_each(|&place| wants[place].unusable = None);
        for place in open.clone() {
            if let Some(rows) = alone.looked_up(&wants[place]).await {
                lists[place] = Some(rows?);
            }
        }
        open.retain(|&place| lists[place].is_none());
    }
    for place in open {
        home.region.stats.count(Event::bypasses);
        lists[place] = alone.select(&wants[place..=place]).await?.pop();
    }
    Ok(lists.into_iter().map(Option::unwrap_or_default).collect())
}

async fn fly_detached<E: CachedEntity>(home: Home, index: IndexDef, led: Vec<Led>) {
    let open = led.iter().map(|led| (led.want.key.clone(), led.flight.clone()));
    let _closed = CloseAll::of(&home.region, open);
    let connection: &DatabaseConnection = home.autocache.database();
    Lists::<E, _>::new(&home, connection, Source::Primary, &index).fly(led).await;
}

/// Loads without sharing the database read with other tasks.
pub(super) async fn alone<E: CachedEntity, C: ConnectionTrait>(
    lists: &Lists<'_, E, C>,
    wants: Vec<Want>,
) -> Result<Vec<Rows<E>>, DbErr> {
    let led: Vec<Led> = wants.into_iter().map(|want| Led::new(want, Flight::alone())).collect();
    let tickets: Vec<_> = led.iter().map(|led| led.flight.ticket()).collect();
    lists.fly(led).await;
    let mut rows = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        rows.push(ticket.wait::<Rows<E>>().await.unwrap_or_else(|| Err(lost_flight()))?);
    }
    Ok(rows)
}

impl<E: CachedEntity, C: ConnectionTrait> Lists<'_, E, C> {
    /// The list, if the store knows its members by now.
    async fn looked_up(&self, want: &Want) -> Option<Result<Rows<E>, DbErr>> {
        let found = self.region().backend.get(want.key.clone()).await.ok()?;
        let Look::Members(members) = self.look(want, &found) else { return None };
        let lists = self.rows_of(vec![(want.clone(), members)]).await;
        Some(lists.map(|mut lists| lists.pop().unwrap_or_default()))
    }

    /// Brings every flight to its landing.
    async fn fly(&self, led: Vec<Led>) {
        let limits: Vec<u32> = led.iter().map(|led| led.flight.depart()).collect();
        let guard = LeaseGuard::new(self.region(), led.iter().map(Led::lease));
        let lease =
            |led: &Led| Step::Lease { token: led.token, hold: LEASE, unusable: led.want.unusable.clone() };
        let mut commands: Vec<Command> =
            led.iter().map(|led| Command { key: led.want.key.clone(), step: lease(led) }).collect();
        let mark = Token::random();
        if let Some(fence) = self.region().fence() {
            let step = Step::Lease { token: mark, hold: MARK, unusable: None };
            commands.push(Command { key: fence.to_owned(), step });
        }
        let mut replies = self.run(commands).await;
        let marked = if replies.len() > led.len() { replies.pop() } else { None };
        guard.disarm();
        let (mut granted, mut busy, mut barred) = (Vec::new(), Vec::new(), Vec::new());
        for ((led, limit), reply) in led.into_iter().zip(limits).zip(replies) {
            match reply {
                Ok(Answer::Granted) => granted.push(led),
                Ok(Answer::Found(bytes)) => {
                    barred.extend(self.land_found(led, &Found::Bytes(bytes), limit).await);
                }
                Ok(Answer::Busy) => busy.push(led),
                Ok(_) | Err(_) => barred.push(led),
            }
        }
        if !granted.is_empty() {
            let mark = self.mark(mark, marked).await;
            self.read_and_fill(granted, mark).await;
        }
        barred.extend(self.poll(busy).await);
        if !barred.is_empty() {
            self.read_only(barred).await;
        }
    }

    /// The bytes that stand on the fence: this reader's mark, or another's, which is as good.
    async fn mark(&self, own: Token, answer: Option<Reply>) -> Option<Bytes> {
        let fence = self.region().fence()?;
        match answer? {
            Ok(Answer::Granted) => {
                crate::coherence::encode_marker(&crate::coherence::Slot::<()>::Lease(own)).map(Bytes::from)
            }
            Ok(Answer::Busy) => self.fence_bytes(fence).await,
            _ => None,
        }
    }

    async fn fence_bytes(&self, fence: &str) -> Option<Bytes> {
        match self.region().backend.get(fence.to_owned()).await {
            Ok(Found::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    async fn read_and_fill(&self, granted: Vec<Led>, mark: Option<Bytes>) {
        let guard = LeaseGuard::new(self.region(), granted.iter().map(Led::lease));
        // Who boards later may not use what this SELECT finds, for a row may change without its list.
        granted.iter().for_each(|led| self.region().flights.close(&led.want.key, &led.flight));
        let limits: Vec<u32> = granted.iter().map(|led| led.flight.depart()).collect();
        let begun = Instant::now();
        let wants: Vec<Want> = granted.iter().map(|led| led.want.clone()).collect();
        let lists = match self.select(&wants).await {
            Ok(lists) => lists,
            Err(error) => {
                guard.disarm();
                self.run(granted.iter().map(Led::unlease).collect()).await;
                return self.land_error(granted, &error);
            }
        };
        let mut commands: Vec<Command> =
            granted.iter().zip(&lists).map(|(led, rows)| self.fill_of(led, rows)).collect();
        let (seeds, seed_guard) = self.seeds(&granted, &lists, mark, begun).await;
        commands.extend(seeds);
        let replies = self.run(commands).await;
        guard.disarm();
        seed_guard.disarm();
        let seeded = replies.iter().skip(granted.len()).filter(|reply| matches!(reply, Ok(Answer::Filled)));
        self.region().stats.count_many(Event::fills, seeded.count() as u64);
        for (((led, rows), limit), reply) in granted.into_iter().zip(lists).zip(limits).zip(replies) {
            let filled = matches!(reply, Ok(Answer::Filled));
            self.region().stats.count(if filled { Event::list_fills } else { Event::refused_fills });
            led.land(Ok(rows), limit);
        }
    }

    /// Fills the list, unless the database takes other values than these for the same.
    fn fill_of(&self, led: &Led, rows: &Rows<E>) -> Command {
        let exact = rows.iter().all(|row| self.has(row, &led.want.values));
        let entry = || members::encode::<E>(self.region(), self.index, &led.want.values, rows, led.token);
        match exact.then(entry).flatten() {
            Some((entry, lifetime)) => {
                let step = Step::Fill { token: led.token, entry, lifetime };
                Command { key: led.want.key.clone(), step }
            }
            None => led.unlease(),
        }
    }

    /// The fills of those rows that are not cached and were proved not to have changed since.
    async fn seeds(
        &self,
        granted: &[Led],
        lists: &[Rows<E>],
        mark: Option<Bytes>,
        begun: Instant,
    ) -> (Vec<Command>, LeaseGuard) {
        let nothing = || (Vec::new(), LeaseGuard::new(self.region(), std::iter::empty()));
        let (Some(mark), Some(fence)) = (mark, self.region().fence()) else { return nothing() };
        let cached = |rows: &&Rows<E>| rows.len() <= self.index.limit;
        let mut seen = HashSet::new();
        let mut seeds = Vec::new();
        for row in lists.iter().filter(cached).flat_map(|rows| rows.iter()) {
            let key = self.region().key(&row.get_primary_key_value());
            if let Some(key) = key.filter(|key| seeds.len() < SEED_ROWS_MAX && seen.insert(key.clone())) {
                seeds.push(Seed { key, row: row.clone(), token: granted[0].token });
            }
        }
        if seeds.is_empty() || !self.region().backend.keeps_order() {
            return nothing();
        }
        let guard = LeaseGuard::new(self.region(), seeds.iter().map(|seed| (seed.key.clone(), seed.token)));
        let lease = |seed: &Seed<E::Model>| {
            let step = Step::Lease { token: seed.token, hold: LEASE, unusable: None };
            Command { key: seed.key.clone(), step }
        };
        let replies = self.run(seeds.iter().map(lease).collect()).await;
        let leased = seeds.into_iter().zip(replies).filter(|(_, reply)| matches!(reply, Ok(Answer::Granted)));
        let leased: Vec<Seed<E::Model>> = leased.map(|(seed, _)| seed).collect();
        let in_time = begun.elapsed() < SEED_WINDOW;
        let untouched = !leased.is_empty() && self.fence_bytes(fence).await == Some(mark);
        (leased.into_iter().map(|seed| self.seed(seed, in_time && untouched)).collect(), guard)
    }

    fn seed(&self, seed: Seed<E::Model>, proved: bool) -> Command {
        let Seed { key, row, token } = seed;
        let entry = || self.region().encode::<E>(&row.get_primary_key_value(), Some(&row), token);
        let step = match proved.then(entry).flatten() {
            Some((entry, lifetime)) => Step::Fill { token, entry, lifetime },
            None => Step::Unlease { token },
        };
        Command { key, step }
    }

    /// Waits a little for the readers that are at work on these lists. Returns those that are still to be read.
    async fn poll(&self, mut busy: Vec<Led>) -> Vec<Led> {
        for pause in POLLS {
            if busy.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            let limits: Vec<u32> = busy.iter().map(|led| led.flight.depart()).collect();
            let keys: Vec<String> = busy.iter().map(|led| led.want.key.clone()).collect();
            let Ok(found) = self.region().backend.get_some(keys).await else {
                self.region().stats.count(Event::errors);
                break;
            };
            let mut still = Vec::new();
            for ((led, limit), found) in busy.into_iter().zip(limits).zip(found) {
                still.extend(self.land_found(led, &found, limit).await);
            }
            busy = still;
        }
        busy
    }

    async fn read_only(&self, rest: Vec<Led>) {
        for led in &rest {
            self.region().flights.take_off(&led.want.key, &led.flight).await;
        }
        let limits: Vec<u32> = rest.iter().map(|led| led.flight.depart()).collect();
        self.region().stats.count_many(Event::bypasses, rest.len() as u64);
        let wants: Vec<Want> = rest.iter().map(|led| led.want.clone()).collect();
        match self.select(&wants).await {
            Ok(lists) => {
                for ((led, rows), limit) in rest.into_iter().zip(lists).zip(limits) {
                    led.land(Ok(rows), limit);
                }
            }
            Err(error) => self.land_error(rest, &error),
        }
    }

    /// Lands a flight on what the store has found, if that names the members; else hands it back.
    async fn land_found(&self, led: Led, found: &Found, limit: u32) -> Option<Led> {
        let Look::Members(members) = self.look(&led.want, found) else { return Some(led) };
        self.region().flights.close(&led.want.key, &led.flight);
        let rows = self.rows_of(vec![(led.want.clone(), members)]).await;
        led.land(rows.map(|mut lists| lists.pop().unwrap_or_default()), limit);
        None
    }

    fn land_error(&self, led: Vec<Led>, error: &DbErr) {
        for led in led {
            self.region().flights.close(&led.want.key, &led.flight);
            led.land::<Rows<E>>(Err(error.clone()), u32::MAX);
        }
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        if commands.is_empty() {
            return Vec::new();
        }
        let replies = self.region().backend.run(commands).await;
        let failures = replies.iter().filter(|reply| reply.is_err()).count();
        self.region().stats.count_many(Event::errors, failures as u64);
        replies
    }
}

impl Led {
    fn new(want: Want, flight: Arc<Flight>) -> Self {
        Self { want, flight, token: Token::random() }
    }

    fn lease(&self) -> (String, Token) {
        (self.want.key.clone(), self.token)
    }

    fn unlease(&self) -> Command {
        Command { key: self.want.key.clone(), step: Step::Unlease { token: self.token } }
    }

    fn land<T: Any + Send + Sync>(self, rows: Result<T, DbErr>, departures_max: u32) {
        let row = rows.map(|rows| Arc::new(rows) as Arc<dyn Any + Send + Sync>);
        self.flight.land(Landing { row, departures_max });
    }
}
