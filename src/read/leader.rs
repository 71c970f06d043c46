//! [`Leader`]: the one read of several that asks the database.

use super::Rows;
use super::lease::LEASE;
use crate::coherence::{Step, Token};
use crate::entity::pk_tuple;
use crate::keyspace::Entry;
use crate::single_flight::{Flight, Landing, Provenance};
use crate::store::Command;
use bytes::Bytes;
use sea_orm::DbErr;
use sea_orm::sea_query::{Value, ValueTuple};
use std::sync::Arc;

/// What is wanted from the database.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) key: String,
    /// A primary key, or the values of a list in the order of the index's columns.
    pub(super) values: Vec<Value>,
    /// The entry that was found and cannot be used.
    pub(super) unusable: Option<Bytes>,
}

/// The caller that loads what is wanted, for all that joined its flight.
pub(super) struct Leader {
    pub(super) want: Want,
    pub(super) flight: Arc<Flight>,
    pub(super) token: Token,
}

impl Want {
    pub(super) fn pk(&self) -> ValueTuple {
        pk_tuple(self.values.clone())
    }
}

impl Leader {
    pub(super) fn new(want: Want, flight: Arc<Flight>) -> Self {
        Self { want, flight, token: Token::random() }
    }

    pub(super) fn lease(&self) -> (String, Token) {
        (self.want.key.clone(), self.token)
    }

    fn command(&self, step: Step<Bytes>) -> Command {
        Command { key: self.want.key.clone(), step }
    }

    pub(super) fn lease_command(&self) -> Command {
        let unusable = self.want.unusable.clone();
        self.command(Step::Lease { token: self.token, ttl: LEASE, unusable })
    }

    pub(super) fn unlease_command(&self) -> Command {
        self.command(Step::Unlease { token: self.token })
    }

    pub(super) fn fill_command(&self, entry: Option<Entry>) -> Command {
        match entry {
            Some((entry, lifetime)) => self.command(Step::Fill { token: self.token, entry, lifetime }),
            None => self.unlease_command(),
        }
    }

    pub(super) fn land(self, rows: Result<Rows, DbErr>, provenance: Provenance, departures_max: u32) {
        let answer = rows.map(|rows| Arc::new(rows) as Arc<dyn std::any::Any + Send + Sync>);
        self.flight.land(Landing { answer, provenance, departures_max });
    }
}
