//! Writers whose steps of one round trip go to several servers: each half is a move of its own, in any order.
//!
//! The fence has the writer's intent for as long as the row. A writer whose token was lost from the fence invalidates
//! the row once more: a seeder may have marked the fence meanwhile.

use super::{LONG, Moves, Step, Variant, World, Writing, finish_of, token_of_writer};
use sea_orm_autocache::store::{Answer, Outcome};

/// One of the two keys of a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Half {
    Row,
    Fence,
}

impl Half {
    pub(super) fn of_round_trip(scattered: bool) -> &'static [Option<Self>] {
        if scattered { &[Some(Self::Row), Some(Self::Fence)] } else { &[None] }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Row => "",
            Self::Fence => " on the fence",
        }
    }
}

const BOTH: [Half; 2] = [Half::Row, Half::Fence];

impl Moves<'_, '_> {
    pub(super) fn announce_scattered(&mut self, index: usize) {
        let variant = self.setup.variant;
        let done = self.from.writers[index].half;
        let left_out = variant == Variant::NoFenceIntent;
        let halves = BOTH.into_iter().filter(|half| Some(*half) != done);
        for half in halves.filter(|half| !(left_out && *half == Half::Fence)) {
            self.push(
                || format!("W{index} INTENT{}", half.name()),
                move |world| {
                    let intent = Step::Intent { token: token_of_writer(index), ttl: LONG, reissued: false };
                    match half {
                        Half::Row => world.apply(variant, intent),
                        Half::Fence => world.apply_to_fence(variant, intent),
                    };
                    if left_out {
                        world.writers[index].phase = Writing::Announced;
                    } else {
                        world.half_done(index, half, Writing::Announced);
                    }
                },
            );
        }
    }

    pub(super) fn finish_scattered(&mut self, index: usize) {
        let writer = self.from.writers[index];
        if writer.phase == Writing::Finished {
            return self.invalidate_again(index);
        }
        for half in BOTH.into_iter().filter(|half| Some(*half) != writer.half) {
            self.finish_half(index, half);
        }
        if writer.half.is_none() {
            self.lose_finish(index);
        }
    }

    pub(super) fn finish_half(&mut self, index: usize, half: Half) {
        let variant = self.setup.variant;
        self.push(
            || format!("W{index} FINISH{}", half.name()),
            move |world| {
                let lost = world.apply_finish(variant, index, half) == Answer::Lost;
                world.writers[index].in_doubt |= lost && half == Half::Fence;
                if world.writers[index].phase == Writing::Announced {
                    world.writers[index].half = Some(half);
                    return;
                }
                world.half_done(index, half, Writing::Returned);
                if world.writers[index].phase == Writing::Returned {
                    let again = world.writers[index].in_doubt && variant != Variant::FenceLossIgnored;
                    if again {
                        world.writers[index].phase = Writing::Finished;
                    } else {
                        world.returned = world.returned.max(world.ranks[index + 1]);
                    }
                }
            },
        );
    }

    fn invalidate_again(&mut self, index: usize) {
        let variant = self.setup.variant;
        self.push(
            || format!("W{index} invalidates the row again"),
            move |world| {
                world.apply(variant, Step::Invalidate);
                world.writers[index].phase = Writing::Returned;
                world.returned = world.returned.max(world.ranks[index + 1]);
            },
        );
    }
}

impl World {
    /// With the other half done before, the writer goes on.
    fn half_done(&mut self, writer: usize, half: Half, then: Writing) {
        let writer = &mut self.writers[writer];
        match writer.half.take() {
            Some(_) => writer.phase = then,
            None => writer.half = Some(half),
        }
    }

    pub(super) fn apply_finish(&mut self, variant: Variant, writer: usize, half: Half) -> Answer<u8> {
        match half {
            Half::Row => self.apply(variant, finish_of(writer)),
            Half::Fence if variant == Variant::NoFenceIntent => {
                self.apply_to_fence(variant, Step::Invalidate)
            }
            Half::Fence => {
                let finish = Step::Finish { token: token_of_writer(writer), outcome: Outcome::Delete };
                self.apply_to_fence(variant, finish)
            }
        }
    }
}
