//! As `values`: the kinds of columns that one database has, or that a feature of this crate turns on.

#[cfg(feature = "postgres-array")]
mod arrays {
    use crate::entities::values::{Grade, Size, Tea, array};
    use crate::entries::alike::are_alike;
    use crate::support::{Database, Place, World};
    use sea_orm::prelude::{DateTimeUtc, Decimal, Json, Uuid};
    use sea_orm::{ConnectionTrait, DatabaseBackend, Schema};

    fn empty() -> array::Model {
        array::Model {
            id: 0,
            ints: Vec::new(),
            maybe_ints: None,
            bigs: Vec::new(),
            texts: Vec::new(),
            maybe_texts: None,
            doubles: Vec::new(),
            flags: Vec::new(),
            uuids: Vec::new(),
            maybe_moments: None,
            decimals: Vec::new(),
            jsons: Vec::new(),
            bytes: Vec::new(),
            teas: Vec::new(),
            maybe_teas: None,
            sizes: Vec::new(),
            grades: Vec::new(),
        }
    }

    fn full() -> array::Model {
        let texts = ["", "NULL", "a,b", "{\"}", "é🦀"].map(str::to_owned);
        let moment: DateTimeUtc = "2024-02-29T12:34:56.789012Z".parse().expect("a moment");
        array::Model {
            ints: vec![i32::MIN, 0, i32::MAX],
            maybe_ints: Some(vec![1]),
            bigs: vec![i64::MIN, -1, i64::MAX],
            texts: texts.to_vec(),
            maybe_texts: Some(texts.to_vec()),
            doubles: vec![0.1, f64::NAN, f64::NEG_INFINITY, -0.0],
            flags: vec![true, false],
            uuids: vec![Uuid::nil(), Uuid::max()],
            maybe_moments: Some(vec![moment]),
            decimals: vec![Decimal::new(150, 2), Decimal::MAX],
            jsons: vec![Json::Null, Json::from(1), serde_json::json!({ "a": [null, 1.5] })],
            bytes: vec![Vec::new(), vec![0, 255]],
            teas: vec![Tea::Everyday, Tea::Afternoon, Tea::Everyday],
            maybe_teas: Some(vec![Tea::Afternoon]),
            sizes: vec![Size::Large, Size::Small],
            grades: vec![Grade::Poor, Grade::Fine],
            ..empty()
        }
    }

    #[tokio::test]
    async fn arrays_of_every_kind_empty_and_absent() {
        let world = World::new(Database::Postgres, Place::Redis).await;
        let enums = Schema::new(DatabaseBackend::Postgres).create_enum_from_active_enum::<Tea>();
        world.plain.execute(&enums.expect("a type of its own")).await.unwrap();
        let present = array::Model {
            maybe_ints: Some(Vec::new()),
            maybe_texts: Some(Vec::new()),
            maybe_teas: Some(Vec::new()),
            ..empty()
        };
        let long = array::Model { ints: (0..70_000).collect(), ..full() };
        are_alike::<array::Entity>(&world, "", vec![empty(), present, full(), long]).await.unwrap();
    }
}

#[cfg(all(feature = "with-bigdecimal", feature = "with-ipnetwork"))]
mod rare {
    use crate::entities::values::rare;
    use crate::entries::alike::are_alike;
    use crate::support::{Database, Place, World};
    use sea_orm::prelude::BigDecimal;

    #[tokio::test]
    async fn decimals_without_a_limit_and_networks() {
        let world = World::new(Database::Postgres, Place::Redis).await;
        let long = format!("-{}.{}00", "9".repeat(300), "1".repeat(200));
        let bigs = ["0", "0.000", "1.50", "123456789012345678901234567890.1", &long];
        let networks = ["127.0.0.1/8", "0.0.0.0/0", "10.1.2.3/32", "::1/128", "2001:db8::5/32"];
        let rows = bigs.iter().zip(networks).flat_map(|(big, network)| {
            let big: BigDecimal = big.parse().expect("a decimal");
            let network = network.parse().expect("a network");
            let some = rare::Model {
                id: 0,
                big: big.clone(),
                maybe_big: Some(big),
                network,
                maybe_network: Some(network),
            };
            [some.clone(), rare::Model { maybe_big: None, maybe_network: None, ..some }]
        });
        are_alike::<rare::Entity>(&world, "", rows.collect()).await.unwrap();
    }
}

#[cfg(feature = "with-time")]
mod time {
    use crate::entities::values::time_moment;
    use crate::entries::alike::are_alike;
    use crate::entries::values::precise;
    use crate::support::{Database, each_world};
    use sea_orm::prelude::{TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime};

    fn row(day: i32, of_day: (u8, u8, u8, u32), unix_nanos: i128, set: bool) -> time_moment::Model {
        let date = TimeDate::from_julian_day(day).expect("a day");
        let (hour, minute, second, micros) = of_day;
        let time = TimeTime::from_hms_micro(hour, minute, second, micros).expect("a time");
        let local = TimeDateTime::new(date, time);
        let utc = TimeDateTimeWithTimeZone::from_unix_timestamp_nanos(unix_nanos).expect("a moment");
        time_moment::Model {
            id: 0,
            date,
            maybe_date: set.then_some(date),
            time,
            maybe_time: set.then_some(time),
            local,
            maybe_local: set.then_some(local),
            utc,
            maybe_utc: set.then_some(utc),
            zoned: utc,
            maybe_zoned: set.then_some(utc),
        }
    }

    #[tokio::test]
    async fn moments_of_the_crate_time() {
        each_world(|world| async move {
            let mut cases = vec![
                (2_440_589, (0, 0, 0, 1), 1_000_000_000),
                (2_460_370, (12, 34, 56, 789_012), 1_709_210_096_789_012_000),
                (2_451_545, (23, 59, 59, 999_999), 2_145_916_799_999_999_000),
            ];
            if world.database != Database::MariaDb {
                cases.push((1_721_426, (0, 0, 0, 0), -62_135_596_800_000_000_000));
                cases.push((5_373_484, (23, 59, 59, 999_999), 253_402_300_799_999_999_000));
            }
            let rows = cases.iter().flat_map(|&(day, of_day, nanos)| {
                [row(day, of_day, nanos, true), row(day, of_day, nanos, false)]
            });
            are_alike::<time_moment::Entity>(&world, &precise("kind_time_moment"), rows.collect()).await
        })
        .await;
    }
}

/// SeaORM's mock answers, for no database of these tests has vectors.
#[cfg(feature = "postgres-vector")]
mod vectors {
    use crate::entities::values::vector::{Column, Entity, Model};
    use sea_orm::prelude::PgVector;
    use sea_orm::{ConnectionTrait, DatabaseBackend, MockDatabase, MockExecResult, Statement};
    use sea_orm_autocache::prelude::*;

    #[tokio::test]
    async fn vectors_are_cached() {
        let vector = PgVector::from(vec![0.5, -0.0, f32::MAX]);
        for maybe_vector in [Some(vector.clone()), Some(Vec::new().into()), None] {
            let row = Model { id: 1, vector: vector.clone(), maybe_vector };
            let mock = MockDatabase::new(DatabaseBackend::Postgres).append_query_results([[row.clone()]]);
            let builder = crate::support::builder(mock.into_connection())
                .app("app")
                .backend("default", MemoryStore::new(10));
            let autocache = builder.build().unwrap();
            let cache = autocache.cache::<Entity>();
            for _ in 0..3 {
                assert_eq!(cache.get(1).await.unwrap(), row, "the mock answers once");
            }
            assert_eq!(autocache.stats().total().hits, 2);
        }
    }

    #[tokio::test]
    async fn a_vector_is_no_value_of_another_column() {
        let mock = MockDatabase::new(DatabaseBackend::Postgres);
        let builder = crate::support::builder(mock.into_connection())
            .app("app")
            .backend("default", MemoryStore::new(10));
        let cache = builder.build().unwrap().cache::<Entity>();
        let refused = cache.get_by(Column::Id, PgVector::from(vec![1.0])).await.unwrap_err();
        assert_eq!(CacheErrorKind::of(&refused), Some(CacheErrorKind::WrongType));
        assert!(refused.to_string().contains("holds BigInt, which a value of Vector is not"), "{refused}");
    }

    /// The statement may be one that the database refuses; that is the database's to say.
    #[tokio::test]
    async fn a_statement_may_compare_a_key_with_a_vector() {
        let mock =
            MockDatabase::new(DatabaseBackend::Postgres).append_exec_results([MockExecResult::default()]);
        let builder = crate::support::builder(mock.into_connection())
            .app("app")
            .backend("default", MemoryStore::new(10));
        let autocache = builder.build().unwrap();
        let (table, vector) = (sea_orm::EntityName::table_name(&Entity), PgVector::from(vec![1.0]));
        let sql = format!(r#"DELETE FROM "{table}" WHERE "{table}"."id" = $1"#);
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [vector.into()]);
        autocache.connection().execute_raw(statement).await.unwrap();
    }
}
