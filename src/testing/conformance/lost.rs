//! I4 and I7.

use super::law::Shape;
use super::script::Script;
use super::steps::{
    DIRTY, HELD, delete, entry, fill, insert, intent, lease, leased, publish, release, writers,
};
use crate::coherence::Answer::{Emptied, Granted, Lost, Published, Refused, Shared, Unchanged};

pub(super) fn scripts() -> Vec<Script> {
    let nothing = "a finish without its token publishes nothing";
    let removes = "a finish without its token removes an entry and a lease";
    let dirties = "a finish without its token makes the intents of others dirty";
    let own = "a rollback takes its own intent away";
    let others = "a rollback drops nothing of others";
    vec![
        Script::new(nothing, [(publish(1, "Va"), Lost)], Shape::Empty),
        Script::new(nothing, [(delete(1), Lost)], Shape::Empty),
        Script::new(removes, [(insert("Va"), Published), (publish(1, "Vb"), Lost)], Shape::Empty),
        Script::new(removes, [(insert("Va"), Published), (delete(1), Lost)], Shape::Empty),
        Script::new(
            removes,
            [(lease(1), Granted), (delete(2), Lost), (fill(1, "Va"), Refused)],
            Shape::Empty,
        ),
        Script::new(removes, [(lease(1), Granted), (publish(1, "Va"), Lost)], Shape::Empty),
        Script::new(dirties, [(intent(1), HELD), (publish(2, "Va"), Lost)], writers(true, &[1])),
        Script::new(
            dirties,
            [(intent(1), HELD), (publish(2, "Va"), Lost), (publish(1, "Vb"), Emptied)],
            Shape::Empty,
        ),
        Script::new(own, [(intent(1), HELD), (release(1), Emptied)], Shape::Empty),
        Script::new(own, [(intent(1), HELD), (intent(2), DIRTY), (release(1), Shared)], writers(true, &[2])),
        Script::new(others, [(intent(1), HELD), (release(2), Unchanged)], writers(false, &[1])),
        Script::new(others, [(insert("Va"), Published), (release(1), Unchanged)], entry("Va")),
        Script::new(others, [(lease(1), Granted), (release(1), Unchanged)], leased(1)),
        Script::new(others, [(release(1), Unchanged)], Shape::Empty),
    ]
}
