use crate::coherence::Step;

/// What a store is asked to do: a read, a clear, or one [step](crate::store::Step) of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Store::get`](crate::Store::get).
    Get,
    /// [`Store::get_many`](crate::Store::get_many).
    GetMany,
    /// [`Store::clear`](crate::Store::clear).
    Clear,
    /// A reader asks for the right to fill a key.
    Lease,
    /// A reader fills a key.
    Fill,
    /// A reader gives its right back.
    Unlease,
    /// A writer places its intent.
    Intent,
    /// A writer has committed.
    Finish,
    /// A writer has rolled back.
    Release,
    /// A row was changed without an intent.
    Invalidate,
    /// A row with an auto-increment key was inserted.
    Insert,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Get,
        Self::GetMany,
        Self::Clear,
        Self::Lease,
        Self::Fill,
        Self::Unlease,
        Self::Intent,
        Self::Finish,
        Self::Release,
        Self::Invalidate,
        Self::Insert,
    ];

    /// The steps: all that [`Store::run`](crate::Store::run) is asked to do.
    pub const STEPS: [Self; 8] = [
        Self::Lease,
        Self::Fill,
        Self::Unlease,
        Self::Intent,
        Self::Finish,
        Self::Release,
        Self::Invalidate,
        Self::Insert,
    ];

    /// The operation that this step is.
    #[must_use]
    pub fn of<E>(step: &Step<E>) -> Self {
        match step {
            Step::Lease { .. } => Self::Lease,
            Step::Fill { .. } => Self::Fill,
            Step::Unlease { .. } => Self::Unlease,
            Step::Intent { .. } => Self::Intent,
            Step::Finish { .. } => Self::Finish,
            Step::Release { .. } => Self::Release,
            Step::Invalidate => Self::Invalidate,
            Step::Insert { .. } => Self::Insert,
        }
    }
}
