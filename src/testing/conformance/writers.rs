//! I2 and I3.

use super::law::Shape;
use super::script::Script;
use super::steps::{DIRTY, HELD, delete, entry, fill, insert, intent, intent_again, lease, publish, writers};
use crate::coherence::Answer::{Emptied, Filled, Granted, Published, Refused, Shared};

pub(super) fn scripts() -> Vec<Script> {
    let replaces = "an intent replaces whatever the key held";
    let alone = "the finish of a writer that was alone publishes its entry";
    let empties = "a finish without an entry empties the key";
    let overlap = "writers that overlap are dirty";
    let neither = "writers that overlapped leave no entry";
    let again = "an intent that is placed again is clean only if it still stood";
    let both = [(intent(1), HELD), (intent(2), DIRTY)];
    let [first, second] = both.clone();
    vec![
        Script::new(replaces, [(intent(1), HELD)], writers(false, &[1])),
        Script::new(replaces, [(insert("Va"), Published), (intent(2), HELD)], writers(false, &[2])),
        Script::new(
            replaces,
            [(lease(1), Granted), (fill(1, "Va"), Filled), (intent(2), HELD)],
            writers(false, &[2]),
        ),
        Script::new(
            replaces,
            [(lease(1), Granted), (intent(2), HELD), (fill(1, "Va"), Refused)],
            writers(false, &[2]),
        ),
        Script::new(alone, [(intent(1), HELD), (publish(1, "Vb"), Published)], entry("Vb")),
        Script::new(empties, [(intent(1), HELD), (delete(1), Emptied)], Shape::Empty),
        Script::new(overlap, both, writers(true, &[1, 2])),
        Script::new(
            neither,
            [first.clone(), second.clone(), (publish(1, "Va"), Shared)],
            writers(true, &[2]),
        ),
        Script::new(
            neither,
            [first.clone(), second.clone(), (publish(1, "Va"), Shared), (publish(2, "Vb"), Emptied)],
            Shape::Empty,
        ),
        Script::new(
            neither,
            [first.clone(), second.clone(), (delete(2), Shared), (publish(1, "Vb"), Emptied)],
            Shape::Empty,
        ),
        Script::new(
            neither,
            [
                first,
                second,
                (publish(1, "Va"), Shared),
                (intent(3), DIRTY),
                (publish(2, "Vb"), Shared),
                (publish(3, "Vc"), Emptied),
            ],
            Shape::Empty,
        ),
        Script::new(again, [(intent(1), HELD), (intent_again(1), HELD)], writers(false, &[1])),
        Script::new(again, [(intent_again(1), DIRTY), (publish(1, "Va"), Emptied)], Shape::Empty),
        Script::new(again, [(intent(1), HELD), (intent_again(2), DIRTY)], writers(true, &[1, 2])),
    ]
}
