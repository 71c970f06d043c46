//! Saves in savepoints, by the handles of the savepoint and of its parent: both are the same connection.

use crate::families::{self, PARENTS};
use crate::operations;
use crate::worker::Worker;
use rand::Rng;
use rand::rngs::StdRng;
use sea_orm::{DbErr, TransactionTrait};
use sea_orm_autocache::prelude::*;

/// What comes before a save, or around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Savepoint {
    None,
    /// The save runs in a savepoint that is released.
    Released,
    /// Before it the row is saved elsewhere in a savepoint that is rolled back.
    RolledBack,
    /// As `RolledBack`, but through the parent's handle.
    ParentRolledBack,
    /// The row is saved in a savepoint, then through the parent's handle, and the savepoint is released.
    ParentAfter,
}

impl Savepoint {
    pub fn random(rng: &mut StdRng) -> Self {
        match rng.random_range(0..12) {
            0 | 1 => Self::Released,
            2 => Self::RolledBack,
            3 => Self::ParentRolledBack,
            4 => Self::ParentAfter,
            _ => Self::None,
        }
    }

    /// Saves the row: one of the table `slot` without a parent, else a child.
    pub async fn save(
        self,
        worker: &Worker,
        txn: &CachedTransaction,
        id: i64,
        parent: Option<i64>,
        rev: i64,
    ) -> Result<(), DbErr> {
        let elsewhere = parent.map(|parent| parent % PARENTS + 1);
        if self == Self::None {
            return save(txn, id, parent, rev).await;
        }
        let savepoint = txn.begin().await?;
        match self {
            Self::RolledBack => save(&savepoint, id, elsewhere, worker.fresh()).await?,
            Self::ParentRolledBack => save(txn, id, elsewhere, worker.fresh()).await?,
            Self::ParentAfter => {
                save(&savepoint, id, elsewhere, worker.fresh()).await?;
                save(txn, id, parent, rev).await?;
            }
            Self::None | Self::Released => save(&savepoint, id, parent, rev).await?,
        }
        if matches!(self, Self::RolledBack | Self::ParentRolledBack) {
            savepoint.rollback().await?;
            return save(txn, id, parent, rev).await;
        }
        savepoint.commit().await
    }
}

async fn save(txn: &CachedTransaction, id: i64, parent: Option<i64>, rev: i64) -> Result<(), DbErr> {
    match parent {
        Some(parent) => families::save(txn, id, parent, rev).await,
        None => operations::save(txn, id, rev).await,
    }
}
