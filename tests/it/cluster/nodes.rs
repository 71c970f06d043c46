//! A node comes, and goes again.

use super::{assert_undisturbed, books_of, database, process, slot, warm, warm_books};
use crate::support::{Cluster, Load};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use std::collections::BTreeSet;

const BOOKS: i64 = 120;
/// Beside those with a book.
const SLOTS: u16 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_joins_and_leaves_costs_no_error_and_serves_no_older_row() -> Result<(), DbErr> {
    let mut cluster = Cluster::with(3, 0, &["--cluster-node-timeout", "30000"]);
    let world = database().await;
    let url = cluster.url();
    let both =
        [process(&world, &url, Consistency::Strict).await, process(&world, &url, Consistency::Strict).await];
    let books = warm_books(&world, &both[0], 1..=BOOKS).await?;
    let load = Load::begin(&both, &books);
    let new = cluster.add_node();
    let theirs = books_of(&cluster, 0, &both[0], &books);
    let mut slots: BTreeSet<u16> = theirs.iter().map(|book| slot(&both[0], book)).collect();
    slots.extend(0..SLOTS);
    cluster.move_slots(&Vec::from_iter(slots), new);
    for autocache in &both {
        warm(autocache, &theirs).await?;
    }
    cluster.move_slots(&cluster.slots_of(new), 1);
    // An operator looks whether it is empty.
    tokio::time::sleep(super::PATIENCE).await;
    cluster.remove_node(new, 1);
    tokio::time::sleep(super::PATIENCE).await;
    let tally = load.end().await;
    tally.assert_right();
    assert!(tally.refused().is_empty(), "refused: {:?}", tally.refused());
    for autocache in &both {
        assert_undisturbed(autocache);
        warm(autocache, &books).await?;
    }
    Ok(())
}
