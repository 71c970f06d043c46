//! SeaORM as its tests see it, with the connections of the cache in the place of its own.

mod audit;
mod database;

pub use audit::{Audited, audit};
pub use database::Database;
pub use inventory;
pub use real::*;

pub type DatabaseConnection = sea_orm_autocache::CachedConnection;
pub type DatabaseTransaction = sea_orm_autocache::CachedTransaction;
pub type DbConn = DatabaseConnection;
pub type RestrictedConnection = sea_orm_autocache::CachedConnection<real::RestrictedConnection>;
pub type RestrictedTransaction = sea_orm_autocache::CachedTransaction<real::RestrictedTransaction>;

pub mod entity {
    pub use real::entity::*;

    pub mod prelude {
        pub use crate::{DatabaseConnection, DbConn};
        pub use real::entity::prelude::*;
    }
}

/// Connects an entity to the cache, and to the audit.
#[macro_export]
macro_rules! cached {
    ($($hooks:tt)*) => {
        impl ::sea_orm_autocache::CachedEntity for Entity {
            // Several entities of one table are several models.
            fn model_name() -> ::std::borrow::Cow<'static, str> {
                module_path!().replace("::", ".").into()
            }
        }

        ::sea_orm_autocache::connect_signals!($($hooks)*);

        $crate::inventory::submit! {
            $crate::Audited::of::<Entity>()
        }
    };
}
