//! I1 and I6.

use super::law::Shape;
use super::script::Script;
use super::steps::{HELD, entry, fill, insert, intent, lease, lease_over, leased, unlease, writers};
use crate::coherence::Answer::{
    Busy, Emptied, Filled, Found, Granted, Published, Refused, Unchanged, Writing,
};

pub(super) fn scripts() -> Vec<Script> {
    let one = "a lease is granted on an empty key, to one reader at a time";
    let under = "a lease is not granted under a write intent";
    let usable = "a lease is not granted over a usable entry";
    let taken = "a lease takes over the very entry that its reader cannot use";
    let owner = "a fill needs the lease of its own token";
    let back = "a lease is given back by its own token only";
    vec![
        Script::new(one, [(lease(1), Granted)], leased(1)),
        Script::new(one, [(lease(1), Granted), (lease(2), Busy)], leased(1)),
        Script::new(one, [(lease(1), Granted), (lease(1), Busy)], leased(1)),
        Script::new(under, [(intent(1), HELD), (lease(2), Writing)], writers(false, &[1])),
        Script::new(under, [(intent(1), HELD), (lease_over(2, "Va"), Writing)], writers(false, &[1])),
        Script::new(usable, [(insert("Va"), Published), (lease(1), Found("Va".into()))], entry("Va")),
        Script::new(
            usable,
            [(insert("Va"), Published), (lease_over(1, "junk"), Found("Va".into()))],
            entry("Va"),
        ),
        Script::new(taken, [(insert("junk"), Published), (lease_over(1, "junk"), Granted)], leased(1)),
        Script::new(
            "a fill puts its entry in place of its lease",
            [(lease(1), Granted), (fill(1, "Va"), Filled), (fill(1, "Vb"), Refused)],
            entry("Va"),
        ),
        Script::new(owner, [(fill(1, "Va"), Refused)], Shape::Empty),
        Script::new(owner, [(lease(1), Granted), (fill(2, "Va"), Refused)], leased(1)),
        Script::new(owner, [(insert("Va"), Published), (fill(1, "Vb"), Refused)], entry("Va")),
        Script::new(owner, [(intent(1), HELD), (fill(1, "Va"), Refused)], writers(false, &[1])),
        Script::new(back, [(lease(1), Granted), (unlease(1), Emptied)], Shape::Empty),
        Script::new(back, [(lease(1), Granted), (unlease(2), Unchanged)], leased(1)),
        Script::new(back, [(insert("Va"), Published), (unlease(1), Unchanged)], entry("Va")),
        Script::new(back, [(intent(1), HELD), (unlease(1), Unchanged)], writers(false, &[1])),
    ]
}
