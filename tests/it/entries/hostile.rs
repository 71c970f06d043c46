//! Entries with the right header and a payload that was made to do harm: unusable, and no more than that.

use crate::entities::shaped::note;
use crate::support::{Database, Place, World};
use fred::clients::Client;
use fred::interfaces::KeysInterface;
use sea_orm::{ActiveModelBehavior, ActiveModelTrait, EntityTrait, IntoActiveModel, PrimaryKeyTrait};
use sea_orm_autocache::CachedEntity;

/// What stands before the payload of an entry.
const HEADER_LEN: usize = 30;

// The tags of values.
const BOOL: u8 = 1;
const INT: u8 = 4;
const BIG_INT: u8 = 5;
const STRING: u8 = 12;
const JSON: u8 = 16;
#[cfg(feature = "postgres-array")]
const ARRAY: u8 = 30;

/// The lengths of MessagePack that claim four billion of what follows.
const ARRAY_OF_ALL: [u8; 5] = [0xdd, 0xff, 0xff, 0xff, 0xff];
const MAP_OF_ALL: [u8; 5] = [0xdf, 0xff, 0xff, 0xff, 0xff];
const TEXT_OF_ALL: [u8; 5] = [0xdb, 0xff, 0xff, 0xff, 0xff];
const EXTENSION_OF_ALL: [u8; 6] = [0xc9, 0xff, 0xff, 0xff, 0xff, 1];

/// A row, and where its entry is.
struct Planted<M> {
    world: World,
    row: M,
    redis: Client,
    key: String,
    header: Vec<u8>,
}

impl<M> Planted<M> {
    /// A cached row with the primary key 1.
    async fn of<E>(world: World, row: M) -> Self
    where
        E: CachedEntity + EntityTrait<Model = M, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
        E::ActiveModel: ActiveModelBehavior + Send,
        M: IntoActiveModel<E::ActiveModel> + Clone,
    {
        world.create_table(E::default()).await;
        row.clone().into_active_model().reset_all().insert(&world.plain).await.unwrap();
        let cache = world.autocache.cache::<E>();
        cache.get(1).await.unwrap();
        let (redis, key) = (world.redis().await, cache.make_key(1).unwrap());
        let entry: Vec<u8> = redis.get(&key).await.unwrap();
        let header = entry[..HEADER_LEN].to_vec();
        Self { world, row, redis, key, header }
    }

    /// In place of the payload: one right answer from the database, one count, and a hit again.
    async fn is_replaced<E>(&self, payload: &[u8], what: &str)
    where
        E: CachedEntity + EntityTrait<Model = M, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
        M: PartialEq + std::fmt::Debug,
    {
        let bytes = [&self.header, payload].concat();
        let _: () = self.redis.set(&self.key, bytes.as_slice(), None, None, false).await.unwrap();
        let (world, cache) = (&self.world, self.world.autocache.cache::<E>());
        let before = world.counts().undecodable;
        let (read, sql, _) = world.cost(cache.get(1)).await;
        assert_eq!((&read.unwrap(), sql), (&self.row, 1), "{what}");
        assert_eq!(world.counts().undecodable - before, 1, "{what}");
        let (read, sql, trips) = world.cost(cache.get(1)).await;
        assert_eq!((&read.unwrap(), sql, trips), (&self.row, 0, 1), "{what}");
    }
}

async fn a_note() -> Planted<note::Model> {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let row = note::Model { id: 1, body: Some(serde_json::json!({ "a": [1, 2.5, null] })) };
    Planted::of::<note::Entity>(world, row).await
}

/// A note's payload: two columns, of which the second is this.
fn note_with(body: &[u8]) -> Vec<u8> {
    [&[0x94, BIG_INT, 1], body].concat()
}

#[tokio::test]
async fn json_in_json_without_end_is_replaced() {
    let planted = a_note().await;
    let arrays = [0x91].repeat(100_000);
    let maps = [0x81, 0xa1, b'a'].repeat(100_000);
    let closed = [[0x91].repeat(129), vec![0x90]].concat();
    for json in [arrays, maps, closed] {
        planted.is_replaced::<note::Entity>(&note_with(&[&[JSON], json.as_slice()].concat()), "deep").await;
    }
}

#[tokio::test]
async fn lengths_that_promise_more_than_there_is_are_replaced() {
    let planted = a_note().await;
    let all: [&[u8]; 4] = [&ARRAY_OF_ALL, &MAP_OF_ALL, &TEXT_OF_ALL, &EXTENSION_OF_ALL];
    for length in all {
        let json = [&[JSON], length, [0xc0].repeat(1_000).as_slice()].concat();
        planted.is_replaced::<note::Entity>(&note_with(&json), "long JSON").await;
        planted.is_replaced::<note::Entity>(&[length, &[BIG_INT, 1]].concat(), "a long row").await;
        planted.is_replaced::<note::Entity>(&note_with(&[&[STRING], length].concat()), "a long text").await;
    }
    // Each array in another claims all that is left.
    let mut bomb: Vec<u8> = vec![JSON];
    (1..=120_u32).for_each(|n| bomb.extend([&[0xdd], (60_000 - n * 5).to_be_bytes().as_slice()].concat()));
    bomb.resize(60_000, 0xc0);
    planted.is_replaced::<note::Entity>(&note_with(&bomb), "a bomb").await;
}

#[tokio::test]
async fn a_value_of_another_kind_than_its_column_is_replaced() {
    let planted = a_note().await;
    let bodies: [&[u8]; 6] =
        [&[STRING, 0xa1, b'x'], &[STRING, 0xc0], &[BOOL, 0xc3], &[INT, 1], &[0, 0xc0], &[99, 1]];
    for body in bodies {
        planted.is_replaced::<note::Entity>(&note_with(body), "another kind").await;
    }
    let ids: [&[u8]; 4] = [&[INT, 1], &[STRING, 0xa1, b'1'], &[BIG_INT, 0xc0], &[BIG_INT, 0xcb, 0x3f]];
    for id in ids {
        let payload = [&[0x94], id, &[JSON, 0xc0]].concat();
        planted.is_replaced::<note::Entity>(&payload, "another id").await;
    }
    let rows: [&[u8]; 5] =
        [&[], &[0x90], &[0x92, BIG_INT, 1], &[0x93, BIG_INT, 1, JSON], &[0x96, BIG_INT, 1, JSON, 1, INT, 1]];
    for row in rows {
        planted.is_replaced::<note::Entity>(row, "another number of columns").await;
    }
    let twice = note_with(&[JSON, 0x82, 0xa1, b'a', 1, 0xa1, b'a', 2]);
    planted.is_replaced::<note::Entity>(&twice, "a key twice").await;
}

#[cfg(feature = "postgres-array")]
mod arrays {
    use super::*;
    use crate::entities::values::{Size, list};

    async fn a_list() -> Planted<list::Model> {
        let world = World::new(Database::Postgres, Place::Redis).await;
        let row = list::Model { id: 1, ints: vec![1, -2], sizes: Some(vec![Size::Large, Size::Small]) };
        Planted::of::<list::Entity>(world, row).await
    }

    /// A list's payload: three columns, with these arrays.
    fn list_with(ints: &[u8], sizes: &[u8]) -> Vec<u8> {
        [&[0x96, BIG_INT, 1], ints, sizes].concat()
    }

    const INTS: [u8; 6] = [ARRAY, 0x92, INT, 0x92, INT, 1];
    const SIZES: [u8; 7] = [ARRAY, 0x92, STRING, 0x92, STRING, 0xa1, b'L'];

    #[tokio::test]
    async fn an_array_whose_elements_are_of_another_kind_is_replaced() {
        let planted = a_list().await;
        let kinds: [&[u8]; 8] = [
            &[ARRAY, 0x92, INT, 0x92, STRING, 0xa1, b'x'],
            &[ARRAY, 0x92, INT, 0x94, INT, 1, BIG_INT, 1],
            &[ARRAY, 0x92, STRING, 0x92, STRING, 0xa1, b'x'],
            &[ARRAY, 0x92, STRING, 0x92, INT, 1],
            &[ARRAY, 0x92, 0xa3, b't', b'e', b'a', 0x92, INT, 1],
            &[ARRAY, 0x92, INT, 0x92, ARRAY, 0x92, INT, 0x90],
            &[ARRAY, 0x92, INT, 0x92, INT, 0xc0],
            &[ARRAY, 0x92, INT, 0xc0],
        ];
        for ints in kinds {
            planted.is_replaced::<list::Entity>(&list_with(ints, &SIZES), "another kind").await;
        }
    }

    /// As a newer version of the program may have written it.
    #[tokio::test]
    async fn an_array_of_an_enum_with_a_variant_that_is_not_known_is_replaced() {
        let planted = a_list().await;
        let unknown = [ARRAY, 0x92, STRING, 0x94, STRING, 0xa1, b'L', STRING, 0xa2, b'X', b'L'];
        planted.is_replaced::<list::Entity>(&list_with(&INTS, &unknown), "an unknown variant").await;
    }

    #[tokio::test]
    async fn arrays_in_arrays_without_end_are_replaced() {
        let planted = a_list().await;
        let deep = [ARRAY, 0x92, INT, 0x92].repeat(100_000);
        planted.is_replaced::<list::Entity>(&list_with(&deep, &SIZES), "deep").await;
        let long = [&[ARRAY, 0x92, INT], ARRAY_OF_ALL.as_slice()].concat();
        planted.is_replaced::<list::Entity>(&list_with(&long, &SIZES), "long").await;
        planted.is_replaced::<list::Entity>(&list_with(&ARRAY_OF_ALL, &SIZES), "no array").await;
    }
}
