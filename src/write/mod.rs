//! Writes, from their intents to their end.

mod by_task;
mod fences;
mod hook_notes;
mod intent_key;
mod intents;
mod levels;
mod memberships;
mod pending_clear;
mod row_change;
mod siblings;
mod statement_id;
mod unit_of_work;

pub(crate) use hook_notes::{Announced, HookNote, HookNotes, NoteKind};
pub(crate) use intents::{InFlight, IntentSet};
pub(crate) use levels::Moment;
pub(crate) use memberships::{Memberships, all_list_keys};
pub(crate) use pending_clear::PendingClear;
pub(crate) use row_change::RowChange;
pub(crate) use siblings::{Beside, Siblings};
pub(crate) use statement_id::StatementId;
pub(crate) use unit_of_work::UnitOfWork;
