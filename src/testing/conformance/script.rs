use super::law::{Shape, Verdict, fresh_key, same, shape, step};
use crate::coherence::{Answer, Step};
use crate::store::Store;
use bytes::Bytes;

/// Steps on one key, what each answers, and what the key holds at the end.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) law: &'static str,
    steps: Vec<(Step<Bytes>, Answer<Bytes>)>,
    end: Shape,
}

impl Script {
    pub(super) fn new<const N: usize>(
        law: &'static str,
        steps: [(Step<Bytes>, Answer<Bytes>); N],
        end: Shape,
    ) -> Self {
        Self { law, steps: steps.into(), end }
    }

    pub(super) async fn play(&self, store: &dyn Store) -> Verdict {
        let key = fresh_key("script");
        for (index, (next, expected)) in self.steps.iter().enumerate() {
            let answer = step(store, &key, next.clone()).await?;
            same(&format!("the answer to step {index}, {next:?},"), &answer, expected)?;
        }
        let steps: Vec<_> = self.steps.iter().map(|(step, _)| step).collect();
        same(&format!("what the key holds after {steps:?}"), &shape(store, &key).await?, &self.end)
    }
}
