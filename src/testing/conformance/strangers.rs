//! Writes without an intent: I1.

use super::law::Shape;
use super::script::Script;
use super::steps::{DIRTY, HELD, fill, insert, intent, lease, publish, writers};
use crate::coherence::Answer::{Emptied, Granted, Published, Refused, Shared, Unchanged};
use crate::coherence::Step::Invalidate;

pub(super) fn scripts() -> Vec<Script> {
    let removes = "an invalidation removes an entry and a lease";
    let dirties = "an invalidation makes intents dirty and leaves them";
    let publishes = "an insert publishes on an empty key only";
    vec![
        Script::new(removes, [(Invalidate, Unchanged)], Shape::Empty),
        Script::new(removes, [(insert("Va"), Published), (Invalidate, Emptied)], Shape::Empty),
        Script::new(
            removes,
            [(lease(1), Granted), (Invalidate, Emptied), (fill(1, "Va"), Refused)],
            Shape::Empty,
        ),
        Script::new(dirties, [(intent(1), HELD), (Invalidate, Shared)], writers(true, &[1])),
        Script::new(
            dirties,
            [(intent(1), HELD), (Invalidate, Shared), (publish(1, "Va"), Emptied)],
            Shape::Empty,
        ),
        Script::new(
            dirties,
            [(intent(1), HELD), (intent(2), DIRTY), (Invalidate, Shared)],
            writers(true, &[1, 2]),
        ),
        Script::new(publishes, [(insert("Va"), Published), (insert("Vb"), Emptied)], Shape::Empty),
        Script::new(publishes, [(lease(1), Granted), (insert("Vb"), Emptied)], Shape::Empty),
        Script::new(publishes, [(intent(1), HELD), (insert("Va"), Shared)], writers(true, &[1])),
    ]
}
