//! Rows come back from the cache as they came from the database, or are not cached.

use crate::entities::keyed::Mood;
use crate::entities::schemas::sample;
use crate::entities::{book, unfaithful};
use crate::support::{Database, Log, Place, World, each_world};
use sea_orm::prelude::{Date, DateTime, DateTimeUtc, Decimal, Time};
use sea_orm::{ActiveModelTrait, ConnectionTrait, IntoActiveModel, Set};

macro_rules! never_cached {
    ($entity:ident) => {
        #[tokio::test]
        async fn $entity() {
            use unfaithful::$entity::{ActiveModel, Entity, Model};
            for place in [Place::Memory, Place::Redis] {
                let log = Log::default();
                let _guard = log.listen(tracing::Level::ERROR);
                let world = World::new(Database::Sqlite, place).await;
                world.create_table(Entity).await;
                let cache = world.autocache.cache::<Entity>();
                // The last one is what `skip_serializing_if` leaves out.
                for (id, secret) in [(1, Some("s3cret")), (2, Some("other")), (3, None)] {
                    let row = Model { id, secret: secret.map(str::to_owned), note: "note".to_owned() };
                    row.clone().into_active_model().reset_all().insert(&world.plain).await.unwrap();
                    for _ in 0..3 {
                        assert_eq!(cache.get(id).await.unwrap(), row);
                    }
                    let changed = ActiveModel { note: Set("changed".to_owned()), ..row.clone().into() };
                    let changed = changed.update(&world.db).await.unwrap();
                    assert_eq!(
                        cache.get_many([id, id]).await.unwrap(),
                        [Some(changed.clone()), Some(changed)]
                    );
                }
                assert!(!cache.contains(3).await.unwrap());
                let text = log.text();
                assert_eq!(text.matches("ERROR").count(), 1, "{text}");
                assert!(text.contains(stringify!($entity)) && text.contains("serde"), "{text}");
                assert!(!text.contains("s3cret"), "{text}");
            }
        }
    };
}

mod a_row_that_serde_changes_is_never_cached {
    use super::*;

    never_cached!(skipped);
    never_cached!(one_way);
    never_cached!(masked);
    never_cached!(shortened);
}

#[tokio::test]
async fn a_row_that_serde_changes_is_filled_by_nobody() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    world.create_table(unfaithful::masked::Entity).await;
    let row = unfaithful::masked::Model { id: 1, secret: Some("s3cret".to_owned()), note: String::new() };
    row.clone().into_active_model().reset_all().insert(&world.db).await.unwrap();
    let cache = world.autocache.cache::<unfaithful::masked::Entity>();
    for _ in 0..3 {
        assert_eq!(cache.get(1).await.unwrap(), row);
    }
    let counts = world.counts();
    assert_eq!((counts.fills, counts.publishes, counts.hits), (0, 0, 0));
}

fn sample(id: i64, real: f64) -> sample::Model {
    let moment = Date::from_ymd_opt(1999, 12, 31).unwrap().and_hms_opt(23, 59, 59).unwrap();
    let moment: DateTime = moment;
    let instant: DateTimeUtc = moment.and_utc();
    sample::Model {
        id,
        flag: true,
        small: i16::MIN,
        whole: i32::MAX,
        real,
        single: 0.1,
        text: "naïve 🦀 \0 text".replace('\0', "0"),
        maybe: (id % 2 == 0).then(String::new),
        number: (id % 2 == 1).then_some(i64::MIN),
        bytes: vec![0, 255, 128],
        uuid: uuid::Uuid::from_u128(u128::MAX / 3),
        json: sea_orm::JsonValue::from(vec![Some(1.5), None]),
        price: Decimal::new(12_345, 2),
        date: moment.date(),
        time: Time::from_hms_opt(1, 2, 3).unwrap(),
        moment,
        instant,
        mood: Mood::Sad,
    }
}

#[tokio::test]
async fn every_kind_of_column_comes_back_as_it_was() {
    each_world(|world| async move {
        if world.database == Database::MariaDb {
            world.plain.execute_unprepared("ALTER DATABASE CHARACTER SET utf8mb4").await?;
        }
        world.create_table(sample::Entity).await;
        let cache = world.autocache.cache::<sample::Entity>();
        let mut reals = vec![0.1, -0.0, f64::MIN_POSITIVE, f64::MAX];
        if world.database == Database::Postgres {
            reals.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        }
        for (id, real) in (1..).zip(reals) {
            let row = sample(id, real).into_active_model().reset_all().insert(&world.plain).await?;
            let (missed, sql, _) = world.cost(cache.get(id)).await;
            let missed = missed?;
            assert_eq!((format!("{missed:?}"), sql), (format!("{row:?}"), 1));
            let (hit, sql, trips) = world.cost(cache.get(id)).await;
            assert_eq!((format!("{:?}", hit?), sql, trips), (format!("{row:?}"), 0, 1));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_row_that_is_too_large_is_not_cached_and_counted() {
    for place in [Place::Memory, Place::Redis] {
        let world = World::with(Database::Sqlite, place, |builder| builder.max_entry_bytes(200)).await;
        world.create_table(book::Entity).await;
        let cache = world.autocache.cache::<book::Entity>();
        let titled =
            |title: String| book::ActiveModel { title: Set(title), rank: Set(1), ..Default::default() };
        let large = titled("x".repeat(200)).insert(&world.plain).await.unwrap();
        let small = titled("x".repeat(100)).insert(&world.plain).await.unwrap();
        for reads in 1..=2 {
            let (read, sql, _) = world.cost(cache.get(large.id)).await;
            assert_eq!((read.unwrap(), sql), (large.clone(), 1));
            assert_eq!((world.counts().oversized, world.counts().fills), (reads, 0));
        }
        // A row that grows beyond the limit leaves nothing of its smaller self.
        assert_eq!(cache.get(small.id).await.unwrap(), small);
        let grown = book::ActiveModel { title: Set("y".repeat(500)), ..small.into() };
        let grown = grown.update(&world.db).await.unwrap();
        assert_eq!(cache.get(grown.id).await.unwrap(), grown);
        assert!(!cache.contains(grown.id).await.unwrap());
    }
}
