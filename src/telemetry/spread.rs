use std::sync::atomic::{AtomicUsize, Ordering};

const PLACES: usize = 8;

/// A striped counter: each thread counts in a cache line of its own or of few (avoids false sharing).
#[derive(Debug, Default)]
pub(crate) struct Spread<T> {
    places: [Apart<T>; PLACES],
}

/// Two cache lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Spread<T> {
    /// The place of this thread.
    #[inline]
    pub(crate) fn mine(&self) -> &T {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        }
        let place = PLACE.try_with(|place| *place).unwrap_or(0);
        &self.places[place].0
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.places.iter().map(|place| &place.0)
    }
}
