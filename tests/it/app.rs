//! The app's state: backends, settings, scopes, and errors that tell what to do.

use crate::entities::{book, settings};
use crate::laws::{absent, cold_book, titled};
use crate::support::{Database, Place, World};
use fred::interfaces::KeysInterface;
use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, ModelTrait, Set};
use sea_orm_autocache::prelude::*;
use std::process::Command;
use std::time::Duration;

fn builder() -> sea_orm_autocache::AutocacheBuilder {
    crate::support::builder(DatabaseConnection::default()).app("app")
}

#[test]
fn a_builder_says_what_is_wrong() {
    assert_eq!(builder().build().unwrap_err(), CacheError::NoBackend);
    let twice = builder().backend("default", MemoryStore::new(1)).backend("default", MemoryStore::new(1));
    let error = twice.build().unwrap_err();
    assert_eq!(error, CacheError::DuplicateBackend("default".to_owned()));
    assert!(error.to_string().contains("`default`"));
    for label in ["", ":", "a:b"] {
        let error = builder().app(label).backend("default", MemoryStore::new(1)).build().unwrap_err();
        assert_eq!(error, CacheError::AppLabel(label.to_owned()));
    }
}

#[test]
fn an_unknown_backend_is_an_error_at_the_start_that_lists_the_known_ones() {
    let known = builder().backend("local", MemoryStore::new(1)).backend("default", MemoryStore::new(1));
    let text = known.entity(settings::elsewhere::Entity).build().unwrap_err().to_string();
    for part in ["`elsewhere`", "`other`", "default, local", ".without("] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn each_entity_lives_in_its_own_backend() {
    let world = World::with(Database::Sqlite, Place::Redis, |builder| {
        builder.backend("other", MemoryStore::new(100)).entity(settings::elsewhere::Entity)
    })
    .await;
    world.create_table(settings::elsewhere::Entity).await;
    let row = settings::elsewhere::ActiveModel { note: Set("note".to_owned()), ..Default::default() };
    let row = row.insert(&world.db).await.unwrap();
    let cache = world.autocache.cache::<settings::elsewhere::Entity>();
    assert_eq!(cache.get(row.id).await.unwrap(), row);
    let trips = |name: &str| {
        let backends = world.stats().backends;
        backends.iter().find(|stats| stats.backend == name).unwrap().round_trips
    };
    assert_eq!((trips("default"), trips("other")), (0, 2));
    let entity = world.stats().entities.pop().unwrap();
    assert_eq!((entity.entity.as_str(), entity.backend.as_str()), ("elsewhere", "other"));
}

#[tokio::test]
async fn without_an_autocache_every_call_says_how_to_provide_one() {
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let cache = book::Entity::cache();
    let errors = [
        cache.get(1).await.unwrap_err(),
        cache.find(1).await.unwrap_err(),
        cache.get_many([1_i64]).await.unwrap_err(),
        cache.refresh(1).await.unwrap_err(),
        cache.invalidate(1).await.unwrap_err(),
        cache.clear().await.unwrap_err(),
        cache.contains(1).await.unwrap_err(),
        cache.on(&world.plain).get(1).await.unwrap_err(),
    ];
    assert_eq!(cache.make_key(1), Err(CacheError::NoAutocache));
    for error in errors {
        assert_eq!(CacheErrorKind::of(&error), Some(CacheErrorKind::NoAutocache));
        let text = error.to_string();
        assert!(text.contains("install()") && text.contains("scope("), "{text}");
    }
}

#[tokio::test]
async fn scopes_do_not_see_each_other() {
    let worlds = [
        World::new(Database::Sqlite, Place::Memory).await,
        World::new(Database::Sqlite, Place::Redis).await,
        World::new(Database::Sqlite, Place::Redis).await,
    ];
    let tenant = async |world: &World, title: &str| {
        world.create_table(book::Entity).await;
        world
            .autocache
            .scope(async {
                let book = titled(title).insert(&world.plain).await?;
                for _ in 0..50 {
                    assert_eq!(book::Entity::cache().get(book.id).await?, book);
                    tokio::task::yield_now().await;
                }
                Ok::<_, DbErr>(world.counts())
            })
            .await
            .unwrap()
    };
    let [a, b, c] = &worlds;
    let (a, b, c) = tokio::join!(tenant(a, "Emma"), tenant(b, "Persuasion"), tenant(c, "Middlemarch"));
    for counts in [a, b, c] {
        assert_eq!((counts.hits, counts.misses), (50, 0));
    }
}

#[tokio::test]
async fn an_inner_scope_wins() {
    let outer = World::new(Database::Sqlite, Place::Memory).await;
    let inner = World::new(Database::Sqlite, Place::Memory).await;
    let book = cold_book(&inner, "Emma").await.unwrap();
    outer.create_table(book::Entity).await;
    let read =
        outer.autocache.scope(inner.autocache.scope(async { book::Entity::cache().get(1).await })).await;
    assert_eq!(read.unwrap(), book);
    let found = outer.autocache.scope(async { book::Entity::cache().find(1).await }).await;
    assert_eq!(found.unwrap(), None);
}

/// Set in the process in which `an_installed_autocache_is_everywhere` may install one.
const CHILD: &str = "AUTOCACHE_TEST_INSTALLS";

#[tokio::test]
async fn an_installed_autocache_is_everywhere() {
    if std::env::var_os(CHILD).is_none() {
        let name = "app::an_installed_autocache_is_everywhere";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        return;
    }
    let world = World::new(Database::Sqlite, Place::Memory).await;
    let other = World::new(Database::Sqlite, Place::Memory).await;
    world.autocache.install().unwrap();
    assert_eq!(other.autocache.install(), Err(CacheError::InstalledAlready));
    assert_eq!(world.autocache.install(), Err(CacheError::InstalledAlready));
    world.create_table(book::Entity).await;
    other.create_table(book::Entity).await;
    let book = titled("Emma").insert(&world.plain).await.unwrap();
    let (read, sql, _) = world.cost(tokio::spawn(async { book::Entity::cache().get(1).await })).await;
    assert_eq!((read.unwrap().unwrap(), sql), (book, 0), "the plain connection's save was published");
    let found = other.autocache.scope(async { book::Entity::cache().find(1).await }).await;
    assert_eq!(found.unwrap(), None, "a scope wins over what is installed");
}

/// The remaining life of a saved row's key and of a deleted row's, in milliseconds; -1 has no end, -2
/// is not there.
async fn lives<E>(world: &World, rows: [E::Model; 2]) -> [i64; 2]
where
    E: CachedEntity + EntityTrait<PrimaryKey: sea_orm::PrimaryKeyTrait<ValueType = i64>>,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    world.create_table(E::default()).await;
    let redis = world.redis().await;
    let cache = world.autocache.cache::<E>();
    for row in rows.clone() {
        row.into_active_model().reset_all().insert(&world.db).await.unwrap();
    }
    let [_, gone] = rows;
    gone.delete(&world.db).await.unwrap();
    let mut lives = [0; 2];
    for (life, id) in lives.iter_mut().zip([1, 2]) {
        *life = redis.pttl(cache.make_key(id).unwrap()).await.unwrap();
    }
    // What readers put there lives as long.
    cache.invalidate_many([1, 2]).await.unwrap();
    let (found, absent) = (cache.find(1).await.unwrap(), cache.find(2).await.unwrap());
    assert!(found.is_some() && absent.is_none());
    for (life, id) in lives.iter().zip([1, 2]) {
        let read: i64 = redis.pttl(cache.make_key(id).unwrap()).await.unwrap();
        assert!((read - life).abs() < 4_000, "{read} and {life}");
    }
    lives
}

fn about(life: i64, seconds: i64) -> bool {
    (seconds * 1_000 - 4_000..=seconds * 1_000).contains(&life)
}

macro_rules! lives {
    ($world:expr, $entity:ident) => {{
        use settings::$entity::{Entity, Model};
        lives::<Entity>(&$world, [1, 2].map(|id| Model { id, note: String::new() })).await
    }};
}

#[tokio::test]
async fn entries_live_as_long_as_their_entity_says() {
    let world = World::new(Database::Sqlite, Place::Redis).await;
    let [row, absence] = lives!(world, renamed);
    assert!(about(row, 3_600) && about(absence, 3_600), "{row} {absence}");
    let [row, absence] = lives!(world, fleeting);
    assert!(about(row, 50) && about(absence, 5), "{row} {absence}");
    assert_eq!(lives!(world, forever), [-1, -1]);
    assert_eq!(lives!(world, never), [-2, -2]);
    let [row, absence] = lives!(world, living);
    assert!(about(row, 3_600) && absence == -2, "{row} {absence}");
}

#[tokio::test]
async fn entries_live_as_long_as_the_app_says_where_the_entity_does_not() {
    let (minutes, seconds) = (Duration::from_secs(600), Duration::from_secs(20));
    let world =
        World::with(Database::Sqlite, Place::Redis, |builder| builder.ttl(minutes).tombstone_ttl(seconds))
            .await;
    let [row, absence] = lives!(world, renamed);
    assert!(about(row, 600) && about(absence, 20), "{row} {absence}");
    let [row, absence] = lives!(world, fleeting);
    assert!(about(row, 50) && about(absence, 5), "{row} {absence}");
    let world = World::with(Database::Sqlite, Place::Redis, |builder| builder.ttl(seconds)).await;
    let [row, absence] = lives!(world, renamed);
    assert!(about(row, 20) && about(absence, 20), "{row} {absence}");
    let world = World::with(Database::Sqlite, Place::Redis, |builder| builder.ttl(Duration::MAX)).await;
    assert_eq!(lives!(world, renamed), [-1, -1]);
}

#[tokio::test]
async fn an_entity_that_is_never_cached_does_not_touch_the_store() {
    for place in [Place::Memory, Place::Redis] {
        let world = World::new(Database::Sqlite, place).await;
        world.create_table(settings::never::Entity).await;
        let row = settings::never::ActiveModel { note: Set("note".to_owned()), ..Default::default() };
        let row = row.insert(&world.db).await.unwrap();
        let cache = world.autocache.cache::<settings::never::Entity>();
        for _ in 0..2 {
            assert_eq!(cache.get(row.id).await.unwrap(), row);
        }
        assert_eq!(cache.get_many([row.id, 9]).await.unwrap(), [Some(row.clone()), None]);
        let id = row.id;
        row.delete(&world.db).await.unwrap();
        assert!(absent(&cache.get(id).await, "never", id));
        assert_eq!(world.stats().round_trips(), 0);
    }
}

#[tokio::test]
async fn a_bad_url_is_refused_without_its_password() {
    for url in ["redis://user:hunter2@host:notaport", "http://user:hunter2@host", "hunter2", ""] {
        let Err(error) = RedisStore::connect(url).await else { panic!("`{url}` was taken for a Redis URL") };
        assert_eq!(error.kind(), sea_orm_autocache::StoreErrorKind::Config, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_url_that_asks_for_tls_is_not_answered_in_the_clear() {
    for url in ["rediss://user:hunter2@127.0.0.1:9", "valkeys-cluster://user:hunter2@127.0.0.1:9"] {
        if fred::types::config::Config::from_url(url).is_ok_and(|config| config.uses_tls()) {
            continue;
        }
        let Err(error) = RedisStore::connect(url).await else { panic!("`{url}` was taken") };
        assert_eq!(error.kind(), sea_orm_autocache::StoreErrorKind::Config);
        assert!(error.to_string().contains("TLS") && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_no_error() {
    // Nobody listens on the port for discarding.
    let url = "redis://user:hunter2@127.0.0.1:9";
    let builder = RedisStore::builder(url);
    assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
    let store = RedisStore::connect(url).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
    let mut world = World::new(Database::Sqlite, Place::Memory).await;
    let builder = crate::support::builder(world.plain.clone()).app("app").backend("default", store);
    assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
    world.autocache = builder.build().unwrap();
    world.db = world.autocache.connection();
    assert!(!format!("{:?} {:?}", world.autocache, world.db).contains("hunter2"));

    world.create_table(book::Entity).await;
    let book = titled("Emma").insert(&world.db).await.unwrap();
    let cache = world.autocache.cache::<book::Entity>();
    let (read, sql, _) = world.cost(cache.get(book.id)).await;
    assert_eq!((read.unwrap(), sql), (book.clone(), 1));
    let changed = book::ActiveModel { rank: Set(2), ..book.into() }.update(&world.db).await.unwrap();
    assert_eq!(cache.get_many([changed.id, 9]).await.unwrap(), [Some(changed.clone()), None]);
    changed.delete(&world.db).await.unwrap();
    assert_eq!(cache.find(1).await.unwrap(), None);
    assert!(!cache.contains(1).await.unwrap());
    assert!(cache.invalidate(1).await.is_err(), "an invalidation that did not happen is an error");
}
