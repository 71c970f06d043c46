//! A store that fails on command does so, and nothing else.

use super::{Shape, fresh_key, memory_store, redis_store, shape, slot, step, token, try_step};
use bytes::Bytes;
use sea_orm_autocache::store::{Answer, Command, Found, Lifetime, Step, Sweep};
use sea_orm_autocache::testing::{Fault, FaultyStore, Operation, conformance};
use sea_orm_autocache::{Store, StoreErrorKind};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

fn insert() -> Step<Bytes> {
    Step::Insert { entry: "Va".into(), lifetime: Lifetime::For(LONG) }
}
fn lease(number: u128) -> Step<Bytes> {
    Step::Lease { token: token(number), ttl: LONG, unusable: None }
}
fn intent(number: u128) -> Step<Bytes> {
    Step::Intent { token: token(number), ttl: LONG, reissued: false }
}

fn faulty() -> FaultyStore {
    FaultyStore::around(memory_store())
}

fn kind<T: std::fmt::Debug>(answer: Result<T, sea_orm_autocache::StoreError>) -> StoreErrorKind {
    answer.unwrap_err().kind()
}

#[tokio::test]
async fn a_faulty_store_without_faults_conforms() {
    conformance::check(&faulty()).await;
}

/// One command after the other, and not all at once, as long as it has injections.
#[tokio::test]
async fn a_faulty_store_whose_faults_strike_others_conforms() {
    let store = faulty();
    store.inject(Fault::Unreachable.on_any(Operation::ALL).key("another"));
    conformance::check(&store).await;
}

#[tokio::test]
async fn a_fault_strikes_its_operation_and_no_other() {
    for struck in Operation::ALL {
        let (store, key) = (faulty(), fresh_key("faulty"));
        store.inject(Fault::Refused.on(struck));
        let steps = [
            lease(1),
            Step::Fill { token: token(1), entry: "Va".into(), lifetime: Lifetime::Forever },
            Step::Unlease { token: token(1) },
            intent(1),
            Step::Finish { token: token(1), outcome: sea_orm_autocache::store::Outcome::Delete },
            Step::Release { token: token(1) },
            Step::Invalidate,
            insert(),
        ];
        for (next, operation) in steps.into_iter().zip(Operation::STEPS) {
            assert_eq!(Operation::of(&next), operation);
            let refused = try_step(&store, &key, next).await.is_err();
            assert_eq!(refused, operation == struck, "{operation:?} while {struck:?} fails");
        }
        let keys = [key.clone()];
        assert_eq!(store.get(&key).await.is_err(), struck == Operation::Get);
        assert_eq!(store.get_many(&keys).await.is_err(), struck == Operation::GetMany);
        assert_eq!(store.clear(&Sweep::of_prefix(key)).await.is_err(), struck == Operation::Clear);
    }
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_it_is_told_and_passes_as_many_before() {
    let (store, key) = (faulty(), fresh_key("faulty"));
    store.inject(Fault::Unreachable.on(Operation::Get).after(2).times(2));
    let mut failed = Vec::new();
    for _ in 0..6 {
        failed.push(store.get(&key).await.is_err());
    }
    assert_eq!(failed, [false, false, true, true, false, false]);
    store.inject(Fault::Unreachable.on(Operation::Get));
    for _ in 0..5 {
        assert_eq!(kind(store.get(&key).await), StoreErrorKind::Unreachable);
    }
    store.heal();
    assert!(store.get(&key).await.is_ok());
}

#[tokio::test]
async fn a_fault_of_a_key_spares_other_keys() {
    let (store, own, other) = (faulty(), fresh_key("own"), fresh_key("other"));
    store.inject(Fault::TimedOut.on_any(Operation::ALL).key(own.clone()));
    let commands = [&own, &other].map(|key| Command::new(key.clone(), insert())).to_vec();
    let replies = store.run(commands).await;
    assert_eq!(replies[0].clone().map_err(|error| error.kind()), Err(StoreErrorKind::Timeout));
    assert_eq!(replies[1], Ok(Answer::Published));
    assert!(store.get(&other).await.is_ok() && store.get(&own).await.is_err());
    assert!(store.get_many(&[other.clone(), own.clone()]).await.is_err());
    assert!(store.clear(&Sweep::of_prefix("other")).await.is_ok());
    assert!(store.clear(&Sweep::of_prefix("own")).await.is_err());
}

#[tokio::test]
async fn what_is_not_run_leaves_nothing_and_what_is_unanswered_does() {
    for fault in [Fault::Unreachable, Fault::Refused, Fault::TimedOut] {
        let (store, key) = (faulty(), fresh_key("faulty"));
        store.inject(fault.on(Operation::Insert));
        assert!(try_step(&store, &key, insert()).await.is_err());
        assert_eq!(shape(slot(&store, &key).await), Shape::Empty);
    }
    let (store, key) = (faulty(), fresh_key("faulty"));
    store.inject(Fault::Unanswered.on(Operation::Insert));
    assert_eq!(kind(try_step(&store, &key, insert()).await), StoreErrorKind::Timeout);
    assert_eq!(shape(slot(&store, &key).await), Shape::Entry("Va".into()));
}

#[tokio::test]
async fn a_forgotten_key_is_empty_whatever_it_held() {
    for store in [faulty(), FaultyStore::around(redis_store().await)] {
        let held = [vec![insert()], vec![lease(1)], vec![intent(1)], vec![intent(1), intent(2)], vec![]];
        for steps in held {
            let key = fresh_key("forgotten");
            for next in &steps {
                step(&store, &key, next.clone()).await;
            }
            store.inject(Fault::Forget.on(Operation::Get).key(key.clone()).once());
            assert!(matches!(store.get(&key).await, Ok(Found::Nothing)), "after {steps:?}");
            assert_eq!(step(&store, &key, lease(3)).await, Answer::Granted);
        }
    }
    let (store, keys) = (faulty(), [fresh_key("a"), fresh_key("b")]);
    for key in &keys {
        step(&store, key, insert()).await;
    }
    store.inject(Fault::Forget.on(Operation::GetMany).key(keys[1].clone()));
    let found = store.get_many(&keys).await.unwrap();
    assert!(matches!(found[..], [Found::Memory(_), Found::Nothing]), "{found:?}");
}

#[tokio::test]
async fn a_held_call_waits_at_its_gate_and_a_slow_one_for_its_delay() {
    let (store, key) = (faulty(), fresh_key("faulty"));
    let gate = store.hold_nth(Operation::Insert, 2);
    let calls = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { [step(&store, &key, insert()).await, step(&store, &key, insert()).await] }
    });
    gate.reached().await;
    assert_eq!(shape(slot(&store, &key).await), Shape::Entry("Va".into()), "the first has run");
    assert!(!calls.is_finished());
    gate.open();
    assert_eq!(calls.await.unwrap(), [Answer::Published, Answer::Emptied]);
    store.inject(Fault::Delay(Duration::from_millis(50)).on(Operation::Get).once());
    let begun = Instant::now();
    store.get(&key).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_failover_changes_the_stamp() {
    let store = faulty();
    let before = store.stamp("").unwrap();
    store.clone().fail_over();
    assert_ne!(store.stamp("").unwrap(), before);
}
