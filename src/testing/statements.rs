use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Texts of more statements than the last of these are forgotten; they are still counted.
const TEXTS_MAX: usize = 1_000;

/// The statements that a connection has sent.
#[derive(Debug, Default)]
pub(super) struct Statements {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    count: u64,
    texts: VecDeque<String>,
}

impl Statements {
    pub(super) fn hear(&self, sql: &str) {
        let mut heard = self.lock();
        heard.count += 1;
        if heard.texts.len() == TEXTS_MAX {
            heard.texts.pop_front();
        }
        heard.texts.push_back(sql.to_owned());
    }

    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// How many there were since the count was `before`, and their texts.
    pub(super) fn since(&self, before: u64) -> (u64, Vec<String>) {
        let heard = self.lock();
        let count = heard.count - before;
        let old = heard.texts.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        (count, heard.texts.iter().skip(old).cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
