//! Steps at the same time: each as if it were alone (I8).

use super::law::{Law, Shape, Verdict, fresh_key, same, shape, step};
use super::steps::{HELD, insert, intent, lease, lease_over, token};
use crate::coherence::{Answer, Step};
use crate::store::Store;
use bytes::Bytes;
use futures_util::future::join_all;

const CALLERS: u128 = 32;

pub(super) fn laws() -> Vec<Law> {
    vec![
        Law { name: "of leases at the same time one is granted", check: |store| Box::pin(leases(store)) },
        Law { name: "of intents at the same time all stand", check: |store| Box::pin(intents(store)) },
        Law {
            name: "of readers at the same time one takes an entry over",
            check: |store| Box::pin(takeovers(store)),
        },
    ]
}

async fn at_once(
    store: &dyn Store,
    key: &str,
    next: impl Fn(u128) -> Step<Bytes>,
) -> Result<Vec<Answer<Bytes>>, String> {
    let calls = (1..=CALLERS).map(|number| step(store, key, next(number)));
    join_all(calls).await.into_iter().collect()
}

fn count(answers: &[Answer<Bytes>], wanted: &Answer<Bytes>) -> usize {
    answers.iter().filter(|answer| *answer == wanted).count()
}

async fn leases(store: &dyn Store) -> Verdict {
    let key = fresh_key("atomic");
    let answers = at_once(store, &key, lease).await?;
    same("how many leases are granted", &count(&answers, &Answer::Granted), &1)?;
    let granted = answers.iter().zip(1..).find(|(answer, _)| **answer == Answer::Granted);
    let granted = granted.map_or(0, |(_, number)| number);
    same("what the key holds", &shape(store, &key).await?, &Shape::Lease(token(granted)))
}

async fn intents(store: &dyn Store) -> Verdict {
    let key = fresh_key("atomic");
    let answers = at_once(store, &key, intent).await?;
    same("how many intents are clean", &count(&answers, &HELD), &1)?;
    match shape(store, &key).await? {
        Shape::Intent { dirty: true, mut tokens } => {
            tokens.sort_unstable();
            same("the list of writers", &tokens, &(1..=CALLERS).map(token).collect())
        }
        held => Err(format!("the key holds {held:?}")),
    }
}

async fn takeovers(store: &dyn Store) -> Verdict {
    let key = fresh_key("atomic");
    step(store, &key, insert("junk")).await?;
    let answers = at_once(store, &key, |number| lease_over(number, "junk")).await?;
    same("how many leases are granted", &count(&answers, &Answer::Granted), &1)
}
