use thiserror::Error;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{kind}: {message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// The kinds of [`StoreError`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The configuration is wrong; trying again will not help.
    #[error("bad store configuration")]
    Config,
    /// The server cannot be reached, or the connection was lost.
    #[error("store unreachable")]
    Unreachable,
    /// One of several servers cannot be reached. The others answer.
    #[error("a part of the store is unreachable")]
    Partial,
    /// The server did not answer in time. What was asked may have been done.
    #[error("store timed out")]
    Timeout,
    /// The server answered with an error.
    #[error("store refused")]
    Refused,
    /// The store does not have this method of [`Store`](super::Store).
    #[error("store cannot do this")]
    Unsupported,
}

impl StoreError {
    /// An error of this kind. The message must not hold secrets: it is logged.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether the store is not there, or as good as not.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unreachable | StoreErrorKind::Timeout)
    }

    /// Whether a part of the store is not there.
    pub(crate) fn is_partial(&self) -> bool {
        self.kind == StoreErrorKind::Partial
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
