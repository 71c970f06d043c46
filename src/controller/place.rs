//! Where misses are read.

use crate::autocache::Autocache;
use crate::connection::{Connection, source_of};
use crate::executor::Executor;
use crate::read::Source;
use std::fmt;

/// Reads misses through the Autocache's own connection.
#[derive(Clone, Copy, Debug)]
pub struct Primary(());

impl Primary {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Reads misses through a given connection. From [`CacheController::on`](crate::CacheController::on).
#[derive(Clone, Copy)]
pub struct Through<'c> {
    connection: &'c dyn Connection,
}

impl<'c> Through<'c> {
    pub(super) fn new(connection: &'c dyn Connection) -> Self {
        Self { connection }
    }
}

impl fmt::Debug for Through<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through").finish_non_exhaustive()
    }
}

/// Where misses are read. Sealed.
pub trait ReadFrom: Sealed {}

impl<S: Sealed> ReadFrom for S {}

/// The sealed part of [`ReadFrom`].
pub trait Sealed: Clone + Send + Sync {
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn place(&self) -> Place<'_>;
}

impl Sealed for Primary {
    #[allow(private_interfaces)]
    fn place(&self) -> Place<'_> {
        Place::Primary
    }
}

impl Sealed for Through<'_> {
    #[allow(private_interfaces)]
    fn place(&self) -> Place<'_> {
        Place::Through(self.connection)
    }
}

/// Where misses are read, without its type.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Primary,
    Through(&'a dyn Connection),
}

impl<'a> Place<'a> {
    /// The connection, and what may be done with what is read there: a transaction that has written since the
    /// last read is another source.
    pub(super) fn source(self, autocache: &'a Autocache) -> (&'a dyn Executor, Source) {
        match self {
            Self::Primary => (autocache.database(), Source::Primary),
            Self::Through(connection) => (connection, source_of(autocache, connection)),
        }
    }
}
