//! Whatever the other laws do not think of: random steps, the same in every run, beside the pure functions.

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, step};
use super::steps::{LIFE, LONG, token};
use crate::coherence::{self, Answer, Change, Outcome, Slot, Step};
use crate::store::{Command, Store};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SEED: u64 = 7;
const SEQUENCES: usize = 60;
const STEPS: usize = 25;
const TOKENS: u128 = 3;
const ENTRIES: [&str; 5] = ["Va", "Vb", "T", "junk", "L"];

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law {
            name: "random steps answer and leave what the pure functions do",
            check: |store| Box::pin(one_by_one(store)),
        },
        Law {
            name: "random steps in one call answer as they do one by one",
            check: |store| Box::pin(in_one_call(store)),
        },
    ]
}

/// [`coherence::apply`] with a clock that stands still: nothing here ends.
struct Pure(Slot<Bytes>);

impl Pure {
    fn step(&mut self, step: Step<Bytes>) -> Answer<Bytes> {
        let transition = coherence::apply(&self.0, step, 0);
        match transition.change {
            Change::Keep => {}
            Change::Put(slot, _) => self.0 = slot,
            Change::Remove => self.0 = Slot::Empty,
        }
        transition.answer
    }
}

fn steps(random: &mut StdRng) -> Vec<Step<Bytes>> {
    (0..STEPS).map(|_| any_step(random)).collect()
}

fn any_step(random: &mut StdRng) -> Step<Bytes> {
    let token = token(random.random_range(1..=TOKENS));
    let entry = Bytes::from_static(ENTRIES[random.random_range(0..ENTRIES.len())].as_bytes());
    let (ttl, lifetime) = (LONG, LIFE);
    match random.random_range(0..20) {
        0..4 => Step::Lease { token, ttl, unusable: random.random_bool(0.5).then_some(entry) },
        4..7 => Step::Fill { token, entry, lifetime },
        7 => Step::Unlease { token },
        8..12 => Step::Intent { token, ttl, reissued: random.random_bool(0.3) },
        12..16 => Step::Finish { token, outcome: Outcome::Publish(entry, lifetime) },
        16 => Step::Finish { token, outcome: Outcome::Delete },
        17 => Step::Release { token },
        18 => Step::Invalidate,
        _ => Step::Insert { entry, lifetime },
    }
}

async fn one_by_one(store: &dyn Store) -> Verdict {
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..SEQUENCES {
        let (key, mut pure, steps) = (fresh_key("random"), Pure(Slot::Empty), steps(&mut random));
        for (index, next) in steps.iter().enumerate() {
            let done = &steps[..=index];
            let answer = step(store, &key, next.clone()).await?;
            same(&format!("the last answer to {done:?}"), &answer, &pure.step(next.clone()))?;
            let held = shape(store, &key).await?;
            same(&format!("what the key holds after {done:?}"), &held, &Shape::from(pure.0.clone()))?;
        }
    }
    Ok(())
}

async fn in_one_call(store: &dyn Store) -> Verdict {
    if !store.keeps_order() {
        return Ok(());
    }
    let mut random = StdRng::seed_from_u64(SEED + 1);
    for _ in 0..SEQUENCES {
        let keys = [fresh_key("random"), fresh_key("random")];
        let mut pure = [Pure(Slot::Empty), Pure(Slot::Empty)];
        let (mut commands, mut expected) = (Vec::new(), Vec::new());
        for (index, next) in steps(&mut random).into_iter().enumerate() {
            expected.push(Ok(pure[index % 2].step(next.clone())));
            commands.push(Command::new(keys[index % 2].clone(), next));
        }
        let replies = store.run(commands.clone()).await;
        same(&format!("the list of replies to {commands:?}"), &replies, &expected)?;
        for (key, pure) in keys.iter().zip(pure) {
            same("what a key holds after them", &shape(store, key).await?, &Shape::from(pure.0))?;
        }
    }
    Ok(())
}
