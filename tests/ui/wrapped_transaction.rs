//! What is rolled back in a wrapped transaction would stay in the cache.

use sea_orm::{DatabaseConnection, DbErr, TransactionTrait};
use sea_orm_autocache::Autocache;

async fn save(autocache: &Autocache, plain: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = plain.begin().await?;
    let _db = autocache.wrap(transaction);
    Ok(())
}

fn main() {
    let _ = save;
}
