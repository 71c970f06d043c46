//! What a clock runs for.

/// A read whose duration is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timed {
    Hit,
    Miss,
    ListHit,
    ListMiss,
}

/// A round trip whose duration is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RoundTrip {
    Get,
    GetMany,
    Run,
    Clear,
}
