//! Short names for the steps of the scripts.

use super::law::Shape;
use crate::coherence::{Answer, Lifetime, Outcome, Step, Token};
use bytes::Bytes;
use std::time::Duration;

/// Nothing of this TTL ends during a law.
pub(super) const LONG: Duration = Duration::from_secs(600);
pub(super) const LIFE: Lifetime = Lifetime::For(LONG);
pub(super) const HELD: Answer<Bytes> = Answer::Held { dirty: false };
pub(super) const DIRTY: Answer<Bytes> = Answer::Held { dirty: true };

pub(super) fn token(number: u128) -> Token {
    Token::from_u128(number)
}

pub(super) fn lease(number: u128) -> Step<Bytes> {
    lease_for(number, LONG)
}

pub(super) fn lease_for(number: u128, ttl: Duration) -> Step<Bytes> {
    Step::Lease { token: token(number), ttl, unusable: None }
}

pub(super) fn lease_over(number: u128, unusable: &'static str) -> Step<Bytes> {
    Step::Lease { token: token(number), ttl: LONG, unusable: Some(unusable.into()) }
}

pub(super) fn fill(number: u128, entry: &'static str) -> Step<Bytes> {
    Step::Fill { token: token(number), entry: entry.into(), lifetime: LIFE }
}

pub(super) fn unlease(number: u128) -> Step<Bytes> {
    Step::Unlease { token: token(number) }
}

pub(super) fn intent(number: u128) -> Step<Bytes> {
    intent_for(number, LONG)
}

pub(super) fn intent_for(number: u128, ttl: Duration) -> Step<Bytes> {
    Step::Intent { token: token(number), ttl, reissued: false }
}

pub(super) fn intent_again(number: u128) -> Step<Bytes> {
    Step::Intent { token: token(number), ttl: LONG, reissued: true }
}

pub(super) fn publish(number: u128, entry: &'static str) -> Step<Bytes> {
    Step::Finish { token: token(number), outcome: Outcome::Publish(entry.into(), LIFE) }
}

pub(super) fn delete(number: u128) -> Step<Bytes> {
    Step::Finish { token: token(number), outcome: Outcome::Delete }
}

pub(super) fn release(number: u128) -> Step<Bytes> {
    Step::Release { token: token(number) }
}

pub(super) fn insert(entry: &'static str) -> Step<Bytes> {
    Step::Insert { entry: entry.into(), lifetime: LIFE }
}

pub(super) fn entry(text: &'static str) -> Shape {
    Shape::Entry(text.into())
}

pub(super) fn leased(number: u128) -> Shape {
    Shape::Lease(token(number))
}

pub(super) fn writers(dirty: bool, tokens: &[u128]) -> Shape {
    Shape::Intent { dirty, tokens: tokens.iter().map(|&number| token(number)).collect() }
}
