//! [`HookNotes`]: what a `before_*` hook leaves for the `after_*` hook of the same write.
//!
//! SeaORM hands nothing from one hook to the other, but runs both in one task: notes are kept by key
//! and task. Of two writes of one row in one task at once, each may take the other's note; both
//! intents were placed before either finishes, so the intent stands and is dirty all the while.

use super::{InFlight, Memberships};
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task;
use tokio::time::Instant;

/// Notes of writes that never ended are looked for when an entity has this many.
const SWEEP_FROM: usize = 1_024;

/// Between its intent and its statement a write only runs the rest of the user's hook. A later statement is not
/// matched; the guard then invalidates once more than needed.
const CLAIM_WINDOW: Duration = Duration::from_secs(2);

/// A write between its hooks.
#[derive(Clone, Debug)]
pub(crate) struct HookNote {
    pub(crate) kind: NoteKind,
    /// When the write began, before anything was sent.
    pub(crate) begun: Instant,
    /// Until when it can still end.
    pub(crate) dead_at: Instant,
    /// Whether its statement has been seen on a connection of ours.
    pub(crate) stated: bool,
    /// The lists that the row may join.
    pub(crate) memberships: Memberships,
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
    InTransaction { publish: bool },
}

/// Which hook a statement belongs to.
#[derive(Debug)]
pub(crate) enum Claim {
    /// None.
    Nothing,
    /// One that placed no intents of its own.
    Noted,
    /// One that placed these intents, and left its note under this key.
    Write(String, InFlight),
}

/// The notes of one entity.
#[derive(Debug, Default)]
pub(crate) struct HookNotes {
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    by_key: HashMap<String, Vec<(Option<task::Id>, HookNote)>, RandomState>,
    sweep_at: usize,
}

impl HookNote {
    pub(crate) fn new(kind: NoteKind, ttl: Duration) -> Self {
        let begun = Instant::now();
        // A TTL of years must not overflow.
        let dead_at = begun.checked_add(ttl).unwrap_or(begun + Duration::from_secs(3_600));
        Self { kind, begun, dead_at, stated: false, memberships: Memberships::default() }
    }
}

impl HookNotes {
    pub(crate) fn push(&self, key: &str, note: HookNote) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.forget_dead();
        notes.by_key.entry(key.to_owned()).or_default().push((task::try_id(), note));
    }

    /// The newest note this task has left for the key.
    pub(crate) fn pop(&self, key: &str) -> Option<HookNote> {
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

    /// Matches the statement that is about to be sent with a write of this task: of the row with this key,
    /// where the statement names it, and the oldest one whose statement has not come yet. SeaORM runs the
    /// `before_*` hooks of several rows before it writes them one by one.
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
            NoteKind::Marked { write, .. } => Claim::Write(key.to_owned(), write.clone()),
            _ => Claim::Noted,
        }
    }

    /// This write has ended without its `after_*` hook.
    pub(crate) fn forget(&self, key: &str, ended: &InFlight) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_key) = notes.by_key.get_mut(key) {
            of_key
                .retain(|(_, note)| !matches!(&note.kind, NoteKind::Marked { write, .. } if write.is(ended)));
            if of_key.is_empty() {
                notes.by_key.remove(key);
            }
        }
    }
}

/// The oldest of a key's notes that this task has left and whose statement has not come yet.
fn waiting(
    of_key: &mut [(Option<task::Id>, HookNote)],
    task: Option<task::Id>,
    now: Instant,
) -> Option<&mut HookNote> {
    let waits = |(owner, note): &&mut (Option<task::Id>, HookNote)| {
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
