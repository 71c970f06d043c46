use super::RowChange;
use crate::coherence::{Answer, Outcome, Step, Token};
use crate::keyspace::Keyspace;
use crate::store::{Command, Reply};
use crate::telemetry::{Event, TARGET};
use bytes::Bytes;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

/// Keys in one pipeline; a larger write sends several.
const PIPELINE_KEYS_MAX: usize = 1_000;

/// A key that a write touches.
#[derive(Clone, Debug)]
pub(super) struct IntentKey {
    pub(super) keyspace: Arc<Keyspace>,
    pub(super) key: String,
    pub(super) end: End,
    /// Whether an intent was sent.
    pub(super) sent: bool,
    /// Whether the store has acknowledged it.
    pub(super) held: bool,
    /// The stamp of the server that was to hold the intent.
    stamp: Option<u32>,
    /// Unless its entry gets published, another writer was at work on this list, and may have added a row
    /// that this write deletes by cascade.
    pub(super) witness: bool,
}

#[derive(Clone, Debug)]
pub(super) enum End {
    /// The key has an intent.
    Finish(RowChange),
    /// The key was not known before the commit.
    Unmarked(Step<Bytes>),
}

impl IntentKey {
    pub(super) fn new(keyspace: &Arc<Keyspace>, key: String, end: End) -> Self {
        let stamp = keyspace.backend.stamp(&key);
        Self { keyspace: keyspace.clone(), key, end, sent: false, held: false, stamp, witness: false }
    }

    pub(super) fn is(&self, keyspace: &Arc<Keyspace>, key: &str) -> bool {
        self.key == key && self.keyspace.id() == keyspace.id()
    }

    pub(super) fn last_step(&self, token: Token) -> Step<Bytes> {
        let outcome = match &self.end {
            End::Unmarked(step) => return step.clone(),
            End::Finish(RowChange::Known((entry, lifetime))) if self.held => {
                Outcome::Publish(entry.clone(), *lifetime)
            }
            End::Finish(_) => Outcome::Delete,
        };
        Step::Finish { token, outcome }
    }

    /// Whether the intent was acknowledged by the server that still answers. Another one, or an unknown one,
    /// may not have it.
    pub(super) fn is_surely_held(&self) -> bool {
        self.held && self.stamp.is_some() && self.keyspace.backend.stamp(&self.key) == self.stamp
    }

    /// Counts the end of the write.
    pub(super) fn count_end(&self, answer: &Answer<Bytes>) {
        let stats = &self.keyspace.stats;
        match answer {
            Answer::Published => stats.count(Event::publishes),
            Answer::Lost => {
                stats.count(Event::lost_intents);
                stats.count(Event::invalidations);
            }
            _ => stats.count(Event::invalidations),
        }
    }
}

/// One step for each key, answered in the order of the keys.
pub(super) async fn run<K: Borrow<IntentKey>>(
    keys: &[K],
    step: impl Fn(&IntentKey) -> Step<Bytes>,
) -> Vec<Reply> {
    let mut replies: Vec<Reply> = keys.iter().map(|_| Ok(Answer::Unchanged)).collect();
    let mut by_backend: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        by_backend.entry(key.borrow().keyspace.backend.name()).or_default().push(index);
    }
    for indices in by_backend.values().flat_map(|indices| indices.chunks(PIPELINE_KEYS_MAX)) {
        let command = |&index: &usize| {
            let key = keys[index].borrow();
            Command { key: key.key.clone(), step: step(key) }
        };
        let backend = &keys[indices[0]].borrow().keyspace.backend;
        let answers = backend.run(indices.iter().map(command).collect()).await;
        for (&index, answer) in indices.iter().zip(answers) {
            if let Err(error) = &answer {
                let keyspace = &keys[index].borrow().keyspace;
                keyspace.stats.count(Event::errors);
                tracing::debug!(target: TARGET, entity = %keyspace.model(), %error, "a write did not reach the cache");
            }
            replies[index] = answer;
        }
    }
    replies
}
