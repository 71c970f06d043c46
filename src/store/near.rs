//! Rows of a memory store by their number: the short way to a hit.
//!
//! A store knows a row by the text of its key, and whoever asks it makes that text, hashes it twice and
//! compares it. Most primary keys are one integer. [`Near`] holds the entries of one entity that stand in a
//! memory store and have been read, by that integer.
//!
//! What is in it stands in the store: [`Resident::withdraw`] takes an entry out while the store's shard is
//! still locked for the step that replaces it. So once a writer's intent has been acknowledged, no read that
//! begins later finds the older row here, just as none finds it in the store (I2). The same holds for an
//! invalidation, a clear and an eviction. An entry that has expired is passed over by the reader's own clock.

use super::Resident;
use super::resident::Decoded;
use foldhash::quality::RandomState;
use papaya::HashMap;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// The entries of one entity that stand in a memory store, by the number that is their primary key.
///
/// Without locks: a lock is one more thing that cores which read one row at the same time write to.
pub(crate) struct Near {
    /// Numbers may be chosen by users, so their hashes must not be foreseen.
    rows: HashMap<i64, Row, RandomState>,
}

/// What a read needs stands here, and not one behind the other: a processor then waits for memory once.
struct Row {
    /// `None`: never.
    expires: Option<Instant>,
    decoded: Decoded,
    resident: Arc<Resident>,
}

impl Near {
    pub(crate) fn new() -> Self {
        Self { rows: HashMap::with_hasher(RandomState::default()) }
    }

    /// What `read` makes of the decoded form of the entry with this number, if there is a living one.
    #[inline]
    pub(crate) fn read<R>(&self, number: i64, read: impl FnOnce(&dyn Any) -> Option<R>) -> Option<R> {
        let rows = self.rows.pin();
        let row = rows.get(&number)?;
        if row.expires.is_some_and(|expires| expires <= Instant::now()) {
            return None;
        }
        let answer = read(&*row.decoded)?;
        row.resident.note_use();
        Some(answer)
    }

    /// To be called by [`Resident::list_in`] only, which sees to it that what has been withdrawn does not
    /// come back.
    pub(super) fn put(
        &self,
        number: i64,
        expires: Option<Instant>,
        decoded: Decoded,
        resident: Arc<Resident>,
    ) {
        self.rows.pin().insert(number, Row { expires, decoded, resident });
    }

    /// Takes this very entry out.
    pub(super) fn remove(&self, number: i64, resident: &Resident) {
        // Another one has its own time to go.
        let _ = self.rows.pin().remove_if(&number, |_, row| std::ptr::eq(&*row.resident, resident));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Lifetime, Step, Token};
    use crate::store::{Command, Found, MemoryStore, Store, Sweep};
    use std::time::Duration;

    const LIFE: Lifetime = Lifetime::For(Duration::from_secs(600));

    /// The weight of an entry of these tests, about.
    const SMALL: u64 = 271;

    /// A store, and those of its entries that have been read.
    struct Shop {
        store: MemoryStore,
        near: Arc<Near>,
    }

    impl Shop {
        fn new(store: MemoryStore) -> Self {
            Self { store, near: Arc::new(Near::new()) }
        }

        async fn run(&self, number: i64, step: Step<bytes::Bytes>) {
            let command = Command { key: key(number), step };
            assert!(self.store.run(vec![command]).await.iter().all(Result::is_ok));
        }

        async fn insert(&self, number: i64, lifetime: Lifetime) {
            self.run(number, Step::Insert { entry: "Vrow".into(), lifetime }).await;
        }

        /// As a reader does who goes to the store.
        fn look(&self, number: i64) -> Option<Arc<Resident>> {
            let Found::Resident(resident) = self.store.peek(&key(number)) else { return None };
            resident.remember(());
            resident.list_in(&self.near, number);
            Some(resident)
        }

        fn is_near(&self, number: i64) -> bool {
            self.near.read(number, |decoded| decoded.downcast_ref::<()>().copied()).is_some()
        }

        async fn with_row(step: Step<bytes::Bytes>) -> bool {
            let shop = Self::new(MemoryStore::new(100));
            shop.insert(7, LIFE).await;
            assert!(!shop.is_near(7), "nobody has read it");
            assert!(shop.look(7).is_some() && shop.is_near(7) && !shop.is_near(8));
            shop.run(7, step).await;
            shop.is_near(7)
        }
    }

    fn key(number: i64) -> String {
        format!("app:book:{number}")
    }

    fn token(number: u128) -> Token {
        Token::from_u128(number)
    }

    /// I2.
    #[tokio::test]
    async fn whatever_ends_an_entry_takes_it_out() {
        let hold = Duration::from_secs(9);
        assert!(!Shop::with_row(Step::Intent { token: token(1), hold, reissued: false }).await);
        assert!(!Shop::with_row(Step::Invalidate).await);
        assert!(!Shop::with_row(Step::Insert { entry: "Vother".into(), lifetime: LIFE }).await);
        let unusable = Some("Vrow".into());
        assert!(!Shop::with_row(Step::Lease { token: token(1), hold, unusable }).await);
        assert!(Shop::with_row(Step::Lease { token: token(1), hold, unusable: None }).await, "it stands");
        assert!(Shop::with_row(Step::Unlease { token: token(1) }).await, "it stands");
    }

    #[tokio::test]
    async fn a_clear_and_the_end_of_the_store_take_out_everything() {
        let shop = Shop::new(MemoryStore::new(10_000));
        for number in 0..500 {
            shop.insert(number, LIFE).await;
            shop.look(number);
        }
        assert_eq!(shop.near.len(), 500);
        let near = shop.near.clone();
        shop.store.clear(&Sweep { prefix: "app:book:1".to_owned(), entity: None }).await.unwrap();
        assert_eq!(near.len(), 500 - 111);
        drop(shop);
        assert_eq!(near.len(), 0);
    }

    /// A reader who was slow between the store and here brings nothing back.
    #[tokio::test]
    async fn what_was_withdrawn_is_not_listed_any_more() {
        let shop = Shop::new(MemoryStore::new(100));
        shop.insert(7, LIFE).await;
        let Found::Resident(old) = shop.store.peek(&key(7)) else { panic!("an entry") };
        old.remember(());
        shop.run(7, Step::Invalidate).await;
        old.list_in(&shop.near, 7);
        assert_eq!(shop.near.len(), 0);
        shop.insert(7, LIFE).await;
        assert!(shop.look(7).is_some() && shop.is_near(7));
        old.withdraw();
        assert!(shop.is_near(7), "the new entry is not taken for the old one");
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_read_until_it_expires() {
        let shop = Shop::new(MemoryStore::new(100));
        shop.insert(7, Lifetime::For(Duration::from_secs(5))).await;
        shop.insert(8, Lifetime::Forever).await;
        assert!(shop.look(7).is_some() && shop.look(8).is_some());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(shop.is_near(7) && shop.is_near(8));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!shop.is_near(7) && shop.is_near(8) && shop.look(7).is_none());
    }

    #[tokio::test]
    async fn evicted_entries_are_taken_out() {
        let shop = Shop::new(MemoryStore::new(100));
        for number in 0..2_000 {
            shop.insert(number, LIFE).await;
            shop.look(number);
            assert!(shop.near.len() <= 100, "{} entries after {number}", shop.near.len());
        }
        for number in 0..2_000 {
            assert_eq!(
                shop.is_near(number),
                !matches!(shop.store.peek(&key(number)), Found::Nothing),
                "{number}"
            );
        }
    }

    /// However many entries are read between two inserts, the store keeps to its room.
    #[tokio::test]
    async fn entries_that_are_all_read_do_not_make_the_store_grow() {
        let bytes = MemoryStore::with_max_bytes(30 * SMALL);
        for (store, room) in [(MemoryStore::new(1), 1), (MemoryStore::new(100), 100), (bytes, 30)] {
            let shop = Shop::new(store);
            for number in 0..1_000 {
                shop.insert(number, LIFE).await;
                shop.look(number);
                // As often as any reads are counted.
                for known in (0..=number).chain(0..=number) {
                    shop.is_near(known);
                }
                assert!(shop.store.entry_count() <= room, "{} in {:?}", number, shop.store);
            }
        }
    }

    /// Some go at once, and all others are read all the time.
    #[tokio::test]
    async fn a_large_entry_finds_room_among_entries_that_are_read() {
        let shop = Shop::new(MemoryStore::with_max_bytes(30 * SMALL));
        for number in 10..40 {
            shop.insert(number, LIFE).await;
        }
        for number in (20..40).chain(20..40).chain(20..40) {
            shop.look(number);
            shop.is_near(number);
        }
        let before = shop.store.entry_count();
        let entry = bytes::Bytes::from(vec![b'V'; 20 * SMALL as usize]);
        shop.run(1, Step::Insert { entry, lifetime: LIFE }).await;
        assert!(shop.look(1).is_some());
        assert!(before == 30 && shop.store.entry_count() <= 11, "{before} and then {:?}", shop.store);
    }

    #[tokio::test]
    async fn an_entry_that_is_read_only_here_outlives_those_that_nobody_reads() {
        let shop = Shop::new(MemoryStore::new(100));
        for number in [-1, -2] {
            shop.insert(number, LIFE).await;
            assert!(shop.look(number).is_some());
        }
        // Each is read once, or else the flood would be known for what it is, and nothing go for it.
        for number in 0..2_000 {
            shop.insert(number, LIFE).await;
            assert!(shop.look(number).is_some());
            if number % 20 == 0 {
                assert!(shop.is_near(-1), "after {number}");
            }
        }
        assert!(!shop.is_near(-2), "nobody has read it again");
    }
}
