use super::{Change, Holder, Intents, Lifetime, Slot, Token};
use std::time::Duration;

/// One atomic step of the protocol on one key (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<E> {
    /// A reader asks for the right to fill the key.
    Lease {
        /// The reader's token.
        token: Token,
        /// How long the right lasts.
        ttl: Duration,
        /// The entry this reader found and cannot use, to be taken over.
        unusable: Option<E>,
    },
    /// The reader puts what it read from the database.
    Fill {
        /// The token of the lease.
        token: Token,
        /// The entry.
        entry: E,
        /// The entry's life.
        lifetime: Lifetime,
    },
    /// The reader gives its right back unused.
    Unlease {
        /// The token of the lease.
        token: Token,
    },
    /// A writer places its intent, before the database can commit.
    Intent {
        /// The writer's token.
        token: Token,
        /// How long the writer may take until its commit is over.
        ttl: Duration,
        /// Whether the writer has placed this intent before.
        reissued: bool,
    },
    /// A writer's commit is over.
    Finish {
        /// The writer's token.
        token: Token,
        /// What the key may become.
        outcome: Outcome<E>,
    },
    /// A writer's work was definitely rolled back.
    Release {
        /// The writer's token.
        token: Token,
    },
    /// The row was changed without an intent, and the change is committed.
    Invalidate,
    /// A row with an auto-increment key was inserted without an intent, and is committed.
    Insert {
        /// The entry.
        entry: E,
        /// The entry's life.
        lifetime: Lifetime,
    },
}

/// What a committed writer leaves under the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// The row as the database returned it, or the tombstone of a deleted one.
    Publish(E, Lifetime),
    /// Nothing: the writer does not know the row's state for sure.
    Delete,
}

/// What a step answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer<E> {
    /// Lease: it is yours.
    Granted,
    /// Lease: this entry stands there.
    Found(E),
    /// Lease: another reader is at work.
    Busy,
    /// Lease: a writer is at work.
    Writing,
    /// Fill: it stands.
    Filled,
    /// Fill: the lease was gone; nothing changed.
    Refused,
    /// Intent: it stands; dirty if other writers were there.
    Held {
        /// Whether this writer can no longer publish.
        dirty: bool,
    },
    /// Finish, insert: the entry stands.
    Published,
    /// The key is empty now.
    Emptied,
    /// Other writers keep the key; none of them will publish.
    Shared,
    /// Finish: the writer's own token was gone. Evictions, failovers and TTLs that are too short show here.
    Lost,
    /// There was nothing to do.
    Unchanged,
}

impl<E> Step<E> {
    /// The same step with its entries changed.
    pub fn map<F>(self, mut change: impl FnMut(E) -> F) -> Step<F> {
        match self {
            Self::Lease { token, ttl, unusable } => {
                Step::Lease { token, ttl, unusable: unusable.map(change) }
            }
            Self::Fill { token, entry, lifetime } => Step::Fill { token, entry: change(entry), lifetime },
            Self::Unlease { token } => Step::Unlease { token },
            Self::Intent { token, ttl, reissued } => Step::Intent { token, ttl, reissued },
            Self::Finish { token, outcome: Outcome::Publish(entry, lifetime) } => {
                Step::Finish { token, outcome: Outcome::Publish(change(entry), lifetime) }
            }
            Self::Finish { token, outcome: Outcome::Delete } => {
                Step::Finish { token, outcome: Outcome::Delete }
            }
            Self::Release { token } => Step::Release { token },
            Self::Invalidate => Step::Invalidate,
            Self::Insert { entry, lifetime } => Step::Insert { entry: change(entry), lifetime },
        }
    }
}

impl<E> Answer<E> {
    /// The same answer with its entry changed.
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> Answer<F> {
        match self {
            Self::Granted => Answer::Granted,
            Self::Found(entry) => Answer::Found(change(entry)),
            Self::Busy => Answer::Busy,
            Self::Writing => Answer::Writing,
            Self::Filled => Answer::Filled,
            Self::Refused => Answer::Refused,
            Self::Held { dirty } => Answer::Held { dirty },
            Self::Published => Answer::Published,
            Self::Emptied => Answer::Emptied,
            Self::Shared => Answer::Shared,
            Self::Lost => Answer::Lost,
            Self::Unchanged => Answer::Unchanged,
        }
    }
}

/// A step's effect and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition<E> {
    /// What happens to the key.
    pub change: Change<E>,
    /// What the caller learns.
    pub answer: Answer<E>,
}

impl<E> Transition<E> {
    fn keep(answer: Answer<E>) -> Self {
        Self { change: Change::Keep, answer }
    }
    fn remove(answer: Answer<E>) -> Self {
        Self { change: Change::Remove, answer }
    }
    fn put(slot: Slot<E>, lifetime: Lifetime, answer: Answer<E>) -> Self {
        Self { change: Change::Put(slot, lifetime), answer }
    }
}

/// What `step` makes of a key that holds `slot` at `now_ms` of the store's clock.
#[must_use]
pub fn apply<E: Clone + PartialEq>(slot: &Slot<E>, step: Step<E>, now_ms: u64) -> Transition<E> {
    match step {
        Step::Lease { token, ttl, unusable } => lease(slot, token, ttl, unusable.as_ref(), now_ms),
        Step::Fill { token, entry, lifetime } => match slot {
            Slot::Lease(standing) if *standing == token => {
                Transition::put(Slot::Entry(entry), lifetime, Answer::Filled)
            }
            _ => Transition::keep(Answer::Refused),
        },
        Step::Unlease { token } => match slot {
            Slot::Lease(standing) if *standing == token => Transition::remove(Answer::Emptied),
            _ => Transition::keep(Answer::Unchanged),
        },
        Step::Intent { token, ttl, reissued } => intent(slot, token, ttl, reissued, now_ms),
        Step::Finish { token, outcome } => finish(slot, token, outcome, now_ms),
        Step::Release { token } => release(slot, token, now_ms),
        Step::Invalidate => invalidate(slot),
        Step::Insert { entry, lifetime } => match slot {
            Slot::Empty => Transition::put(Slot::Entry(entry), lifetime, Answer::Published),
            _ => invalidate(slot),
        },
    }
}

/// I6. An intent whose writers are all past their deadlines stands for nothing (I5).
fn lease<E: Clone + PartialEq>(
    slot: &Slot<E>,
    token: Token,
    ttl: Duration,
    unusable: Option<&E>,
    now_ms: u64,
) -> Transition<E> {
    match slot {
        Slot::Entry(entry) if unusable != Some(entry) => Transition::keep(Answer::Found(entry.clone())),
        Slot::Lease(_) => Transition::keep(Answer::Busy),
        Slot::Intent(intents) if intents.any_alive(now_ms) => Transition::keep(Answer::Writing),
        _ => Transition::put(Slot::Lease(token), Lifetime::For(ttl), Answer::Granted),
    }
}

/// I2, I3. The key lives as long as its longest deadline.
fn intent<E>(slot: &Slot<E>, token: Token, ttl: Duration, reissued: bool, now_ms: u64) -> Transition<E> {
    let (overlap, lost, mut holders) = match slot {
        Slot::Intent(before) => {
            let overlap = before.dirty || before.holders.iter().any(|holder| holder.token != token);
            (overlap, reissued && !before.has(token), before.others_alive(token, now_ms))
        }
        _ => (false, reissued, Vec::new()),
    };
    let dirty = overlap || lost;
    let ttl_ms = millis(ttl);
    let longest_ms = holders.iter().map(|holder| holder.deadline_ms - now_ms).fold(ttl_ms, u64::max);
    holders.push(Holder { token, deadline_ms: now_ms + ttl_ms });
    let lifetime = Lifetime::For(Duration::from_millis(longest_ms));
    Transition::put(Slot::Intent(Intents { dirty, holders }), lifetime, Answer::Held { dirty })
}

/// I1, I3, I4.
fn finish<E>(slot: &Slot<E>, token: Token, outcome: Outcome<E>, now_ms: u64) -> Transition<E> {
    let intents = match slot {
        Slot::Empty => return Transition::keep(Answer::Lost),
        Slot::Entry(_) | Slot::Lease(_) => return Transition::remove(Answer::Lost),
        Slot::Intent(intents) if !intents.has(token) => return dirtied(intents, Answer::Lost),
        Slot::Intent(intents) => intents,
    };
    let others = intents.others_alive(token, now_ms);
    if !others.is_empty() {
        return leave(others);
    }
    match outcome {
        Outcome::Publish(entry, lifetime) if !intents.dirty => {
            Transition::put(Slot::Entry(entry), lifetime, Answer::Published)
        }
        Outcome::Publish(..) | Outcome::Delete => Transition::remove(Answer::Emptied),
    }
}

/// I7.
fn release<E>(slot: &Slot<E>, token: Token, now_ms: u64) -> Transition<E> {
    match slot {
        Slot::Intent(intents) if intents.has(token) => {
            let others = intents.others_alive(token, now_ms);
            if others.is_empty() { Transition::remove(Answer::Emptied) } else { leave(others) }
        }
        _ => Transition::keep(Answer::Unchanged),
    }
}

/// A finish with a token that is not there, told apart only by its answers.
fn invalidate<E>(slot: &Slot<E>) -> Transition<E> {
    match slot {
        Slot::Empty => Transition::keep(Answer::Unchanged),
        Slot::Entry(_) | Slot::Lease(_) => Transition::remove(Answer::Emptied),
        Slot::Intent(intents) => dirtied(intents, Answer::Shared),
    }
}

fn dirtied<E>(intents: &Intents, answer: Answer<E>) -> Transition<E> {
    let dirty = Intents { dirty: true, holders: intents.holders.clone() };
    Transition::put(Slot::Intent(dirty), Lifetime::AsBefore, answer)
}

fn leave<E>(others: Vec<Holder>) -> Transition<E> {
    let rest = Intents { dirty: true, holders: others };
    Transition::put(Slot::Intent(rest), Lifetime::AsBefore, Answer::Shared)
}

/// A deadline has 13 digits on the wire: a hundred years is as good as for ever.
const LONGEST_MS: u64 = 100 * 365 * 24 * 3_600 * 1_000;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LONGEST_MS).min(LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);
    const NOW_MS: u64 = 1_000_000;
    const ROW: Lifetime = Lifetime::For(Duration::from_secs(60));

    fn token(number: u128) -> Token {
        Token::from_u128(number)
    }

    fn held(dirty: bool, tokens: &[u128]) -> Slot<u8> {
        let holder = |&number| Holder { token: token(number), deadline_ms: NOW_MS + 5_000 };
        Slot::Intent(Intents { dirty, holders: tokens.iter().map(holder).collect() })
    }

    fn announce(number: u128) -> Step<u8> {
        Step::Intent { token: token(number), ttl: TTL, reissued: false }
    }

    fn publish(number: u128, entry: u8) -> Step<u8> {
        Step::Finish { token: token(number), outcome: Outcome::Publish(entry, ROW) }
    }

    /// The slot after the steps, and the last answer.
    fn run(mut slot: Slot<u8>, steps: impl IntoIterator<Item = Step<u8>>) -> (Slot<u8>, Answer<u8>) {
        let mut last = Answer::Unchanged;
        for step in steps {
            let Transition { change, answer } = apply(&slot, step, NOW_MS);
            last = answer;
            match change {
                Change::Keep => {}
                Change::Put(after, _) => slot = after,
                Change::Remove => slot = Slot::Empty,
            }
        }
        (slot, last)
    }

    /// Every kind of slot, with and without token 1.
    fn slots() -> Vec<Slot<u8>> {
        let alone = [Slot::Empty, Slot::Entry(7), Slot::Lease(token(1)), Slot::Lease(token(2))];
        let intents = [&[1][..], &[2], &[1, 2]].into_iter().flat_map(|t| [held(false, t), held(true, t)]);
        alone.into_iter().chain(intents).collect()
    }

    /// I1.
    #[test]
    fn an_entry_comes_from_its_lease_its_lone_intent_or_an_insert_into_nothing() {
        let fill = Step::Fill { token: token(1), entry: 9, lifetime: ROW };
        let insert = Step::Insert { entry: 9, lifetime: ROW };
        for (step, from) in
            [(fill, Slot::Lease(token(1))), (publish(1, 9), held(false, &[1])), (insert, Slot::Empty)]
        {
            for slot in slots() {
                let (after, _) = run(slot.clone(), [step.clone()]);
                assert_eq!(after == Slot::Entry(9), slot == from, "{step:?} on {slot:?}");
            }
        }
    }

    /// I2.
    #[test]
    fn an_intent_replaces_whatever_stands_there() {
        for slot in slots() {
            let (after, answer) = run(slot, [announce(3)]);
            assert!(matches!(&after, Slot::Intent(intents) if intents.has(token(3))));
            assert!(matches!(answer, Answer::Held { .. }));
            let lease = Step::Lease { token: token(4), ttl: TTL, unusable: Some(7) };
            assert_eq!(run(after, [lease]).1, Answer::Writing);
        }
    }

    /// I3.
    #[test]
    fn of_writers_that_overlapped_none_publishes() {
        let both = [announce(1), announce(2)];
        for order in [[1, 2], [2, 1]] {
            let (slot, answer) = run(Slot::Empty, both.clone().into_iter().chain([publish(order[0], 9)]));
            assert_eq!(answer, Answer::Shared);
            assert_eq!(run(slot, [publish(order[1], 9)]), (Slot::Empty, Answer::Emptied));
        }
    }

    /// I4.
    #[test]
    fn a_finish_without_its_token_publishes_nothing() {
        for slot in slots().into_iter().filter(|slot| *slot != Slot::Empty) {
            let (after, answer) = run(slot.clone(), [publish(3, 9)]);
            assert_eq!(answer, Answer::Lost);
            match after {
                Slot::Empty => assert!(!matches!(slot, Slot::Intent(_))),
                Slot::Intent(intents) => assert!(intents.dirty),
                other => panic!("{slot:?} became {other:?}"),
            }
        }
    }

    /// I5.
    #[test]
    fn a_dead_writer_is_not_kept_alive_by_others() {
        let dead = Holder { token: token(1), deadline_ms: NOW_MS };
        let slot = Slot::Intent(Intents { dirty: false, holders: vec![dead] });
        let (after, _) = run(slot.clone(), [announce(2)]);
        assert!(matches!(after, Slot::Intent(intents) if !intents.has(token(1))));
        let lease = Step::Lease { token: token(3), ttl: TTL, unusable: None };
        assert_eq!(run(slot, [lease]).1, Answer::Granted);
    }

    /// I6.
    #[test]
    fn a_lease_is_granted_only_where_nothing_usable_stands() {
        let lease = |unusable| Step::Lease { token: token(3), ttl: TTL, unusable };
        assert_eq!(run(Slot::Empty, [lease(None)]).1, Answer::Granted);
        assert_eq!(run(Slot::Entry(7), [lease(Some(7))]).1, Answer::Granted);
        assert_eq!(run(Slot::Entry(7), [lease(Some(8))]).1, Answer::Found(7));
        assert_eq!(run(Slot::Entry(7), [lease(None)]).1, Answer::Found(7));
        assert_eq!(run(Slot::Lease(token(1)), [lease(None)]).1, Answer::Busy);
    }

    /// I7.
    #[test]
    fn a_rollback_leaves_alone_what_is_not_its_own() {
        let release = Step::Release { token: token(3) };
        for slot in slots() {
            assert_eq!(run(slot.clone(), [release.clone()]), (slot, Answer::Unchanged));
        }
    }
}
