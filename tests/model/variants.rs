//! The protocol as it is, and as it must not be.

use sea_orm_autocache::store::{Answer, Change, Intents, Lifetime, Outcome, Slot, Step, Transition, apply};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Sound,
    /// A fill is accepted whatever stands there.
    NoLeaseCheck,
    /// Overlap is judged at the finish alone.
    NoStickyDirty,
    /// Writers announce nothing.
    NoIntent,
    /// A finish whose token has gone publishes.
    MissingTokenPublishes,
    /// A finish whose token has gone does nothing.
    MissingTokenIgnored,
    /// A COMMIT without an answer is taken for a rollback.
    ReleaseOnUnknownCommit,
    /// An intent remembers its last writer only.
    LastTokenOnly,
    /// Whoever comes joins a read that is under way.
    NaiveSingleFlight,
    /// A transaction publishes when its statement has run.
    PublishBeforeCommit,
    /// Rows of lists are filled without a look at the fence.
    NoFenceCheck,
    /// Writers free the row before they wipe the fence.
    FenceWipedLast,
    /// Writers wipe the fence in the round trip that frees the row, though the store keeps no order.
    NoFenceIntent,
    /// Writers end their intent on the fence before they commit.
    FenceFinishedEarly,
    /// A reader's mark replaces the intent on a fence.
    MarkOverIntent,
    /// A reader takes whatever stands on the fence for a mark.
    AnythingIsAMark,
    /// Writers do not mind that their token was lost from the fence.
    FenceLossIgnored,
}

/// What `step` makes of the slot at moment 1: tokens with a deadline of 1 or less are dead.
pub fn step(variant: Variant, slot: &Slot<u8>, step: Step<u8>) -> Transition<u8> {
    let entry = |value| Change::Put(Slot::Entry(value), Lifetime::Forever);
    let put = |change, answer| Transition { change, answer };
    match (variant, &step, slot) {
        (Variant::NoLeaseCheck, Step::Fill { entry: value, .. }, _) => put(entry(*value), Answer::Filled),
        (Variant::NoIntent, Step::Intent { .. }, _) => put(Change::Keep, Answer::Held { dirty: false }),
        (Variant::NoIntent, Step::Finish { outcome: Outcome::Publish(value, _), .. }, _) => {
            put(entry(*value), Answer::Published)
        }
        (
            Variant::NoStickyDirty,
            Step::Finish { token, outcome: Outcome::Publish(value, _) },
            Slot::Intent(intents),
        ) if intents.has(*token) && intents.others_alive(*token, 1).is_empty() => {
            put(entry(*value), Answer::Published)
        }
        (Variant::MissingTokenPublishes, Step::Finish { token, outcome: Outcome::Publish(value, _) }, _)
            if !holds(slot, *token) =>
        {
            put(entry(*value), Answer::Published)
        }
        (Variant::MissingTokenIgnored, Step::Finish { token, .. }, _) if !holds(slot, *token) => {
            put(Change::Keep, Answer::Lost)
        }
        (Variant::LastTokenOnly, Step::Intent { .. }, Slot::Intent(_)) => {
            // As if there were no other writer.
            let alone = apply(&Slot::Empty, step, 1);
            match alone.change {
                Change::Put(Slot::Intent(intents), life) => {
                    let intents = Intents { dirty: false, ..intents };
                    put(Change::Put(Slot::Intent(intents), life), alone.answer)
                }
                change => put(change, alone.answer),
            }
        }
        _ => apply(slot, step, 1),
    }
}

fn holds(slot: &Slot<u8>, token: sea_orm_autocache::store::Token) -> bool {
    matches!(slot, Slot::Intent(intents) if intents.has(token))
}
