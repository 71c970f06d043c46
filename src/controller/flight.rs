//! Flights: concurrent misses of one key in this process share one database read.
//!
//! A joiner may take a flight's answer only if the answer is at least as new as the joiner's own
//! start. A flight counts its *departures* (a question sent to the store or to the database), a
//! ticket notes how many there had been when it was taken, and a landing says how many are too many:
//! a read that was sent after the ticket was taken is new enough; an accepted fill proves that no
//! writer came between the read and the fill, so it is new enough for whoever boarded before the
//! fill was sent.

use crate::autocache::Region;
use sea_orm::DbErr;
use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The flights of one region that still accept joiners, by key.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    boarding: Mutex<HashMap<String, Arc<Flight>>>,
    /// The flights whose database read fills nothing, while it is under way.
    airborne: Mutex<HashMap<String, Arc<Flight>>>,
}

/// One database read on its way, for one key.
#[derive(Debug)]
pub(crate) struct Flight {
    departures: AtomicU32,
    landing: watch::Sender<Option<Landing>>,
}

/// What a flight has brought, shared with all its joiners.
#[derive(Clone, Debug)]
pub(crate) struct Landing {
    /// An `Option<E::Model>`.
    pub(crate) row: Result<Arc<dyn Any + Send + Sync>, DbErr>,
    /// Tickets with more departures than this may not use it.
    pub(crate) departures_max: u32,
}

/// A place on a flight.
pub(crate) struct Ticket {
    departures: u32,
    landing: watch::Receiver<Option<Landing>>,
}

impl Flights {
    /// A ticket for the key's flight, and the flight itself if this call has opened it.
    pub(crate) fn board(&self, key: &str) -> (Ticket, Option<Arc<Flight>>) {
        let mut boarding = self.boarding();
        if let Some(flight) = boarding.get(key) {
            return (flight.ticket(), None);
        }
        let flight = Flight::alone();
        boarding.insert(key.to_owned(), flight.clone());
        (flight.ticket(), Some(flight))
    }

    /// Closes a flight before a database read that fills nothing, as soon as no other such read of the key
    /// is under way: while a writer is at work, every reader would send one of its own otherwise. Who comes
    /// meanwhile boards this flight.
    pub(crate) async fn take_off(&self, key: &str, flight: &Arc<Flight>) {
        // Nobody can join a flight that does not board, so nobody is to wait for it.
        while self.is_boarding(key, flight) {
            let Some(other) = self.airborne_before(key, flight) else { break };
            other.landed().await;
        }
        self.close(key, flight);
    }

    /// The flight of this key that is in the air; if there is none, this one takes its place.
    fn airborne_before(&self, key: &str, flight: &Arc<Flight>) -> Option<Ticket> {
        let mut airborne = lock(&self.airborne);
        match airborne.get(key) {
            Some(other) if !other.has_landed() => Some(other.ticket()),
            _ => {
                airborne.insert(key.to_owned(), flight.clone());
                None
            }
        }
    }

    fn is_boarding(&self, key: &str, flight: &Arc<Flight>) -> bool {
        self.boarding().get(key).is_some_and(|boarded| Arc::ptr_eq(boarded, flight))
    }

    /// The flight is over, however it ended.
    fn end(&self, key: &str, flight: &Arc<Flight>) {
        self.close(key, flight);
        let mut airborne = lock(&self.airborne);
        if airborne.get(key).is_some_and(|other| Arc::ptr_eq(other, flight)) {
            airborne.remove(key);
        }
    }

    /// Accepts no more joiners.
    pub(crate) fn close(&self, key: &str, flight: &Arc<Flight>) {
        let mut boarding = self.boarding();
        if boarding.get(key).is_some_and(|boarded| Arc::ptr_eq(boarded, flight)) {
            boarding.remove(key);
        }
    }

    fn boarding(&self) -> MutexGuard<'_, HashMap<String, Arc<Flight>>> {
        lock(&self.boarding)
    }
}

fn lock<T>(flights: &Mutex<T>) -> MutexGuard<'_, T> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    /// A flight that nobody can join.
    pub(crate) fn alone() -> Arc<Self> {
        Arc::new(Self { departures: AtomicU32::new(0), landing: watch::Sender::new(None) })
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let landing = self.landing.subscribe();
        Ticket { departures: self.departures.load(Ordering::SeqCst), landing }
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
        let _ = self.landing.wait_for(Option::is_some).await;
    }

    /// What the flight has brought; `None` if it never landed, or brought nothing that is new enough
    /// for this ticket, or not a `T`.
    pub(crate) async fn wait<T: Clone + 'static>(mut self) -> Option<Result<T, DbErr>> {
        let landed = self.landing.wait_for(Option::is_some).await.ok()?;
        let landing = landed.as_ref().filter(|landing| self.departures <= landing.departures_max)?;
        match &landing.row {
            Ok(row) => Some(Ok(row.downcast_ref::<T>()?.clone())),
            Err(error) => Some(Err(error.clone())),
        }
    }
}

/// Ends flights, also those that a panic in the user's decoding would leave open.
pub(crate) struct CloseAll {
    region: Arc<Region>,
    keys: Vec<(String, Arc<Flight>)>,
}

impl CloseAll {
    pub(crate) fn of(region: &Arc<Region>, keys: impl Iterator<Item = (String, Arc<Flight>)>) -> Self {
        Self { region: region.clone(), keys: keys.collect() }
    }
}

impl Drop for CloseAll {
    fn drop(&mut self) {
        for (key, flight) in &self.keys {
            self.region.flights.end(key, flight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bring(row: u8, departures_max: u32) -> Landing {
        Landing { row: Ok(Arc::new(row)), departures_max }
    }

    #[tokio::test]
    async fn who_boards_after_a_read_was_sent_may_not_use_it() {
        let flights = Flights::default();
        let (before, flight) = flights.board("k");
        let flight = flight.unwrap();
        let limit = flight.depart();
        let (after, second) = flights.board("k");
        assert!(second.is_none());
        flight.land(bring(7, limit));
        assert_eq!(before.wait::<u8>().await.unwrap().unwrap(), 7);
        assert!(after.wait::<u8>().await.is_none());
    }

    #[tokio::test]
    async fn a_flight_that_never_lands_frees_its_joiners() {
        let flights = Flights::default();
        let (ticket, flight) = flights.board("k");
        flights.close("k", flight.as_ref().unwrap());
        drop(flight);
        assert!(ticket.wait::<u8>().await.is_none());
        assert!(flights.board("k").1.is_some(), "a closed flight must not be joined");
    }

    #[tokio::test]
    async fn a_read_that_fills_nothing_waits_for_the_one_before() {
        let flights = Flights::default();
        let first = flights.board("k").1.unwrap();
        flights.take_off("k", &first).await;
        let second = flights.board("k").1.unwrap();
        let mut waiting = Box::pin(flights.take_off("k", &second));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert!(flights.board("k").1.is_none(), "who comes meanwhile boards the second one");
        first.land(bring(7, u32::MAX));
        waiting.await;
        assert!(flights.board("k").1.is_some(), "it has taken off");
    }

    #[tokio::test]
    async fn a_read_that_never_lands_keeps_nobody_waiting() {
        let flights = Flights::default();
        let first = flights.board("k").1.unwrap();
        flights.take_off("k", &first).await;
        flights.end("k", &first);
        let second = flights.board("k").1.unwrap();
        flights.take_off("k", &second).await;
        let third = flights.board("k").1.unwrap();
        let mut waiting = Box::pin(flights.take_off("k", &third));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        flights.end("k", &second);
        drop(second);
        waiting.await;
    }

    #[tokio::test]
    async fn closing_leaves_a_newer_flight_of_the_key_alone() {
        let flights = Flights::default();
        let old = flights.board("k").1.unwrap();
        flights.close("k", &old);
        let new = flights.board("k").1.unwrap();
        flights.close("k", &old);
        assert!(flights.board("k").1.is_none(), "the newer flight still boards");
        flights.close("k", &new);
    }
}
