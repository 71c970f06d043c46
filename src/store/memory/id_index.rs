//! Rows of a memory store by their integer key: the shortest path to a hit.
//!
//! A store knows a row by the text of its key, and each read makes that text, hashes it twice and compares it.
//! Most primary keys are one integer. [`IdIndex`] holds the entries of one entity that stand in a memory store
//! and have been read, by that integer.
//!
//! What is in it stands in the store: [`MemoryEntry::withdraw`] takes an entry out while the store's shard is
//! still locked for the step that replaces it. So once a writer's intent has been acknowledged, no read that
//! begins later finds the older row here, just as none finds it in the store (I2). The same holds for an
//! invalidation, a clear and an eviction. An entry that has expired is passed over by the reader's own clock.

use super::MemoryEntry;
use super::entry::{Decoded, EntryIndex};
use crate::entry::Fingerprint;
use foldhash::quality::RandomState;
use papaya::{Guard, HashMap};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// The map frees what is taken out some dozens at a time, for each thread that does; larger ones it frees at once.
const LARGE_BYTES: usize = 8 * 1024;

/// The entries of one entity that stand in a memory store, by the integer that is their primary key.
///
/// Without locks: cores that read one row at the same time would wait for each other at one.
pub(crate) struct IdIndex {
    /// Keys may be chosen by users, so their hashes must not be foreseen.
    rows: HashMap<i64, Listed, RandomState>,
    /// That of every entry here.
    fingerprint: Fingerprint,
}

/// What a read needs stands here, and not one behind the other: a processor then waits for memory once. With
/// its key it fits a cache line.
struct Listed {
    /// `None`: never.
    expires: Option<Instant>,
    row: Arc<dyn Any + Send + Sync>,
    entry: Arc<MemoryEntry>,
    /// The stamp that the reader which decoded the row has expected.
    stamp: Option<u32>,
}

const _: () = assert!(size_of::<(i64, Listed)>() <= 64);

impl IdIndex {
    pub(crate) fn new(fingerprint: Fingerprint) -> Self {
        Self { rows: HashMap::with_hasher(RandomState::default()), fingerprint }
    }

    /// Whether there is a living row with this key, decoded by a reader that expected this stamp, and `read`
    /// takes it.
    #[inline]
    pub(crate) fn read(&self, id: i64, stamp: Option<u32>, read: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        let rows = self.rows.pin();
        let Some(listed) = rows.get(&id) else { return false };
        let expired = listed.expires.is_some_and(|expires| expires <= Instant::now());
        if expired || listed.stamp != stamp || !read(&*listed.row) {
            return false;
        }
        listed.entry.note_use();
        true
    }

    /// Lets the decoded form of an entry be found by this key for as long as it stands in its store.
    pub(crate) fn list(self: &Arc<Self>, id: i64, entry: &Arc<MemoryEntry>) {
        let index: Arc<dyn EntryIndex> = self.clone();
        entry.list(Arc::downgrade(&index), id, |expires, Decoded { reading, row }| {
            let is_own = reading.fingerprint == self.fingerprint;
            if is_own {
                let listed = Listed { expires, row, entry: entry.clone(), stamp: reading.stamp };
                self.rows.pin().insert(id, listed);
            }
            is_own
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl EntryIndex for IdIndex {
    fn remove(&self, id: i64, entry: &MemoryEntry) {
        let guard = self.rows.guard();
        // Another entry under this key has its own time to go.
        let _ = self.rows.remove_if(&id, |_, listed| std::ptr::eq(&*listed.entry, entry), &guard);
        if entry.weight() > LARGE_BYTES {
            guard.flush();
        }
    }
}

impl fmt::Debug for IdIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdIndex").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Lifetime, Step, Token};
    use crate::entry::Reading;
    use crate::store::{Command, Found, MemoryStore, Store, Sweep};
    use std::time::Duration;

    const FINGERPRINT: Fingerprint = Fingerprint { entity: [1; 4], schema: [2; 4] };

    fn decoded() -> Decoded {
        Decoded { reading: Reading { fingerprint: FINGERPRINT, stamp: Some(7) }, row: Arc::new(()) }
    }

    const LIFE: Lifetime = Lifetime::For(Duration::from_secs(600));

    /// The weight of an entry of these tests, about.
    const SMALL: u64 = 399;

    /// A store, and those of its entries that have been read.
    struct Shop {
        store: MemoryStore,
        index: Arc<IdIndex>,
    }

    impl Shop {
        fn new(store: MemoryStore) -> Self {
            Self { store, index: Arc::new(IdIndex::new(FINGERPRINT)) }
        }

        async fn run(&self, number: i64, step: Step<bytes::Bytes>) {
            let command = Command { key: key(number), step };
            assert!(self.store.run(vec![command]).await.iter().all(Result::is_ok));
        }

        async fn insert(&self, number: i64, lifetime: Lifetime) {
            self.run(number, Step::Insert { entry: "Vrow".into(), lifetime }).await;
        }

        /// As a reader that goes to the store.
        fn look(&self, number: i64) -> Option<Arc<MemoryEntry>> {
            let Found::Memory(entry) = self.store.peek(&key(number)) else { return None };
            entry.remember(decoded());
            self.index.list(number, &entry);
            Some(entry)
        }

        fn is_listed(&self, number: i64) -> bool {
            self.index.read(number, Some(7), &mut |row| row.is::<()>())
        }

        async fn with_row(step: Step<bytes::Bytes>) -> bool {
            let shop = Self::new(MemoryStore::new(100));
            shop.insert(7, LIFE).await;
            assert!(!shop.is_listed(7), "it was not read yet");
            assert!(shop.look(7).is_some() && shop.is_listed(7) && !shop.is_listed(8));
            shop.run(7, step).await;
            shop.is_listed(7)
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
        let ttl = Duration::from_secs(9);
        assert!(!Shop::with_row(Step::Intent { token: token(1), ttl, reissued: false }).await);
        assert!(!Shop::with_row(Step::Invalidate).await);
        assert!(!Shop::with_row(Step::Insert { entry: "Vother".into(), lifetime: LIFE }).await);
        let unusable = Some("Vrow".into());
        assert!(!Shop::with_row(Step::Lease { token: token(1), ttl, unusable }).await);
        assert!(Shop::with_row(Step::Lease { token: token(1), ttl, unusable: None }).await, "it stands");
        assert!(Shop::with_row(Step::Unlease { token: token(1) }).await, "it stands");
    }

    #[tokio::test]
    async fn a_clear_and_the_end_of_the_store_take_out_everything() {
        let shop = Shop::new(MemoryStore::new(10_000));
        for number in 0..500 {
            shop.insert(number, LIFE).await;
            shop.look(number);
        }
        assert_eq!(shop.index.len(), 500);
        let index = shop.index.clone();
        shop.store.clear(&Sweep { prefix: "app:book:1".to_owned(), entity: None }).await.unwrap();
        assert_eq!(index.len(), 500 - 111);
        drop(shop);
        assert_eq!(index.len(), 0);
    }

    /// A reader that was slow between the store and here brings nothing back.
    #[tokio::test]
    async fn what_was_withdrawn_is_not_listed_any_more() {
        let shop = Shop::new(MemoryStore::new(100));
        shop.insert(7, LIFE).await;
        let Found::Memory(old) = shop.store.peek(&key(7)) else { panic!("an entry") };
        old.remember(decoded());
        shop.run(7, Step::Invalidate).await;
        shop.index.list(7, &old);
        assert_eq!(shop.index.len(), 0);
        shop.insert(7, LIFE).await;
        assert!(shop.look(7).is_some() && shop.is_listed(7));
        old.withdraw();
        assert!(shop.is_listed(7), "the new entry is not taken for the old one");
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_read_until_it_expires() {
        let shop = Shop::new(MemoryStore::new(100));
        shop.insert(7, Lifetime::For(Duration::from_secs(5))).await;
        shop.insert(8, Lifetime::Forever).await;
        assert!(shop.look(7).is_some() && shop.look(8).is_some());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(shop.is_listed(7) && shop.is_listed(8));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!shop.is_listed(7) && shop.is_listed(8) && shop.look(7).is_none());
    }

    #[tokio::test]
    async fn evicted_entries_are_taken_out() {
        let shop = Shop::new(MemoryStore::new(100));
        for number in 0..2_000 {
            shop.insert(number, LIFE).await;
            shop.look(number);
            assert!(shop.index.len() <= 100, "{} entries after {number}", shop.index.len());
        }
        for number in 0..2_000 {
            assert_eq!(
                shop.is_listed(number),
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
                    shop.is_listed(known);
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
            shop.is_listed(number);
        }
        let before = shop.store.entry_count();
        let entry = bytes::Bytes::from(vec![b'V'; 20 * SMALL as usize]);
        shop.run(1, Step::Insert { entry, lifetime: LIFE }).await;
        assert!(shop.look(1).is_some());
        assert!(before == 30 && shop.store.entry_count() <= 11, "{before} and then {:?}", shop.store);
    }

    #[tokio::test]
    async fn an_entry_that_is_read_only_here_outlives_those_that_are_not_read() {
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
                assert!(shop.is_listed(-1), "after {number}");
            }
        }
        assert!(!shop.is_listed(-2), "it was read once only");
    }
}
