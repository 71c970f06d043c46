//! The coherence protocol as pure functions: what a key may hold, and what each step makes of it.
//!
//! No I/O, no async, no clock: the time of a step is an argument. The memory store runs these
//! functions; the Lua scripts of the Redis store are held to them by one conformance suite and a
//! property test that drives both with the same random steps; the model checker explores them.
//!
//! # Invariants
//!
//! Cited by these numbers in the code and in the tests.
//!
//! * **I1** A value or tombstone gets under a key only by a [`Step::Fill`] whose lease still stands, by a
//!   [`Step::Finish`] whose token was alone in a clean write intent, or by the [`Step::Insert`] of a
//!   row that no other process could know.
//! * **I2** A write intent replaces all that the key held, so no reader can lease or hit it.
//! * **I3** Once two writers have overlapped, the intent stays dirty until its last token has left,
//!   and a dirty intent never becomes a value.
//! * **I4** A finish that finds its token gone drops or dirties what is there: it never publishes.
//! * **I5** Every token has a deadline of its own; other writers cannot keep a dead one alive.
//! * **I6** A lease is granted only where nothing usable stands, and answers with what it found otherwise.
//! * **I7** A definite rollback never drops what others have put under the key.
//! * **I8** Every step touches one key.

mod intents;
mod slot;
mod step;
mod token;
mod wire;

pub use intents::{Holder, Intents};
pub use slot::{Change, Lifetime, Slot};
pub use step::{Answer, Outcome, Step, Transition, apply};
pub use token::Token;
pub(crate) use wire::{Kind, kind_of};
pub use wire::{decode_slot, encode_marker};
