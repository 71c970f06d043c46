//! Everything that SeaORM does with a connection, with ours.

use crate::entities::blog::{self, post, writer};
use crate::entities::book;
use crate::laws::titled;
use crate::support::{Database, World, each_world};
use futures_util::TryStreamExt;
use sea_orm::{
    AccessMode, ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IsolationLevel,
    LoaderTrait, PaginatorTrait, QueryFilter, QueryOrder, Set, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

async fn three_books(world: &World) -> Result<Vec<book::Model>, DbErr> {
    world.create_table(book::Entity).await;
    let mut books = Vec::new();
    for title in ["Emma", "Persuasion", "Sanditon"] {
        books.push(titled(title).insert(&world.db).await?);
    }
    Ok(books)
}

/// As a program writes it that does not care what its connection is.
async fn retitle<C: ConnectionTrait>(db: &C, id: i64, title: &str) -> Result<book::Model, DbErr> {
    let row = book::Entity::find_by_id(id).one(db).await?.ok_or(DbErr::RecordNotUpdated)?;
    book::ActiveModel { title: Set(title.to_owned()), ..row.into() }.update(db).await
}

#[tokio::test]
async fn queries_streams_and_pages_run_on_a_cached_connection() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let ordered = || book::Entity::find().order_by_asc(book::Column::Id);
        assert_eq!(ordered().all(&world.db).await?, books);
        assert_eq!(
            ordered().filter(book::Column::Title.eq("Emma")).one(&world.db).await?,
            Some(books[0].clone())
        );
        let streamed: Vec<book::Model> = ordered().stream(&world.db).await?.try_collect().await?;
        assert_eq!(streamed, books);
        let pages = ordered().paginate(&world.db, 2);
        assert_eq!((pages.num_items().await?, pages.num_pages().await?), (3, 2));
        assert_eq!(pages.fetch_page(1).await?, books[2..]);
        assert_eq!(book::Entity::find().count(&world.db).await?, 3);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn queries_streams_and_pages_run_in_a_cached_transaction() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let transaction = world.db.begin().await?;
        let changed = retitle(&transaction, books[0].id, "Emma, revised").await?;
        let ordered = || book::Entity::find().order_by_asc(book::Column::Id);
        let streamed: Vec<book::Model> = ordered().stream(&transaction).await?.try_collect().await?;
        assert_eq!(streamed[0], changed);
        assert_eq!(ordered().paginate(&transaction, 1).fetch_page(0).await?, [changed]);
        transaction.rollback().await?;
        assert_eq!(ordered().all(&world.db).await?, books);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn loaders_run_on_both() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let writer = writer::ActiveModel { name: Set("Jane".to_owned()), ..Default::default() };
        let writer = writer.insert(&world.db).await?;
        let mut posts = Vec::new();
        for title in ["one", "two"] {
            let post = post::ActiveModel {
                title: Set(title.to_owned()),
                writer_id: Set(writer.id),
                ..Default::default()
            };
            posts.push(post.insert(&world.db).await?);
        }
        let writers = vec![writer];
        assert_eq!(writers.load_many(post::Entity, &world.db).await?, [posts.clone()]);
        assert_eq!(
            posts.load_one(writer::Entity, &world.db).await?,
            [Some(writers[0].clone()), Some(writers[0].clone())]
        );
        let transaction = world.db.begin().await?;
        assert_eq!(writers.load_many(post::Entity, &transaction).await?, [posts]);
        transaction.commit().await
    })
    .await;
}

#[tokio::test]
async fn closures_with_a_level_commit_and_roll_back() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let id = books[0].id;
        let level = (world.database != Database::Sqlite).then_some(IsolationLevel::Serializable);
        let access = (world.database != Database::Sqlite).then_some(AccessMode::ReadWrite);
        let changed = world
            .db
            .transaction_with_config::<_, _, DbErr>(
                move |transaction| Box::pin(async move { retitle(transaction, id, "serial").await }),
                level,
                access,
            )
            .await
            .expect("a commit");
        let (read, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!((read?, sql), (changed, 0));
        let failed = world.db.transaction_with_config_async(
            async |transaction| {
                retitle(transaction, id, "never").await?;
                Err::<(), _>(DbErr::Custom("no".to_owned()))
            },
            level,
            access,
        );
        assert!(failed.await.is_err());
        let (read, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!((read?.title.as_str(), sql), ("serial", 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_transaction_begun_with_options_publishes_when_it_commits() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let sqlite = world.database == Database::Sqlite;
        let options = TransactionOptions {
            isolation_level: (!sqlite).then_some(IsolationLevel::ReadCommitted),
            sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = world.db.begin_with_options(options).await?;
        let (read, sql, _) = world.cost(cache.on(&transaction).get(books[1].id)).await;
        assert_eq!((read?, sql), (books[1].clone(), u64::from(sqlite)), "what is committed, from the cache");
        let savepoint = transaction.begin_with_options(TransactionOptions::default()).await?;
        let changed = retitle(&savepoint, books[0].id, "Emma, revised").await?;
        savepoint.commit().await?;
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get(books[0].id)).await;
        assert_eq!((read?, sql), (changed, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn connections_and_transactions_go_to_other_tasks() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        let (db, id) = (world.db.clone(), books[0].id);
        let changed = tokio::spawn(async move { retitle(&db, id, "from a task").await });
        let changed = changed.await.expect("no panic")?;
        let (read, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!((read?, sql), (changed, 0));
        let transaction = world.db.begin().await?;
        let written = tokio::spawn(async move {
            let changed = retitle(&transaction, id, "from another").await;
            (transaction, changed)
        });
        let (transaction, changed) = written.await.expect("no panic");
        tokio::spawn(transaction.commit()).await.expect("no panic")?;
        let (read, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!((read?, sql), (changed?, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_function_over_any_connection_takes_both() {
    each_world(|world| async move {
        let books = three_books(&world).await?;
        let cache = world.autocache.cache::<book::Entity>();
        retitle(&world.db, books[0].id, "by itself").await?;
        assert_eq!(cache.get(books[0].id).await?.title, "by itself");
        let transaction = world.db.begin().await?;
        retitle(&transaction, books[0].id, "in a transaction").await?;
        let savepoint = transaction.begin().await?;
        retitle(&savepoint, books[1].id, "in a savepoint").await?;
        savepoint.commit().await?;
        transaction.commit().await?;
        let (read, sql, _) = world.cost(cache.get_many([books[0].id, books[1].id])).await;
        let titles: Vec<String> = read?.into_iter().flatten().map(|row| row.title).collect();
        assert_eq!((titles, sql), (vec!["in a transaction".to_owned(), "in a savepoint".to_owned()], 0));
        Ok(())
    })
    .await;
}
