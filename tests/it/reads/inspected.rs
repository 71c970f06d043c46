//! What people see of a row's key.

use crate::entities::book;
use crate::laws::{cold_book, titled};
use crate::support::{Act, Database, Meddler, Place, World};
use async_trait::async_trait;
use bytes::Bytes;
use fred::interfaces::{KeysInterface, ListInterface};
use sea_orm::{ActiveModelTrait, Set};
use sea_orm_autocache::prelude::*;
use sea_orm_autocache::store::{Command, Found, Lifetime, Reply, Step, Sweep, Token};
use sea_orm_autocache::{EntryState, Inspection, StoreError};
use std::future::Future;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);

/// A world with one book that is not cached yet, and its store.
struct Scene {
    world: World,
    store: Meddler,
    book: book::Model,
}

impl Scene {
    fn cache(&self) -> CacheController<book::Entity> {
        self.world.autocache.cache()
    }

    async fn inspect(&self) -> Inspection {
        self.cache().inspect(self.book.id).await.unwrap()
    }

    async fn step(&self, step: Step<Bytes>) {
        let key = self.cache().make_key(self.book.id).unwrap();
        self.store.run(vec![Command::new(key, step)]).await.remove(0).unwrap();
    }

    async fn intent(&self, token: u128, ttl: Duration) {
        self.step(Step::Intent { token: Token::from_u128(token), ttl, reissued: false }).await;
    }

    /// Puts these bytes under the row's key.
    async fn plant(&self, bytes: impl Into<Bytes>) {
        self.step(Step::Invalidate).await;
        self.step(Step::Insert { entry: bytes.into(), lifetime: Lifetime::For(LONG) }).await;
    }

    /// The bytes of the book's own entry.
    async fn entry(&self) -> Vec<u8> {
        self.cache().get(self.book.id).await.unwrap();
        match self.store.get(&self.cache().make_key(self.book.id).unwrap()).await.unwrap() {
            Found::Bytes(bytes) => bytes.to_vec(),
            Found::Memory(entry) => entry.bytes().to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

/// Runs a law with memory and with Redis.
async fn each_store<F: Future<Output = ()>>(law: impl Fn(Scene) -> F) {
    for place in [Place::Memory, Place::Redis] {
        println!("with {place:?}");
        let (world, store) = World::meddled(Database::Sqlite, place, |builder| builder).await;
        let book = cold_book(&world, "Emma").await.unwrap();
        law(Scene { world, store, book }).await;
    }
}

#[tokio::test]
async fn an_empty_key_is_absent() {
    each_store(|scene| async move {
        let seen = scene.inspect().await;
        assert_eq!((seen.state, seen.bytes, seen.ttl, seen.age), (EntryState::Absent, 0, None, None));
        assert_eq!((seen.fingerprint, seen.columns, seen.bypassed), (None, vec![], false));
        assert_eq!(seen.key, scene.cache().make_key(scene.book.id).unwrap());
        assert_eq!(seen.backend, "default");
    })
    .await;
}

#[tokio::test]
async fn a_row_is_seen_with_its_columns_and_its_ttl() {
    each_store(|scene| async move {
        let entry = scene.entry().await;
        let seen = scene.inspect().await;
        assert_eq!((seen.state, seen.bytes), (EntryState::Row, entry.len()));
        assert_eq!(
            seen.columns,
            [("id", scene.book.id.into()), ("title", "Emma".into()), ("rank", 1.into())]
        );
        assert!(seen.is_own(), "{seen}");
        let (ttl, age) = (seen.ttl.unwrap(), seen.age.unwrap());
        assert!(age < Duration::from_secs(60) && ttl > Duration::from_secs(60), "{ttl:?} {age:?}");
        assert!(seen.to_string().ends_with("\n  id = 1\n  title = 'Emma'\n  rank = 1"), "{seen}");
    })
    .await;
}

#[tokio::test]
async fn a_tombstone_is_seen_without_columns() {
    each_store(|scene| async move {
        assert!(scene.cache().find(scene.book.id + 1).await.unwrap().is_none());
        let seen = scene.cache().inspect(scene.book.id + 1).await.unwrap();
        assert_eq!((seen.state, seen.columns.len()), (EntryState::Tombstone, 0));
        assert!(seen.is_own() && seen.ttl.is_some() && seen.age.is_some(), "{seen}");
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_seen_with_what_is_left_of_it() {
    each_store(|scene| async move {
        scene.step(Step::Lease { token: Token::from_u128(1), ttl: LONG, unusable: None }).await;
        let seen = scene.inspect().await;
        assert_eq!((seen.state, seen.fingerprint.as_ref(), seen.age), (EntryState::Lease, None, None));
        assert!(seen.ttl.unwrap() <= LONG && seen.bytes == 17, "{seen}");
    })
    .await;
}

#[tokio::test]
async fn an_intent_is_seen_with_its_writers() {
    each_store(|scene| async move {
        scene.intent(1, LONG).await;
        let seen = scene.inspect().await;
        assert_eq!(seen.state, EntryState::Intent { writers: 1, dead: 0, dirty: false });
        scene.intent(2, Duration::from_millis(30)).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
        let seen = scene.inspect().await;
        assert_eq!(seen.state, EntryState::Intent { writers: 1, dead: 1, dirty: true });
        scene.intent(3, LONG).await;
        let seen = scene.inspect().await;
        assert!(matches!(seen.state, EntryState::Intent { writers: 2, dirty: true, .. }), "{seen}");
    })
    .await;
}

#[tokio::test]
async fn an_intent_without_writers_is_seen_as_one() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let cache = world.autocache.cache::<book::Entity>();
    let _: () = world.redis().await.set(cache.make_key(1).unwrap(), "W1", None, None, false).await.unwrap();
    let seen = cache.inspect(1).await.unwrap();
    assert_eq!(seen.state, EntryState::Intent { writers: 0, dead: 0, dirty: true });
    assert_eq!(seen.ttl, Some(Duration::MAX));
}

#[tokio::test]
async fn an_entry_that_this_program_cannot_read_is_seen_with_the_reason() {
    each_store(|scene| async move {
        let entry = scene.entry().await;
        let flipped = |place: usize| {
            let mut bytes = entry.clone();
            bytes[place] ^= 1;
            bytes
        };
        let own = scene.inspect().await.own_fingerprint;
        for (bytes, state) in [
            (flipped(7), EntryState::OtherVersion),
            (flipped(3), EntryState::OtherEntity),
            (flipped(1), EntryState::Undecodable),
            (entry[..entry.len() - 1].to_vec(), EntryState::Undecodable),
            ([&entry[..], b"x"].concat(), EntryState::Undecodable),
            (b"hello".to_vec(), EntryState::Undecodable),
        ] {
            scene.plant(bytes).await;
            let seen = scene.inspect().await;
            assert_eq!((seen.state, &seen.own_fingerprint, seen.columns.len()), (state, &own, 0));
            let is_entry = matches!(state, EntryState::OtherVersion | EntryState::OtherEntity);
            assert!(!is_entry || seen.fingerprint.is_some_and(|other| other != own));
        }
        let other = titled("Persuasion").insert(&scene.world.plain).await.unwrap();
        let other = Scene { book: other, world: scene.world, store: scene.store };
        let its_entry = other.entry().await;
        let first = Scene { book: scene.book, ..other };
        first.plant(its_entry).await;
        assert_eq!(first.inspect().await.state, EntryState::OtherRow);
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_another_server_is_seen_as_one_under_strict() {
    let strict = |builder: sea_orm_autocache::AutocacheBuilder| builder.consistency(Consistency::Strict);
    let (world, store) = World::meddled(Database::Sqlite, Place::Redis, strict).await;
    let book = cold_book(&world, "Emma").await.unwrap();
    let scene = Scene { world, store, book };
    let mut entry = scene.entry().await;
    assert_eq!(scene.inspect().await.state, EntryState::Row);
    entry[12] ^= 1;
    scene.plant(entry).await;
    assert_eq!(scene.inspect().await.state, EntryState::OtherServer);
}

#[tokio::test]
async fn a_value_of_another_redis_type_is_seen_as_one() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let cache = world.autocache.cache::<book::Entity>();
    let _: u64 = world.redis().await.lpush(cache.make_key(1).unwrap(), "x").await.unwrap();
    assert_eq!(cache.inspect(1).await.unwrap().state, EntryState::OtherType);
}

#[tokio::test]
async fn an_inspection_counts_nothing() {
    each_store(|scene| async move {
        scene.plant(b"hello".as_slice()).await;
        let before = scene.world.counts();
        let (seen, sql, trips) = scene.world.cost(scene.inspect()).await;
        assert_eq!((seen.state, sql, trips), (EntryState::Undecodable, 0, 0));
        assert_eq!(scene.world.counts(), before);
    })
    .await;
}

/// In a full store, what is read now and then stays, and what is only looked at goes.
#[tokio::test]
async fn an_inspection_is_no_use_of_an_entry() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    world.create_table(book::Entity).await;
    let store = MemoryStore::new(200);
    let builder = crate::support::builder(world.plain.clone()).app("inspected").backend("default", store);
    let autocache = builder.build().unwrap();
    let (db, cache) = (autocache.connection(), autocache.cache::<book::Entity>());
    let read = titled("read").insert(&db).await.unwrap();
    let seen = titled("looked at").insert(&db).await.unwrap();
    for number in 0..2_000 {
        let other = titled(&format!("book {number}")).insert(&db).await.unwrap();
        cache.get(other.id).await.unwrap();
        if number % 20 == 0 {
            cache.get(read.id).await.unwrap();
            cache.inspect(seen.id).await.unwrap();
        }
    }
    assert_eq!(cache.inspect(read.id).await.unwrap().state, EntryState::Row);
    assert_eq!(cache.inspect(seen.id).await.unwrap().state, EntryState::Absent);
}

#[tokio::test]
async fn a_key_with_a_queued_invalidation_is_seen_as_bypassed() {
    each_store(|scene| async move {
        scene.cache().get(scene.book.id).await.unwrap();
        assert!(!scene.inspect().await.bypassed);
        scene.store.act(|step| matches!(step, Step::Finish { .. }), Act::Refuse, usize::MAX);
        let changed = book::ActiveModel { rank: Set(2), ..scene.book.clone().into() };
        changed.update(&scene.world.db).await.unwrap();
        let seen = scene.inspect().await;
        assert!(seen.bypassed && matches!(seen.state, EntryState::Intent { writers: 1, .. }), "{seen}");
    })
    .await;
}

/// A store from before there were inspections.
#[derive(Debug)]
struct Older(MemoryStore);

#[async_trait]
impl Store for Older {
    async fn get(&self, key: &str) -> Result<Found, StoreError> {
        self.0.get(key).await
    }
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Found>, StoreError> {
        self.0.get_many(keys).await
    }
    async fn run(&self, commands: Vec<Command>) -> Vec<Reply> {
        self.0.run(commands).await
    }
    async fn clear(&self, sweep: &Sweep) -> Result<u64, StoreError> {
        self.0.clear(sweep).await
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_inspected_says_so() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let store = Older(MemoryStore::new(10));
    let builder = crate::support::builder(world.plain.clone()).app("older").backend("default", store);
    let error = builder.build().unwrap().cache::<book::Entity>().inspect(1).await.unwrap_err();
    assert!(error.to_string().contains("store cannot do this: this store does not implement"), "{error}");
    assert_eq!(CacheErrorKind::of(&error), Some(CacheErrorKind::Store));
}
