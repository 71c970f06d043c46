//! A store that can be told to wait or to fail at a certain step. Knows the public trait only.

use async_trait::async_trait;
use bytes::Bytes;
use sea_orm_autocache::store::Step;
use sea_orm_autocache::store::{Command, Found, Inspected, Reply, Sweep};
use sea_orm_autocache::{Store, StoreError, StoreErrorKind};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Clones share their rules.
#[derive(Clone, Debug)]
pub struct Meddler {
    store: Arc<dyn Store>,
    rules: Arc<Mutex<Vec<Rule>>>,
}

#[derive(Clone, Debug)]
struct Rule {
    concerns: fn(&Step<Bytes>) -> bool,
    act: Act,
    /// So many of these steps pass before.
    skip: usize,
    times: usize,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// The step waits at the gate before it runs.
    Hold(Gate),
    /// The step does not run, and the caller is told so.
    Refuse,
    /// The step runs, and the caller gets no answer.
    Swallow,
    /// The step does not run, and the caller is told that it took too long.
    TimeOut,
}

/// Where a held step waits.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    reached: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// Waits until a step has come to the gate.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    pub fn open(&self) {
        self.opened.notify_one();
    }
}

impl Meddler {
    pub fn around(store: impl Store) -> Self {
        Self { store: Arc::new(store), rules: Arc::default() }
    }

    /// Holds the next step of this kind at the gate that is returned.
    pub fn hold(&self, concerns: fn(&Step<Bytes>) -> bool) -> Gate {
        self.hold_nth(concerns, 1)
    }

    /// As [`hold`](Self::hold), the step of this number.
    pub fn hold_nth(&self, concerns: fn(&Step<Bytes>) -> bool, nth: usize) -> Gate {
        let gate = Gate::default();
        let rule = Rule { concerns, act: Act::Hold(gate.clone()), skip: nth - 1, times: 1 };
        self.rules.lock().unwrap().push(rule);
        gate
    }

    /// Treats so many steps of this kind so.
    pub fn act(&self, concerns: fn(&Step<Bytes>) -> bool, act: Act, times: usize) {
        self.rules.lock().unwrap().push(Rule { concerns, act, skip: 0, times });
    }

    pub fn behave(&self) {
        self.rules.lock().unwrap().clear();
    }

    fn rule_for(&self, step: &Step<Bytes>) -> Option<Act> {
        let mut rules = self.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && (rule.concerns)(step))?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.act.clone())
    }

    async fn one(&self, command: Command) -> Reply {
        let refused = |kind| Err(StoreError::new(kind, "a test says so"));
        match self.rule_for(&command.step) {
            Some(Act::Refuse) => return refused(StoreErrorKind::Unreachable),
            Some(Act::TimeOut) => return refused(StoreErrorKind::Timeout),
            Some(Act::Swallow) => {
                self.store.run(vec![command]).await;
                return refused(StoreErrorKind::Timeout);
            }
            Some(Act::Hold(gate)) => {
                gate.reached.notify_one();
                gate.opened.notified().await;
            }
            None => {}
        }
        self.store.run(vec![command]).await.remove(0)
    }
}

#[async_trait]
impl Store for Meddler {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        self.store.get_many(keys).await
    }

    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(commands.len());
        for command in commands {
            replies.push(self.one(command).await);
        }
        replies
    }

    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        self.store.clear(sweep).await
    }

    async fn inspect(&self, key: &str) -> Result<Inspected, StoreError> {
        self.store.inspect(key).await
    }

    fn stamp(&self) -> Option<u32> {
        self.store.stamp()
    }
}
