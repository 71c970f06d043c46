//! Single-flight: concurrent misses of one key in this process share one database read.
//!
//! A caller that joins may use a flight's answer only if the answer is at least as new as the caller's own
//! start. A flight counts its *departures* (a question sent to the store or to the database), a ticket notes
//! how many there were when it was taken, and a landing says how many are too many. A read that was sent
//! after the ticket was taken is new enough. An accepted fill proves that no writer came between the read
//! and the fill, so it is new enough for every ticket that was taken before the fill was sent.
//!
//! A flight runs on the runtime of the caller that has opened it. One that is not driven any more is abandoned:
//! its callers go on by themselves, and a new flight takes its place.

use crate::pulse::Pulse;
use sea_orm::DbErr;
use std::any::Any;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The flights of one entity, by key.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Those that can be joined.
    open: Mutex<HashMap<String, Arc<Flight>>>,
    /// Those whose database read fills nothing, while it is in flight.
    fill_less: Mutex<HashMap<String, Arc<Flight>>>,
}

/// One database read for one key.
#[derive(Debug)]
pub(crate) struct Flight {
    departures: AtomicU32,
    landing: watch::Sender<Option<Landing>>,
    pulse: Arc<Pulse>,
}

/// Where the answer of a flight is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// The database, asked under a lease.
    Leased,
    /// The database, asked without one: a writer or another reader was at work, or the store did not answer.
    Unleased,
    /// The store, where another reader or a writer has put it in the meantime.
    Store,
}

/// What a flight answers, shared by all that joined it.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    pub(crate) answer: Result<Arc<dyn Any + Send + Sync>, DbErr>,
    pub(crate) provenance: Provenance,
    /// Tickets with more departures than this may not use it.
    pub(crate) departures_max: u32,
}

/// The right to one flight's answer.
pub(crate) struct Ticket {
    departures: u32,
    landing: watch::Receiver<Option<Landing>>,
    pulse: Arc<Pulse>,
}

impl Flights {
    /// A ticket for the key's flight, and the flight itself if this call has opened it: then the caller starts
    /// the task that has this pulse.
    pub(crate) fn join(&self, key: &str, pulse: &Arc<Pulse>) -> (Ticket, Option<Arc<Flight>>) {
        let mut open = lock(&self.open);
        if let Some(flight) = open.get(key).filter(|flight| !flight.pulse.has_stopped()) {
            return (flight.ticket(), None);
        }
        let flight = Flight::of(pulse.clone());
        open.insert(key.to_owned(), flight.clone());
        (flight.ticket(), Some(flight))
    }

    /// Waits until no other fill-less read of this key is in flight, then closes this flight to joiners.
    /// Without it every reader that meets a writer would send a `SELECT` of its own.
    pub(crate) async fn close_before_fill_less_read(&self, key: &str, flight: &Arc<Flight>) {
        // A flight that cannot be joined has no callers to spare a read.
        while self.is_open(key, flight) {
            let Some(other) = self.fill_less_before(key, flight) else { break };
            other.landed().await;
        }
        self.close(key, flight);
    }

    /// The fill-less read of this key that is in flight; if there is none, this flight takes its place.
    fn fill_less_before(&self, key: &str, flight: &Arc<Flight>) -> Option<Ticket> {
        let mut fill_less = lock(&self.fill_less);
        match fill_less.get(key) {
            Some(other) if !other.has_landed() && !other.pulse.has_stopped() => Some(other.ticket()),
            _ => {
                fill_less.insert(key.to_owned(), flight.clone());
                None
            }
        }
    }

    fn is_open(&self, key: &str, flight: &Arc<Flight>) -> bool {
        lock(&self.open).get(key).is_some_and(|open| Arc::ptr_eq(open, flight))
    }

    /// The flight is over, however it ended.
    fn end(&self, key: &str, flight: &Arc<Flight>) {
        self.close(key, flight);
        let mut fill_less = lock(&self.fill_less);
        if fill_less.get(key).is_some_and(|other| Arc::ptr_eq(other, flight)) {
            fill_less.remove(key);
        }
    }

    /// Lets nothing join any more.
    pub(crate) fn close(&self, key: &str, flight: &Arc<Flight>) {
        let mut open = lock(&self.open);
        if open.get(key).is_some_and(|other| Arc::ptr_eq(other, flight)) {
            open.remove(key);
        }
    }
}

fn lock<T>(flights: &Mutex<T>) -> MutexGuard<'_, T> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    /// A flight that cannot be joined.
    pub(crate) fn unshared() -> Arc<Self> {
        Self::of(Arc::new(Pulse::started()))
    }

    fn of(pulse: Arc<Pulse>) -> Arc<Self> {
        Arc::new(Self { departures: AtomicU32::new(0), landing: watch::Sender::new(None), pulse })
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let landing = self.landing.subscribe();
        Ticket { departures: self.departures.load(Ordering::SeqCst), landing, pulse: self.pulse.clone() }
    }

    /// To be called right before a question is sent. Returns the limit for landings that rest on its
    /// answer.
    pub(crate) fn depart(&self) -> u32 {
        self.departures.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn land(&self, landing: Landing) {
        self.landing.send_replace(Some(landing));
    }

    fn has_landed(&self) -> bool {
        self.landing.borrow().is_some()
    }
}

impl Ticket {
    /// Until the flight has landed, or never will.
    async fn landed(mut self) {
        let landed = pin!(self.landing.wait_for(Option::is_some));
        let _ = self.pulse.wait_for(landed).await;
    }

    /// The flight's answer and where it is from; `None` if it never landed, or its answer is too old for this ticket,
    /// or is no `T`.
    pub(crate) async fn wait<T: Clone + 'static>(mut self) -> Option<(Provenance, Result<T, DbErr>)> {
        let landed = pin!(self.landing.wait_for(Option::is_some));
        let landed = self.pulse.wait_for(landed).await?.ok()?;
        let landing = landed.as_ref().filter(|landing| self.departures <= landing.departures_max)?;
        let answer = match &landing.answer {
            Ok(answer) => Ok(answer.downcast_ref::<T>()?.clone()),
            Err(error) => Err(error.clone()),
        };
        Some((landing.provenance, answer))
    }
}

/// Ends flights when it is dropped: a panic in a user's decoding must not leave one open.
pub(crate) struct EndFlights {
    flights: Arc<Flights>,
    keys: Vec<(String, Arc<Flight>)>,
}

impl EndFlights {
    pub(crate) fn of(flights: &Arc<Flights>, keys: impl Iterator<Item = (String, Arc<Flight>)>) -> Self {
        Self { flights: flights.clone(), keys: keys.collect() }
    }
}

impl Drop for EndFlights {
    fn drop(&mut self) {
        for (key, flight) in &self.keys {
            self.flights.end(key, flight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(flights: &Flights) -> (Ticket, Option<Arc<Flight>>) {
        flights.join("k", &Arc::new(Pulse::started()))
    }

    fn bring(row: u8, departures_max: u32) -> Landing {
        Landing { answer: Ok(Arc::new(row)), provenance: Provenance::Leased, departures_max }
    }

    #[tokio::test]
    async fn a_caller_that_joins_after_the_read_was_sent_may_not_use_it() {
        let flights = Flights::default();
        let (before, flight) = join(&flights);
        let flight = flight.unwrap();
        let limit = flight.depart();
        let (after, second) = join(&flights);
        assert!(second.is_none());
        flight.land(bring(7, limit));
        assert_eq!(before.wait::<u8>().await, Some((Provenance::Leased, Ok(7))));
        assert!(after.wait::<u8>().await.is_none());
    }

    #[tokio::test]
    async fn a_flight_that_never_lands_frees_its_callers() {
        let flights = Flights::default();
        let (ticket, flight) = join(&flights);
        flights.close("k", flight.as_ref().unwrap());
        drop(flight);
        assert!(ticket.wait::<u8>().await.is_none());
        assert!(join(&flights).1.is_some(), "a closed flight must not be joined");
    }

    #[tokio::test]
    async fn a_read_that_fills_nothing_waits_for_the_one_before() {
        let flights = Flights::default();
        let first = join(&flights).1.unwrap();
        flights.close_before_fill_less_read("k", &first).await;
        let second = join(&flights).1.unwrap();
        let mut waiting = Box::pin(flights.close_before_fill_less_read("k", &second));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(join(&flights).1.is_none(), "callers that arrive join the second one");
        first.land(bring(7, u32::MAX));
        waiting.await;
        assert!(join(&flights).1.is_some(), "it is closed");
    }

    #[tokio::test]
    async fn a_read_that_never_lands_does_not_block_the_next() {
        let flights = Flights::default();
        let first = join(&flights).1.unwrap();
        flights.close_before_fill_less_read("k", &first).await;
        flights.end("k", &first);
        let second = join(&flights).1.unwrap();
        flights.close_before_fill_less_read("k", &second).await;
        let third = join(&flights).1.unwrap();
        let mut waiting = Box::pin(flights.close_before_fill_less_read("k", &third));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        flights.end("k", &second);
        drop(second);
        waiting.await;
    }

    #[tokio::test]
    async fn closing_leaves_a_newer_flight_of_the_key_alone() {
        let flights = Flights::default();
        let old = join(&flights).1.unwrap();
        flights.close("k", &old);
        let new = join(&flights).1.unwrap();
        flights.close("k", &old);
        assert!(join(&flights).1.is_none(), "the newer flight is still open");
        flights.close("k", &new);
    }

    /// Its runtime is there, and nothing drives it.
    #[tokio::test]
    async fn a_flight_that_is_not_driven_any_more_is_abandoned() {
        let flights = Flights::default();
        let (ticket, first) = join(&flights);
        let first = first.unwrap();
        flights.close_before_fill_less_read("k", &first).await;
        let second = join(&flights).1.unwrap();
        let behind = flights.close_before_fill_less_read("k", &second);
        assert!(futures_util::join!(ticket.wait::<u8>(), behind).0.is_none());
        let third = join(&flights).1.unwrap();
        let (late, fourth) = join(&flights);
        assert!(fourth.is_none(), "the third one has just begun");
        assert!(late.wait::<u8>().await.is_none());
        assert!(join(&flights).1.is_some(), "the third one has stopped");
        drop((first, second, third));
    }
}
