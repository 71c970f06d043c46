//! SeaORM's dense entities (`#[sea_orm::model]`): a nested save, and what was a nested load, through the cache.
//!
//! Runs on bundled SQLite and the memory store. With `REDIS_URL` set it runs on Redis.

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Schema, Set};
use sea_orm_autocache::prelude::*;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod writer {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "writer")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        #[sea_orm(has_many)]
        pub posts: HasMany<super::post::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

mod post {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "post")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub title: String,
        pub writer_id: i64,
        #[sea_orm(belongs_to, from = "writer_id", to = "id")]
        pub writer: BelongsTo<super::writer::Entity>,
        #[sea_orm(has_many, via = "post_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

mod tag {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub word: String,
        #[sea_orm(has_many, via = "post_tag")]
        pub posts: HasMany<super::post::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

mod post_tag {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "post_tag")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub post_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i64,
        #[sea_orm(belongs_to, from = "post_id", to = "id")]
        pub post: BelongsTo<super::post::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id")]
        pub tag: BelongsTo<super::tag::Entity>,
    }

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();

    let (database, statements) = counted_database().await?;
    let sql = || statements.swap(0, Ordering::Relaxed);
    let builder = Autocache::builder(database).app("blog");
    let autocache = match std::env::var("REDIS_URL") {
        Ok(url) => builder.backend("default", RedisStore::connect(&url).await?).build()?,
        Err(_) => builder.backend("default", MemoryStore::new(10_000)).build()?,
    };
    autocache.install()?;
    clear().await?;
    let db = autocache.connection();
    sql();

    let saved = writer::ActiveModel::builder()
        .set_name("Jane")
        .add_post(
            post::ActiveModel::builder()
                .set_title("Emma")
                .add_tag(tag::ActiveModel::builder().set_word("dry"))
                .add_tag(tag::ActiveModel::builder().set_word("wry")),
        )
        .save(&db)
        .await?;
    println!("{:<58} {:>2} SQL", "a nested save of a writer, a post and two tags", sql());

    let loaded = writer::Entity::load().with((post::Entity, tag::Entity)).all(&db).await?;
    println!("{:<58} {:>2} SQL", "Entity::load().with((Post, Tag)): the database", sql());

    for what in ["the same by parts, the lists for the first time", "the same again: the cache"] {
        let (writer, posts, tags) = page(1).await?;
        println!("{what:<58} {:>2} SQL", sql());
        assert_eq!((&writer.name, posts.len(), tags[0].len()), (&loaded[0].name, 1, 2));
    }

    let mut saved = saved;
    saved.posts[0].title = Set("Emma, revised".to_owned());
    saved.posts[0].tags.push(tag::ActiveModel::builder().set_word("new"));
    saved.save(&db).await?;
    println!("{:<58} {:>2} SQL", "a nested save of a title and a third tag", sql());

    let (_, posts, tags) = page(1).await?;
    println!("{:<58} {:>2} SQL", "the page: the rows from the cache, a list read anew", sql());
    assert_eq!((posts[0].title.as_str(), tags[0].len()), ("Emma, revised", 3));
    Ok(())
}

/// A writer, the posts, and the tags of each post.
async fn page(id: i64) -> Result<(writer::Model, Vec<post::Model>, Vec<Vec<tag::Model>>), DbErr> {
    let writer = writer::Entity::cache().get(id).await?;
    let posts = writer.cached_related(post::Entity).await?;
    let tags = posts.cached_load_many(tag::Entity).await?;
    Ok((writer, posts, tags))
}

/// An earlier run may have left its rows in Redis, and this database is new.
async fn clear() -> Result<(), DbErr> {
    writer::Entity::cache().clear().await?;
    post::Entity::cache().clear().await?;
    tag::Entity::cache().clear().await?;
    post_tag::Entity::cache().clear().await
}

/// A bundled in-memory database that counts its statements.
async fn counted_database() -> Result<(DatabaseConnection, Arc<AtomicU64>), DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).sqlx_logging(false);
    let mut database = Database::connect(options).await?;
    let schema = Schema::new(database.get_database_backend());
    for create in [
        schema.create_table_from_entity(writer::Entity),
        schema.create_table_from_entity(post::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(post_tag::Entity),
    ] {
        database.execute(&create).await?;
    }
    let statements = Arc::new(AtomicU64::new(0));
    let counter = statements.clone();
    database.set_metric_callback(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    Ok((database, statements))
}
