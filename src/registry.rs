//! The cached entities of a program, known before any of them is used: a process that only deletes
//! authors must know of the books that go with them.

use crate::autocache::Autocache;
use crate::entity::CachedEntity;

/// Makes one entity known to an Autocache. [`connect_signals!`](crate::connect_signals) submits one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    register: fn(&Autocache),
}

inventory::collect!(Registration);

impl Registration {
    pub(crate) fn register(&self, autocache: &Autocache) {
        (self.register)(autocache);
    }

    /// The registration of this entity.
    #[must_use]
    pub const fn of<E: CachedEntity>() -> Self {
        Self { register: register::<E> }
    }
}

/// An entity whose backend is not there says so when it is used.
fn register<E: CachedEntity>(autocache: &Autocache) {
    let _ = autocache.region::<E>();
}

/// Makes all entities of the program known.
pub(crate) fn register_all(autocache: &Autocache) {
    for registration in inventory::iter::<Registration> {
        registration.register(autocache);
    }
}
