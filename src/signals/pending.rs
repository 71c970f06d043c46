//! What a `before_*` hook leaves for the `after_*` hook of the same write.
//!
//! SeaORM hands nothing from one hook to the other, but runs both in one task: notes are kept by key
//! and task. Of two writes of one row in one task at once, each may take the other's note; both
//! tokens were announced before either finishes, so the intent stands and is dirty all the while.

use crate::connection::InFlight;
use crate::relation::Joins;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task;
use tokio::time::Instant;

/// Notes of writes that never came to their end are looked for when a region holds this many.
const SWEEP_FROM: usize = 1_024;

/// From its announcement to its statement a write does nothing but run the rest of the user's hook. A
/// statement that comes later is not taken for it, which costs an invalidation too many.
const CLAIM_WINDOW: Duration = Duration::from_secs(2);

/// A write between its hooks.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) kind: NoteKind,
    /// When the write began, before anything was sent.
    pub(super) begun: Instant,
    /// Until when it can still end.
    pub(super) dead_at: Instant,
    /// Whether its statement has been seen on a connection of ours.
    pub(super) stated: bool,
    /// The lists that the row may join.
    pub(super) joins: Joins,
}

#[derive(Clone, Debug)]
pub(super) enum NoteKind {
    /// A save without changes: no statement will be sent.
    NoWrite,
    /// A write that was announced, or tried to be.
    Announced {
        /// Its keys: none, for an insert whose key the database makes and that joins no list.
        write: InFlight,
        /// Whether the row's own key is among them.
        row: bool,
        /// Whether the row that the write returns may be published.
        publish: bool,
    },
    /// A write in a transaction, whose unit of work knows the rest.
    InTransaction { publish: bool },
}

/// What a signal has said of a statement.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nothing.
    Nothing,
    /// It is known of, and there is no intent of its own.
    Noted,
    /// It has announced these keys, and left its note under this one.
    Write(String, InFlight),
}

/// The notes of one region.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    by_key: HashMap<String, Vec<(Option<task::Id>, Note)>, RandomState>,
    sweep_at: usize,
}

impl Note {
    pub(super) fn new(kind: NoteKind, hold: Duration) -> Self {
        let begun = Instant::now();
        // A hold of years is no reason to overflow.
        let dead_at = begun.checked_add(hold).unwrap_or(begun + Duration::from_secs(3_600));
        Self { kind, begun, dead_at, stated: false, joins: Joins::default() }
    }
}

impl Pending {
    pub(super) fn push(&self, key: &str, note: Note) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.forget_dead();
        notes.by_key.entry(key.to_owned()).or_default().push((task::try_id(), note));
    }

    /// The newest note this task has left for the key.
    pub(super) fn pop(&self, key: &str) -> Option<Note> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = notes.by_key.get_mut(key)?;
        let task = task::try_id();
        let index = of_key.iter().rposition(|(owner, _)| *owner == task)?;
        let (_, note) = of_key.remove(index);
        if of_key.is_empty() {
            notes.by_key.remove(key);
        }
        (note.dead_at > Instant::now()).then_some(note)
    }

    /// Takes the statement that is about to be sent for that of a write this task has announced: of the
    /// row with this key, where the statement names it, and the oldest one whose statement has not come
    /// yet, for SeaORM announces several rows before it writes them one by one.
    pub(crate) fn claim_statement(&self, key: Option<&str>) -> Claim {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let (task, now) = (task::try_id(), Instant::now());
        let oldest = match key {
            Some(key) => {
                let of_key = notes.by_key.get_mut(key);
                of_key.and_then(|of_key| waiting(of_key, task, now)).map(|note| (key, note))
            }
            None => {
                let all = notes.by_key.iter_mut();
                let waiting =
                    all.filter_map(|(key, of_key)| Some((key.as_str(), waiting(of_key, task, now)?)));
                waiting.min_by_key(|(_, note)| note.begun)
            }
        };
        let Some((key, note)) = oldest else { return Claim::Nothing };
        note.stated = true;
        match &note.kind {
            NoteKind::Announced { write, .. } => Claim::Write(key.to_owned(), write.clone()),
            _ => Claim::Noted,
        }
    }

    /// This write has ended without its `after_*` hook.
    pub(crate) fn forget(&self, key: &str, ended: &InFlight) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = notes.by_key.get_mut(key) {
            of_key.retain(
                |(_, note)| !matches!(&note.kind, NoteKind::Announced { write, .. } if write.is(ended)),
            );
            if of_key.is_empty() {
                notes.by_key.remove(key);
            }
        }
    }
}

/// The oldest of a key's notes that this task has left and whose statement has not come yet.
fn waiting(
    of_key: &mut [(Option<task::Id>, Note)],
    task: Option<task::Id>,
    now: Instant,
) -> Option<&mut Note> {
    let waits = |(owner, note): &&mut (Option<task::Id>, Note)| {
        let fresh = now - note.begun < CLAIM_WINDOW;
        *owner == task && fresh && !note.stated && !matches!(note.kind, NoteKind::NoWrite)
    };
    of_key.iter_mut().filter(waits).map(|(_, note)| note).min_by_key(|note| note.begun)
}

impl Notes {
    fn forget_dead(&mut self) {
        if self.by_key.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        let now = Instant::now();
        self.by_key.retain(|_, notes| {
            notes.retain(|(_, note)| note.dead_at > now);
            !notes.is_empty()
        });
        self.sweep_at = self.by_key.len() * 2;
    }
}
