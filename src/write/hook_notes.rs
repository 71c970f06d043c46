//! [`HookNotes`]: what a `before_*` hook leaves for the guard of its statement, and for the `after_*` hook.
//!
//! SeaORM hands nothing from one to the other, but runs all in one task. For the `after_*` hook a note is kept by
//! task and key. Of two writes of one row in one task at once, each may take the other's note; both intents were
//! placed before either finishes, so the intent stands and is dirty all the while. For the guard the statement is
//! announced by all that it consists of: a statement that does anything else is none of a hook's.

use super::by_task::ByTask;
use super::{InFlight, Memberships, Moment, StatementId};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Between its intent and its statement a write only waits for a connection. A later statement is not matched;
/// the guard then invalidates once more than needed.
const CLAIM_WINDOW: Duration = Duration::from_secs(2);

/// A write between its hooks.
#[derive(Clone, Debug)]
pub(crate) struct HookNote {
    pub(crate) kind: NoteKind,
    /// When the write began, before anything was sent.
    pub(crate) begun: Instant,
    /// Until when it can still end.
    pub(crate) dead_at: Instant,
    /// The lists that the row may join.
    pub(crate) memberships: Memberships,
    /// The statement, if it is announced.
    pub(crate) statement: Option<StatementId>,
}

#[derive(Clone, Debug)]
pub(crate) enum NoteKind {
    /// A save without changes: no statement will be sent.
    NoWrite,
    /// A write whose intents were placed, or tried to be.
    Marked {
        /// Its keys: none, for an auto-increment insert that joins no list.
        write: InFlight,
        /// Whether the row's own key is among them.
        row: bool,
        /// Whether the row that the write returns may be published.
        publish: bool,
    },
    /// A write in a transaction, whose unit of work knows the rest.
    InTransaction { since: Moment },
}

/// A statement that a hook has announced.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    /// The key of the hook's note.
    pub(crate) key: String,
    /// Its intents; in a transaction there are none yet.
    pub(crate) write: Option<InFlight>,
}

/// The notes of one entity, on connections without a transaction, or in one transaction.
#[derive(Debug, Default)]
pub(crate) struct HookNotes(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    of_writes: ByTask<String, HookNote>,
    of_statements: ByTask<StatementId, Announced>,
}

impl HookNote {
    pub(crate) fn new(kind: NoteKind, ttl: Duration) -> Self {
        let begun = Instant::now();
        // A TTL of years must not overflow.
        let dead_at = begun.checked_add(ttl).unwrap_or(begun + Duration::from_secs(3_600));
        Self { kind, begun, dead_at, memberships: Memberships::default(), statement: None }
    }
}

impl HookNotes {
    /// Leaves a note for the `after_*` hook, and announces its statement to the guard.
    pub(crate) fn push(&self, key: &str, note: HookNote) {
        let write = match &note.kind {
            NoteKind::Marked { write, .. } => Some(write.clone()),
            _ => None,
        };
        let mut notes = self.notes();
        if let Some(statement) = note.statement {
            let dead_at = note.dead_at.min(note.begun + CLAIM_WINDOW);
            let announced = Announced { key: key.to_owned(), write };
            notes.of_statements.push(statement, dead_at, announced);
        }
        notes.of_writes.push(key.to_owned(), note.dead_at, note);
    }

    /// The newest note that this task has left for the key.
    pub(crate) fn pop(&self, key: &str) -> Option<HookNote> {
        let mut notes = self.notes();
        let note = notes.of_writes.take_newest(key.to_owned())?;
        // On most plain connections there is no guard that sees the statement.
        if let (Some(statement), NoteKind::Marked { write, .. }) = (note.statement, &note.kind) {
            let is_its = |announced: &Announced| announced.write.as_ref().is_some_and(|own| own.is(write));
            notes.of_statements.retain(statement, |announced| !is_its(announced));
        }
        Some(note)
    }

    /// What a hook of this task has announced, if it was this statement. It is not found again.
    pub(crate) fn claim(&self, statement: StatementId) -> Option<Announced> {
        self.notes().of_statements.take_oldest(statement)
    }

    /// This write has ended without its `after_*` hook.
    pub(crate) fn forget(&self, key: &str, ended: &InFlight) {
        let is_ended =
            |note: &HookNote| matches!(&note.kind, NoteKind::Marked { write, .. } if write.is(ended));
        self.notes().of_writes.retain(key.to_owned(), |note| !is_ended(note));
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
