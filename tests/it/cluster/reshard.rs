//! Slots move by the thousand while the program reads and writes.

use super::{assert_undisturbed, database, process, slot, warm, warm_books};
use crate::support::{Cluster, Load};
use sea_orm::DbErr;
use sea_orm_autocache::prelude::*;
use std::collections::BTreeSet;
use std::time::Instant;

const BOOKS: i64 = 120;
const SLOTS: usize = 2_001;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reshard_under_load_costs_no_error_and_serves_no_older_row() -> Result<(), DbErr> {
    let cluster = Cluster::with(3, 0, &["--cluster-node-timeout", "30000"]);
    let world = database().await;
    let url = cluster.url();
    let both =
        [process(&world, &url, Consistency::Strict).await, process(&world, &url, Consistency::Strict).await];
    let books = warm_books(&world, &both[0], 1..=BOOKS).await?;
    let load = Load::begin(&both, &books);
    let begun = Instant::now();
    // From every node to the next one: those with a book, and others, which are neighbours, or else the nodes would be
    // busy with their notes.
    let with_book: BTreeSet<u16> = books.iter().map(|book| slot(&both[0], book)).collect();
    let owned: Vec<Vec<u16>> = (0..3).map(|node| cluster.slots_of(node)).collect();
    let mut moved = 0;
    for (node, owned) in owned.iter().enumerate() {
        let mut slots: BTreeSet<u16> = owned.iter().copied().take(SLOTS / 3).collect();
        slots.extend(owned.iter().filter(|slot| with_book.contains(slot)));
        cluster.move_slots(&Vec::from_iter(slots.iter().copied()), (node + 1) % 3);
        moved += slots.len();
    }
    assert!(moved >= SLOTS, "{moved} slots");
    println!("slots were moved within {:?}", begun.elapsed());
    let tally = load.end().await;
    tally.assert_right();
    assert!(tally.refused().is_empty(), "refused: {:?}", tally.refused());
    for autocache in &both {
        assert_undisturbed(autocache);
        warm(autocache, &books).await?;
    }
    Ok(())
}
