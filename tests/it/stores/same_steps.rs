//! The pure functions, the memory store and a real Redis, driven by the same random steps: same
//! answers, same slots. Many sequences run at once, each on a key of its own.

use super::{Shape, fresh_key, memory_store, redis_store, shape, slot, step, token};
use bytes::Bytes;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm_autocache::store::{self as coherence, Change, Lifetime, Outcome, Slot, Step};
use std::time::{Duration, Instant};

const SEQUENCES: usize = 400;
const AT_ONCE: usize = 200;
/// What is short has passed after a wait, and not before one: sequences that were slower are not
/// judged.
const SHORT: Duration = Duration::from_millis(1_500);
const WAIT: Duration = Duration::from_millis(1_700);
const LONG: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
enum Move {
    Step(Step<Bytes>),
    Wait,
}

/// The pure functions as a store, with a clock that only waiting moves.
struct Pure {
    slot: Slot<Bytes>,
    expires_ms: u64,
    now_ms: u64,
}

impl Pure {
    fn step(&mut self, step: Step<Bytes>) -> coherence::Answer<Bytes> {
        let transition = coherence::apply(&self.slot, step, self.now_ms);
        match transition.change {
            Change::Keep => {}
            Change::Remove => self.slot = Slot::Empty,
            Change::Put(slot, lifetime) => {
                self.slot = slot;
                self.expires_ms = match lifetime {
                    Lifetime::For(life) => self.now_ms + life.as_millis() as u64,
                    Lifetime::Forever => u64::MAX,
                    Lifetime::AsBefore => self.expires_ms,
                };
            }
        }
        transition.answer
    }

    fn wait(&mut self) {
        self.now_ms += WAIT.as_millis() as u64;
        if self.expires_ms <= self.now_ms {
            self.slot = Slot::Empty;
        }
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let tokens = (1_u128..4).prop_map(token);
    let duration = prop_oneof![1 => Just(SHORT), 3 => Just(LONG)];
    let lifetime = prop_oneof![
        1 => Just(Lifetime::For(SHORT)), 3 => Just(Lifetime::For(LONG)), 1 => Just(Lifetime::Forever)
    ];
    let entries = prop::sample::select(vec!["Va", "Vb", "T", "junk", "L", "W0x", "W1short"]);
    let entry = entries.prop_map(|text| Bytes::from_static(text.as_bytes()));
    let outcome = prop_oneof![
        3 => (entry.clone(), lifetime.clone()).prop_map(|(entry, life)| Outcome::Publish(entry, life)),
        1 => Just(Outcome::Delete),
    ];
    let unusable = prop::option::of(entry.clone());
    let steps = prop_oneof![
        3 => (tokens.clone(), duration.clone(), unusable)
            .prop_map(|(token, hold, unusable)| Step::Lease { token, ttl: hold, unusable }),
        3 => (tokens.clone(), entry.clone(), lifetime.clone())
            .prop_map(|(token, entry, lifetime)| Step::Fill { token, entry, lifetime }),
        1 => tokens.clone().prop_map(|token| Step::Unlease { token }),
        5 => (tokens.clone(), duration, any::<bool>())
            .prop_map(|(token, hold, reissued)| Step::Intent { token, ttl: hold, reissued }),
        6 => (tokens.clone(), outcome).prop_map(|(token, outcome)| Step::Finish { token, outcome }),
        1 => tokens.prop_map(|token| Step::Release { token }),
        1 => Just(Step::Invalidate),
        1 => (entry, lifetime).prop_map(|(entry, lifetime)| Step::Insert { entry, lifetime }),
    ];
    prop::collection::vec(prop_oneof![20 => steps.prop_map(Move::Step), 1 => Just(Move::Wait)], 1..40)
}

/// Drives one sequence. `Ok(false)`: the machine was too slow for its verdict to count.
async fn drive(
    memory: &sea_orm_autocache::MemoryStore,
    redis: &sea_orm_autocache::RedisStore,
    moves: &[Move],
) -> Result<bool, String> {
    let key = fresh_key("same");
    let mut pure = Pure { slot: Slot::Empty, expires_ms: u64::MAX, now_ms: 0 };
    let mut since_wait = Instant::now();
    for (index, next) in moves.iter().enumerate() {
        let told = || format!("at move {index} of {moves:#?}");
        match next {
            Move::Wait => {
                tokio::time::sleep(WAIT).await;
                pure.wait();
                since_wait = Instant::now();
            }
            Move::Step(next) => {
                let expected = pure.step(next.clone());
                let in_memory = step(memory, &key, next.clone()).await;
                let in_redis = step(redis, &key, next.clone()).await;
                if since_wait.elapsed() > SHORT * 9 / 10 {
                    return Ok(false);
                }
                if in_memory != expected || in_redis != expected {
                    return Err(format!(
                        "pure {expected:?}, memory {in_memory:?}, Redis {in_redis:?} {}",
                        told()
                    ));
                }
            }
        }
        let shapes: [Shape; 3] =
            [shape(pure.slot.clone()), shape(slot(memory, &key).await), shape(slot(redis, &key).await)];
        if since_wait.elapsed() > SHORT * 9 / 10 {
            return Ok(false);
        }
        if shapes.iter().any(|shape| *shape != shapes[0]) {
            return Err(format!("pure, memory and Redis hold {shapes:?} {}", told()));
        }
    }
    Ok(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pure_functions_memory_and_redis_take_the_same_steps() {
    let (memory, redis) = (memory_store(), redis_store().await);
    let mut runner = TestRunner::default();
    let strategy = moves();
    let mut judged = 0;
    for _ in 0..SEQUENCES / AT_ONCE {
        let sequences: Vec<Vec<Move>> =
            (0..AT_ONCE).map(|_| strategy.new_tree(&mut runner).expect("a sequence").current()).collect();
        let verdicts = join_all(sequences.iter().map(|moves| drive(&memory, &redis, moves))).await;
        for verdict in verdicts {
            match verdict {
                Ok(counts) => judged += usize::from(counts),
                Err(difference) => panic!("{difference}"),
            }
        }
    }
    assert!(judged > SEQUENCES / 2, "only {judged} of {SEQUENCES} sequences were quick enough to judge");
}

/// A whole sequence in one call, two keys in turn: as many answers, in order, and each as if it were alone.
#[tokio::test]
async fn many_steps_in_one_call_answer_as_they_do_one_by_one() {
    use sea_orm_autocache::Store;
    use sea_orm_autocache::store::Command;
    let (memory, redis) = (memory_store(), redis_store().await);
    let mut runner = TestRunner::default();
    let strategy = moves();
    for _ in 0..100 {
        let moves = strategy.new_tree(&mut runner).expect("a sequence").current();
        let steps = moves.into_iter().filter_map(|next| match next {
            Move::Step(step) => Some(step),
            Move::Wait => None,
        });
        let keys = [fresh_key("many"), fresh_key("many")];
        let fresh = || Pure { slot: Slot::Empty, expires_ms: u64::MAX, now_ms: 0 };
        let mut pure = [fresh(), fresh()];
        let (mut commands, mut expected) = (Vec::new(), Vec::new());
        for (index, step) in steps.enumerate() {
            expected.push(Ok(pure[index % 2].step(step.clone())));
            commands.push(Command::new(keys[index % 2].clone(), step));
        }
        let begun = Instant::now();
        let answers = [memory.run(commands.clone()).await, redis.run(commands.clone()).await];
        if begun.elapsed() < SHORT * 9 / 10 {
            assert_eq!(answers, [expected.clone(), expected], "{commands:#?}");
        }
    }
}
