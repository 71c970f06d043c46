//! I5, and the end of everything.

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, step};
use super::steps::{
    LONG, entry, fill, insert, intent, intent_for, lease, lease_for, publish, token, writers,
};
use crate::coherence::{Answer, Lifetime, Outcome, Step};
use crate::store::Store;
use bytes::Bytes;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(300);
/// What is short is over by then.
const WAIT: Duration = Duration::from_millis(450);
/// A machine that is too busy for a law is tried again.
const TRIES_MAX: u32 = 20;

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law { name: "an entry ends with its TTL", check: |store| Box::pin(entries_end(store)) },
        Law { name: "an entry stays until its TTL is over", check: |store| Box::pin(entries_stay(store)) },
        Law { name: "an entry without a TTL stays", check: |store| Box::pin(entries_for_ever(store)) },
        Law { name: "a lease ends with its TTL", check: |store| Box::pin(leases_end(store)) },
        Law { name: "an intent ends at its deadline", check: |store| Box::pin(intents_end(store)) },
        Law {
            name: "a key lives until the longest deadline of its writers",
            check: |store| Box::pin(the_longest_counts(store)),
        },
        Law {
            name: "a writer past its deadline is not waited for",
            check: |store| Box::pin(the_dead_do_not_count(store)),
        },
        Law {
            name: "making an intent dirty does not change its deadline",
            check: |store| Box::pin(dirt_prolongs_nothing(store)),
        },
    ]
}

/// What a fresh key holds some time after these steps.
async fn after(store: &dyn Store, steps: &[Step<Bytes>]) -> Result<(String, Shape), String> {
    for _ in 0..TRIES_MAX {
        let (key, begun) = (fresh_key("time"), Instant::now());
        for next in steps {
            step(store, &key, next.clone()).await?;
        }
        if begun.elapsed() < SHORT / 2 {
            tokio::time::sleep(WAIT).await;
            let held = shape(store, &key).await?;
            return Ok((key, held));
        }
    }
    Err(format!("{} steps take longer than {:?}", steps.len(), SHORT / 2))
}

async fn ends_as(store: &dyn Store, steps: &[Step<Bytes>], end: Shape) -> Verdict {
    let (_, held) = after(store, steps).await?;
    same(&format!("what the key holds {WAIT:?} after {steps:?}"), &held, &end)
}

async fn entries_end(store: &dyn Store) -> Verdict {
    let life = Lifetime::For(SHORT);
    let (entry, token) = (Bytes::from_static(b"Va"), token(1));
    let filled = Step::Fill { token, entry: entry.clone(), lifetime: life };
    let published = Step::Finish { token, outcome: Outcome::Publish(entry.clone(), life) };
    ends_as(store, &[Step::Insert { entry, lifetime: life }], Shape::Empty).await?;
    ends_as(store, &[lease(1), filled], Shape::Empty).await?;
    ends_as(store, &[intent(1), published], Shape::Empty).await
}

/// Also where what was there before had less time.
async fn entries_stay(store: &dyn Store) -> Verdict {
    ends_as(store, &[insert("Va")], entry("Va")).await?;
    ends_as(store, &[lease_for(1, SHORT), fill(1, "Va")], entry("Va")).await?;
    ends_as(store, &[intent_for(1, SHORT), publish(1, "Va")], entry("Va")).await
}

async fn entries_for_ever(store: &dyn Store) -> Verdict {
    let (own, lifetime) = (Bytes::from_static(b"Va"), Lifetime::Forever);
    let filled = Step::Fill { token: token(1), entry: own.clone(), lifetime };
    ends_as(store, &[Step::Insert { entry: own, lifetime }], entry("Va")).await?;
    ends_as(store, &[lease_for(1, SHORT), filled], entry("Va")).await
}

async fn leases_end(store: &dyn Store) -> Verdict {
    let (key, held) = after(store, &[lease_for(1, SHORT)]).await?;
    same("what the key holds", &held, &Shape::Empty)?;
    same("the answer to its fill", &step(store, &key, fill(1, "Va")).await?, &Answer::Refused)
}

async fn intents_end(store: &dyn Store) -> Verdict {
    let (key, held) = after(store, &[intent_for(1, SHORT)]).await?;
    same("what the key holds", &held, &Shape::Empty)?;
    same("the answer to its finish", &step(store, &key, publish(1, "Va")).await?, &Answer::Lost)
}

async fn the_longest_counts(store: &dyn Store) -> Verdict {
    let (key, held) = after(store, &[intent_for(1, LONG), intent_for(2, SHORT)]).await?;
    same("what the key holds", &held, &writers(true, &[1, 2]))?;
    same("the answer to a lease", &step(store, &key, lease(3)).await?, &Answer::Writing)
}

async fn the_dead_do_not_count(store: &dyn Store) -> Verdict {
    let overlapped = [intent_for(1, SHORT), intent_for(2, LONG)];
    let (key, _) = after(store, &overlapped).await?;
    same("the answer to a finish", &step(store, &key, publish(2, "Vb")).await?, &Answer::Emptied)?;
    let (key, _) = after(store, &overlapped).await?;
    same("the answer to a rollback", &step(store, &key, super::steps::release(2)).await?, &Answer::Emptied)?;
    let (key, _) = after(store, &overlapped).await?;
    step(store, &key, intent(3)).await?;
    same("what the key holds", &shape(store, &key).await?, &writers(true, &[2, 3]))
}

async fn dirt_prolongs_nothing(store: &dyn Store) -> Verdict {
    ends_as(store, &[intent_for(1, SHORT), Step::Invalidate], Shape::Empty).await?;
    ends_as(store, &[intent_for(1, SHORT), publish(2, "Va")], Shape::Empty).await?;
    ends_as(store, &[intent_for(1, LONG), Step::Invalidate], writers(true, &[1])).await
}
