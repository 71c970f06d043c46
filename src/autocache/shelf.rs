//! The regions of an Autocache once more, to be borrowed: a [`Shelf`].

use foldhash::fast::RandomState;
use std::any::TypeId;
use std::hash::BuildHasher;
use std::sync::OnceLock;

const PLACES: usize = 256;
/// What would be further from its place than this stands on the next shelf.
const STEPS_MAX: usize = 8;

/// What is known of entities, by their types.
///
/// The catalog is replaced when it changes, so whoever keeps a region of it must count. This only ever grows,
/// so a hit borrows the region from the Autocache that it has anyway, and cores that read one entity do not
/// wait for each other at its count.
pub(super) struct Shelf<T> {
    places: Box<[OnceLock<(TypeId, T)>]>,
    next: OnceLock<Box<Shelf<T>>>,
    /// A `TypeId` is a hash already, and nobody outside chooses it: a quick hasher will do.
    hasher: RandomState,
}

impl<T: Clone> Shelf<T> {
    pub(super) fn new() -> Self {
        Self {
            places: (0..PLACES).map(|_| OnceLock::new()).collect(),
            next: OnceLock::new(),
            hasher: RandomState::default(),
        }
    }

    /// Nothing is ever taken away, so a free place ends the search.
    #[inline]
    pub(super) fn get(&self, entity: TypeId) -> Option<&T> {
        let mut shelf = self;
        loop {
            for place in shelf.places_of(entity) {
                let (other, known) = place.get()?;
                if *other == entity {
                    return Some(known);
                }
            }
            shelf = shelf.next.get()?;
        }
    }

    /// Puts what is known at the first place that is free or its own.
    pub(super) fn put(&self, entity: TypeId, known: &T) {
        let mut shelf = self;
        loop {
            for place in shelf.places_of(entity) {
                let (standing, _) = place.get_or_init(|| (entity, known.clone()));
                if *standing == entity {
                    return;
                }
            }
            shelf = shelf.next.get_or_init(|| Box::new(Self::new()));
        }
    }

    #[inline]
    fn places_of(&self, entity: TypeId) -> impl Iterator<Item = &OnceLock<(TypeId, T)>> {
        let first = self.hasher.hash_one(entity) as usize;
        (0..STEPS_MAX).map(move |step| &self.places[first.wrapping_add(step) % PLACES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls a function for each of many types.
    macro_rules! for_types {
        ($call:ident, $all:expr, [$($first:ty)?]) => {
            for_types!(@ $call, $all, [$($first)?], u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, bool, char, String);
        };
        (@ $call:ident, $all:expr, [], $($kind:ty),*) => { $($call::<$kind>($all);)* };
        (@ $call:ident, $all:expr, [$first:ty], $($kind:ty),*) => { $($call::<$first, $kind>($all);)* };
    }

    fn of_one<A: 'static>(all: &mut Vec<TypeId>) {
        for_types!(of_two, all, [A]);
    }

    fn of_two<A: 'static, B: 'static>(all: &mut Vec<TypeId>) {
        all.extend([TypeId::of::<(A, B)>(), TypeId::of::<(A, A, B)>(), TypeId::of::<[(A, B); 2]>()]);
    }

    #[test]
    fn what_was_put_is_found_on_however_many_shelves() {
        let mut all = Vec::new();
        for_types!(of_one, &mut all, []);
        let shelf = Shelf::new();
        for (number, entity) in all.iter().enumerate() {
            assert_eq!(shelf.get(*entity), None);
            shelf.put(*entity, &number);
            shelf.put(*entity, &usize::MAX);
        }
        assert!(all.len() > PLACES, "one shelf is not enough");
        for (number, entity) in all.into_iter().enumerate() {
            assert_eq!(shelf.get(entity), Some(&number));
        }
    }
}
