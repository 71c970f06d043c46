//! Readers that fill the row although they learned of it only by their `SELECT`, as those of lists do.
//!
//! A seeder marks the fence, reads, leases the row, and fills it if its mark still stands. Writers wipe the
//! fence before they free the row, or have an intent on it for as long. The mark, like all else, may vanish at any time. That a hold outlasts its
//! commit by the time that a seeder may take from its read to its lease is the seeders' own assumption: one
//! that has read before the commit of a token that expires is late, and fills nothing.

use super::{LONG, Moves, Step, Variant, World, Writing, token_of_writer};
use crate::variants::step;
use sea_orm_autocache::store::{Answer, Change, Lifetime, Slot, Token};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Seeding {
    Idle,
    /// Another's mark stands on the fence: about to look at it.
    Looking,
    /// By this mark it will know whether a writer has come to its end.
    Marked(u8),
    /// Has read the row.
    Selected(u8, u8),
    /// Has leased it since.
    Leased(u8, u8),
    /// Has found its mark.
    Proved(u8),
    Done,
}

fn token_of_seeder(index: usize) -> Token {
    Token::from_u128(index as u128 + 201)
}

impl Moves<'_, '_> {
    pub(super) fn of_seeder(&mut self, index: usize) {
        let variant = self.setup.variant;
        let set = move |world: &mut World, phase| world.seeders[index] = phase;
        match self.from.seeders[index] {
            Seeding::Idle => self.push(
                || format!("S{index} marks the fence"),
                move |world| {
                    let mark = Step::Lease { token: token_of_seeder(index), ttl: LONG, unusable: None };
                    let next = match world.apply_to_fence(variant, mark) {
                        Answer::Granted => Seeding::Marked(index as u8),
                        Answer::Busy => Seeding::Looking,
                        _ => Seeding::Done,
                    };
                    set(world, next);
                },
            ),
            Seeding::Looking => self.push(
                || format!("S{index} looks for a mark"),
                move |world| {
                    let mark =
                        world.mark().filter(|mark| *mark < INTENT || variant == Variant::AnythingIsAMark);
                    set(world, mark.map_or(Seeding::Done, Seeding::Marked));
                },
            ),
            Seeding::Marked(mark) => self.push(
                || format!("S{index} SELECT: {}", self.from.row),
                move |world| {
                    // It answers with what it has read.
                    world.seen = world.seen.max(world.ranks[world.row as usize]);
                    set(world, Seeding::Selected(mark, world.row));
                },
            ),
            _ => self.of_seeder_with_a_row(index),
        }
    }

    fn of_seeder_with_a_row(&mut self, index: usize) {
        let variant = self.setup.variant;
        let token = token_of_seeder(index);
        let set = move |world: &mut World, phase| world.seeders[index] = phase;
        match self.from.seeders[index] {
            Seeding::Selected(mark, value) => self.push(
                || format!("S{index} LEASE"),
                move |world| {
                    let granted = world.apply(variant, Step::Lease { token, ttl: LONG, unusable: None });
                    let leased = granted == Answer::Granted;
                    set(world, if leased { Seeding::Leased(mark, value) } else { Seeding::Done });
                },
            ),
            Seeding::Leased(mark, value) => self.push(
                || format!("S{index} looks at the fence"),
                move |world| {
                    if world.mark() == Some(mark) || variant == Variant::NoFenceCheck {
                        return set(world, Seeding::Proved(value));
                    }
                    world.apply(variant, Step::Unlease { token });
                    set(world, Seeding::Done);
                },
            ),
            Seeding::Proved(value) => self.push(
                || format!("S{index} FILL {value}"),
                move |world| {
                    world.apply(variant, Step::Fill { token, entry: value, lifetime: Lifetime::Forever });
                    set(world, Seeding::Done);
                },
            ),
            _ => {}
        }
    }

    /// The end of a committed write, where there is a fence: wiped first, and the row freed by the finish.
    pub(super) fn finish_fenced(&mut self, index: usize) {
        let last = self.setup.variant == Variant::FenceWipedLast;
        match (self.from.writers[index].phase, last) {
            (Writing::Committed, false) => {
                self.wipe(index, Writing::Wiped);
                self.lose_finish(index);
            }
            (Writing::Wiped, false) | (Writing::Committed, true) => self.finish(index),
            (Writing::Finished, true) => self.wipe(index, Writing::Returned),
            _ => {}
        }
    }

    fn wipe(&mut self, index: usize, then: Writing) {
        self.push(
            || format!("W{index} wipes the fence"),
            move |world| {
                world.apply_to_fence(Variant::Sound, Step::Invalidate);
                world.writers[index].phase = then;
                if then == Writing::Returned {
                    world.returned = world.returned.max(world.ranks[index + 1]);
                }
            },
        );
    }

    /// Nobody waits for the mark to vanish.
    pub(super) fn of_fence(&mut self) {
        let vanishes = match self.from.fence {
            Slot::Lease(_) => Some("the mark vanishes"),
            Slot::Intent(_) if self.setup.faults.evicted_intents => Some("the fence's intent is evicted"),
            _ => None,
        };
        if let Some(label) = vanishes {
            self.push(|| label.to_owned(), |world| world.fence = Slot::Empty);
        }
    }
}

/// From here on marks are the bytes of intents.
const INTENT: u8 = 0x40;

impl World {
    /// What stands on the fence, as one reads it.
    fn mark(&self) -> Option<u8> {
        match &self.fence {
            Slot::Lease(token) => (0..self.seeders.len())
                .find(|index| token_of_seeder(*index) == *token)
                .map(|index| index as u8),
            Slot::Intent(intents) => {
                let bit = |index: usize| u8::from(intents.has(token_of_writer(index))) << index;
                let holders: u8 = (0..self.writers.len()).map(bit).sum();
                Some(INTENT | u8::from(intents.dirty) << 5 | holders)
            }
            _ => None,
        }
    }

    pub(super) fn apply_to_fence(&mut self, variant: Variant, next: Step<u8>) -> Answer<u8> {
        let over_intent = variant == Variant::MarkOverIntent && matches!(next, Step::Lease { .. });
        let from = match &self.fence {
            Slot::Intent(_) if over_intent => &Slot::Empty,
            fence => fence,
        };
        let transition = step(variant, from, next);
        match transition.change {
            Change::Keep => {}
            Change::Remove => self.fence = Slot::Empty,
            Change::Put(slot, _) => self.fence = slot,
        }
        // A reader that looks at what stands there takes an intent for the mark of another.
        match transition.answer {
            Answer::Writing if variant == Variant::AnythingIsAMark => Answer::Busy,
            answer => answer,
        }
    }

    /// The hold of a writer whose work is over has run out.
    pub(super) fn too_late_to_seed(&mut self, writer: usize) {
        let rank = self.ranks[writer + 1];
        for seeder in &mut self.seeders {
            if let Seeding::Selected(_, value) = *seeder
                && self.ranks[value as usize] < rank
            {
                *seeder = Seeding::Done;
            }
        }
    }
}
