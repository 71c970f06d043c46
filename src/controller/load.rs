//! A miss: lease, database read, fill; or, when another reader is at work, a short wait and a
//! database read that fills nothing.

use super::flight::{CloseAll, Flight, Landing};
use super::lease::{LEASE, LeaseGuard, POLLS};
use super::look::look;
use super::{Home, select};
use crate::autocache::Region;
use crate::coherence::{Answer, Step, Token};
use crate::entity::CachedEntity;
use crate::key::pk_text;
use crate::store::{Command, Found, Reply};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use sea_orm::sea_query::ValueTuple;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, ModelTrait};
use std::marker::PhantomData;
use std::sync::Arc;
use tracing::Instrument;

/// How often a read boards a flight whose answer turns out too old for it, before it reads by itself.
pub(crate) const BOARDINGS_MAX: usize = 3;

/// A row that is wanted from the database.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) key: String,
    pub(super) pk: ValueTuple,
    /// The entry that was found and cannot be used.
    pub(super) unusable: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Ask for a lease, and fill with it.
    Lease,
    /// As `Lease`, but take no answer except the database's.
    Refresh,
    /// The store does not answer: read and fill nothing.
    NoLease,
}

/// Loads rows of one entity through one connection.
pub(super) struct Load<'a, E, C> {
    home: &'a Home,
    connection: &'a C,
    entity: PhantomData<fn() -> E>,
}

/// A wanted row on its flight.
struct Led {
    want: Want,
    flight: Arc<Flight>,
    token: Token,
}

impl<'a, E: CachedEntity, C: ConnectionTrait> Load<'a, E, C> {
    pub(super) fn new(home: &'a Home, connection: &'a C) -> Self {
        Self { home, connection, entity: PhantomData }
    }

    /// Loads without sharing the database read with other tasks.
    pub(super) async fn alone(&self, wants: Vec<Want>, mode: Mode) -> Result<Vec<Option<E::Model>>, DbErr> {
        let led: Vec<Led> = wants.into_iter().map(|want| Led::new(want, Flight::alone())).collect();
        let tickets: Vec<_> = led.iter().map(|led| led.flight.ticket()).collect();
        self.fly(led, mode).await;
        let mut rows = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            rows.push(ticket.wait::<Option<E::Model>>().await.unwrap_or_else(|| Err(lost_flight()))?);
        }
        Ok(rows)
    }

    fn region(&self) -> &'a Region {
        &self.home.region
    }

    /// Brings every flight to its landing.
    async fn fly(&self, led: Vec<Led>, mode: Mode) {
        let Sorted { granted, busy, barred } = match mode {
            Mode::NoLease => Sorted { barred: led, ..Sorted::default() },
            Mode::Lease | Mode::Refresh => self.lease(led, mode).await,
        };
        if !granted.is_empty() {
            self.read_and_fill(granted).await;
        }
        let mut rest = if mode == Mode::Refresh { busy } else { self.poll(busy).await };
        rest.extend(barred);
        if !rest.is_empty() {
            self.read_only(rest).await;
        }
    }

    async fn lease(&self, led: Vec<Led>, mode: Mode) -> Sorted {
        let limits: Vec<u32> = led.iter().map(|led| led.flight.depart()).collect();
        let lease =
            |led: &Led| Step::Lease { token: led.token, hold: LEASE, unusable: led.want.unusable.clone() };
        // A future that is dropped from here on gives back whatever it may have been granted.
        let guard = LeaseGuard::new(&self.home.region, led.iter().map(Led::lease));
        let replies = self.run(&led, lease).await;
        guard.disarm();
        let mut sorted = Sorted::default();
        for ((led, limit), reply) in led.into_iter().zip(limits).zip(replies) {
            match reply {
                Ok(Answer::Granted) => sorted.granted.push(led),
                Ok(Answer::Found(bytes)) if mode == Mode::Lease => {
                    if let Some(led) = self.land_found(led, Found::Bytes(bytes), limit) {
                        sorted.barred.push(led);
                    }
                }
                Ok(Answer::Busy) => sorted.busy.push(led),
                Ok(_) | Err(_) => sorted.barred.push(led),
            }
        }
        sorted
    }

    async fn read_and_fill(&self, granted: Vec<Led>) {
        let guard = LeaseGuard::new(&self.home.region, granted.iter().map(Led::lease));
        let limits: Vec<u32> = granted.iter().map(|led| led.flight.depart()).collect();
        let rows = match self.select(&granted).await {
            Ok(rows) => rows,
            Err(error) => {
                guard.disarm();
                self.run(&granted, |led| Step::Unlease { token: led.token }).await;
                return self.land_error(granted, &error);
            }
        };
        let fill = |led: &Led, row: &Option<E::Model>| match self.entry(led, row.as_ref()) {
            Some((entry, lifetime)) => Step::Fill { token: led.token, entry, lifetime },
            None => Step::Unlease { token: led.token },
        };
        let mut steps: Vec<Step<Bytes>> =
            granted.iter().zip(&rows).map(|(led, row)| fill(led, row)).collect();
        steps.reverse();
        granted.iter().for_each(|led| self.region().flights.close(&led.want.key, &led.flight));
        let replies = self.run(&granted, |_| steps.pop().unwrap_or(Step::Invalidate)).await;
        guard.disarm();
        for (((led, row), limit), reply) in granted.into_iter().zip(rows).zip(limits).zip(replies) {
            let filled = matches!(reply, Ok(Answer::Filled));
            self.region().stats.count(if filled { Event::fills } else { Event::refused_fills });
            led.land::<E>(Ok(row), if filled { u32::MAX } else { limit });
        }
    }

    /// Waits a little for the readers that are at work on these keys. Returns those that are still to be read.
    async fn poll(&self, mut busy: Vec<Led>) -> Vec<Led> {
        for pause in POLLS {
            if busy.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
            let limits: Vec<u32> = busy.iter().map(|led| led.flight.depart()).collect();
            let keys: Vec<String> = busy.iter().map(|led| led.want.key.clone()).collect();
            let Ok(found) = self.region().backend.get_many(keys).await else {
                self.region().stats.count(Event::errors);
                break;
            };
            let waiting = busy.into_iter().zip(limits).zip(found);
            busy = waiting.filter_map(|((led, limit), found)| self.land_found(led, found, limit)).collect();
        }
        busy
    }

    async fn read_only(&self, rest: Vec<Led>) {
        for led in &rest {
            self.region().flights.take_off(&led.want.key, &led.flight).await;
        }
        let limits: Vec<u32> = rest.iter().map(|led| led.flight.depart()).collect();
        self.region().stats.count_many(Event::bypasses, rest.len() as u64);
        match self.select(&rest).await {
            Ok(rows) => {
                for ((led, row), limit) in rest.into_iter().zip(rows).zip(limits) {
                    led.land::<E>(Ok(row), limit);
                }
            }
            Err(error) => self.land_error(rest, &error),
        }
    }

    /// The entry to fill with; none if the row was found under another spelling of its key, since
    /// writers of that row would not find this entry.
    fn entry(&self, led: &Led, row: Option<&E::Model>) -> Option<(Bytes, crate::coherence::Lifetime)> {
        if let Some(row) = row
            && pk_text(&row.get_primary_key_value()) != pk_text(&led.want.pk)
        {
            return None;
        }
        self.region().encode::<E>(&led.want.pk, row, led.token)
    }

    /// Lands a flight on what the store has found, if that answers; else hands it back.
    fn land_found(&self, led: Led, found: Found, limit: u32) -> Option<Led> {
        match look::<E>(self.region(), &led.want.pk, found).answer() {
            Some(row) => {
                self.region().flights.close(&led.want.key, &led.flight);
                led.land::<E>(Ok(row), limit);
                None
            }
            None => Some(led),
        }
    }

    fn land_error(&self, led: Vec<Led>, error: &DbErr) {
        for led in led {
            self.region().flights.close(&led.want.key, &led.flight);
            led.land::<E>(Err(error.clone()), u32::MAX);
        }
    }

    async fn select(&self, led: &[Led]) -> Result<Vec<Option<E::Model>>, DbErr> {
        let pks: Vec<ValueTuple> = led.iter().map(|led| led.want.pk.clone()).collect();
        select::many::<E, C>(self.connection, &pks).await
    }

    async fn run(&self, led: &[Led], mut step: impl FnMut(&Led) -> Step<Bytes>) -> Vec<Reply> {
        let commands = led.iter().map(|led| Command { key: led.want.key.clone(), step: step(led) }).collect();
        let replies = self.region().backend.run(commands).await;
        let failures = replies.iter().filter(|reply| reply.is_err()).count();
        self.region().stats.count_many(Event::errors, failures as u64);
        replies
    }
}

/// Loads through the Autocache's own connection, each key in one flight for all tasks. Flights run
/// in tasks of their own: a caller that goes away takes nobody's answer with it.
pub(super) async fn shared<E: CachedEntity>(
    home: &Home,
    mut wants: Vec<Want>,
    mode: Mode,
) -> Result<Vec<Option<E::Model>>, DbErr> {
    let mut rows: Vec<Option<Option<E::Model>>> = wants.iter().map(|_| None).collect();
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
            let span = tracing::debug_span!(target: TARGET, "autocache.load", entity = %home.region.model);
            tokio::spawn(fly_detached::<E>(home.clone(), led, mode).instrument(span));
        }
        open.clear();
        for (place, ticket) in tickets {
            match ticket.wait::<Option<E::Model>>().await {
                Some(row) => rows[place] = Some(row?),
                None => open.push(place),
            }
        }
        if open.is_empty() {
            break;
        }
        // What was unusable then may be another entry by now, and somebody has filled the key most likely.
        open.iter().for_each(|&place| wants[place].unusable = None);
        for (place, row) in looked_up::<E>(home, &wants, &open).await {
            rows[place] = Some(row);
        }
        open.retain(|&place| rows[place].is_none());
    }
    for place in open {
        home.region.stats.count(Event::bypasses);
        rows[place] = Some(select::one::<E, _>(home.autocache.database(), &wants[place].pk).await?);
    }
    Ok(rows.into_iter().map(Option::flatten).collect())
}

/// What the store answers by now, of the wants at these places.
async fn looked_up<E: CachedEntity>(
    home: &Home,
    wants: &[Want],
    places: &[usize],
) -> Vec<(usize, Option<E::Model>)> {
    let keys: Vec<String> = places.iter().map(|&place| wants[place].key.clone()).collect();
    let Ok(found) = home.region.backend.get_some(keys).await else { return Vec::new() };
    let look = |(&place, found): (&usize, Found)| {
        Some((place, look::<E>(&home.region, &wants[place].pk, found).answer()?))
    };
    places.iter().zip(found).filter_map(look).collect()
}

async fn fly_detached<E: CachedEntity>(home: Home, led: Vec<Led>, mode: Mode) {
    let _closed =
        CloseAll::of(&home.region, led.iter().map(|led| (led.want.key.clone(), led.flight.clone())));
    Load::<E, DatabaseConnection>::new(&home, home.autocache.database()).fly(led, mode).await;
}

/// Leased keys, by what the lease has answered.
#[derive(Default)]
struct Sorted {
    granted: Vec<Led>,
    /// Another reader is about to fill them.
    busy: Vec<Led>,
    /// A writer is at work, or the store did not answer, or answered with what cannot be used.
    barred: Vec<Led>,
}

impl Led {
    fn new(want: Want, flight: Arc<Flight>) -> Self {
        Self { want, flight, token: Token::random() }
    }

    fn lease(&self) -> (String, Token) {
        (self.want.key.clone(), self.token)
    }

    fn land<E: CachedEntity>(self, row: Result<Option<E::Model>, DbErr>, departures_max: u32) {
        let row = row.map(|row| Arc::new(row) as Arc<dyn std::any::Any + Send + Sync>);
        self.flight.land(Landing { row, departures_max });
    }
}

pub(crate) fn lost_flight() -> DbErr {
    DbErr::Custom("a database read of the cache was lost".to_owned())
}
