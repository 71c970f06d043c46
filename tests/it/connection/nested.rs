//! Nested saves and deletes: SeaORM's `ActiveModelEx` and `ModelEx`, each in a transaction of its own.

use crate::entities::blog::{self, licence, photo, post, post_tag, tag, writer};
use crate::support::{Database, World, each_world};
use sea_orm::{ActiveHasMany, ActiveModelBehavior, IntoActiveModel};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, Set, TransactionTrait};

/// Asserts that the row is a hit and is what the database holds.
macro_rules! is_published {
    ($world:expr, $entity:ident, $pk:expr) => {{
        let pk = $pk;
        let row = $entity::Entity::find_by_id(pk).one(&$world.plain).await?;
        let (read, sql, _) = $world.cost($world.autocache.cache::<$entity::Entity>().find(pk)).await;
        assert_eq!((read?, sql), (row, 0), "{} {pk:?}", stringify!($entity));
    }};
}

/// A writer with a licence and a post with a photo and two tags, one of which is there already.
async fn save_all<C: TransactionTrait + ConnectionTrait>(db: &C) -> Result<writer::ActiveModelEx, DbErr> {
    let old = tag::ActiveModel { word: Set("old".to_owned()), ..Default::default() }.insert(db).await?;
    writer::ActiveModel::builder()
        .set_name("Jane")
        .set_licence(licence::ActiveModel::builder().set_number("1"))
        .add_post(
            post::ActiveModel::builder()
                .set_title("Emma")
                .add_photo(photo::ActiveModel::builder().set_file("emma.jpg"))
                .add_tag(old.into_active_model())
                .add_tag(tag::ActiveModel::builder().set_word("new")),
        )
        .save(db)
        .await
}

/// Asserts that all that `save_all` has saved in an empty database is in the cache.
async fn all_is_published(world: &World) -> Result<(), DbErr> {
    is_published!(world, writer, 1);
    is_published!(world, licence, 1);
    is_published!(world, post, 1);
    is_published!(world, photo, 1);
    is_published!(world, tag, 1);
    is_published!(world, tag, 2);
    is_published!(world, post_tag, (1, 1));
    is_published!(world, post_tag, (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_nested_save_publishes_every_row() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let (saved, _, trips) = world.cost(save_all(&world.db)).await;
        assert_eq!(trips, 1 + 2, "the tag's insert, and the nested save's transaction");
        all_is_published(&world).await?;
        let mut saved = saved?;
        saved.name = Set("Jane Austen".to_owned());
        saved.posts[0].title = Set("Emma, revised".to_owned());
        let (saved, _, trips) = world.cost(saved.save(&world.db)).await;
        saved?;
        assert_eq!(trips, 2);
        is_published!(world, writer, 1);
        is_published!(world, licence, 1);
        let (read, sql, _) = world.cost(world.autocache.cache::<post::Entity>().get(1)).await;
        assert_eq!((read?.title.as_str(), sql), ("Emma, revised", 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_nested_save_in_a_transaction_publishes_every_row_when_it_commits() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let transaction = world.db.begin().await?;
        let (saved, _, trips) = world.cost(save_all(&transaction)).await;
        saved?;
        assert_eq!(trips, 0);
        let (committed, _, trips) = world.cost(transaction.commit()).await;
        committed?;
        assert_eq!(trips, 2);
        all_is_published(&world).await
    })
    .await;
}

#[tokio::test]
async fn a_nested_save_that_is_rolled_back_publishes_nothing() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let transaction = world.db.begin().await?;
        save_all(&transaction).await?;
        transaction.rollback().await?;
        assert_eq!(world.counts().publishes, 0);
        for id in 1..=2 {
            assert_eq!(world.autocache.cache::<writer::Entity>().find(id).await?, None);
            assert_eq!(world.autocache.cache::<tag::Entity>().find(id).await?, None);
            assert_eq!(world.autocache.cache::<post_tag::Entity>().find((1, id)).await?, None);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_nested_save_that_fails_half_way_leaves_nothing_stale() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let mut saved = save_all(&world.db).await?;
        saved.name = Set("Jane Austen".to_owned());
        // A post that is not there cannot be updated.
        let nowhere = post::ActiveModel {
            id: sea_orm::Unchanged(404),
            title: Set("?".to_owned()),
            ..ActiveModelBehavior::new()
        };
        saved.posts.push(nowhere);
        assert!(saved.save(&world.db).await.is_err());
        assert_eq!(world.autocache.cache::<writer::Entity>().get(1).await?.name, "Jane");
        assert_eq!(world.autocache.cache::<post::Entity>().find(404).await?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn replacing_children_deletes_or_orphans_them_in_the_cache_too() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let mut saved = save_all(&world.db).await?;
        saved.posts[0].photos = ActiveHasMany::Replace(Vec::new());
        saved.posts[0].tags = ActiveHasMany::Replace(Vec::new());
        let saved = saved.save(&world.db).await?;
        is_published!(world, photo, 1);
        assert_eq!(
            world.autocache.cache::<photo::Entity>().get(1).await?.post_id,
            None,
            "without a post now"
        );
        // The hooks of junction rows run where rows are replaced.
        is_published!(world, post_tag, (1, 1));
        is_published!(world, post_tag, (1, 2));
        let mut saved = saved;
        saved.posts = ActiveHasMany::Replace(Vec::new());
        saved.save(&world.db).await?;
        is_published!(world, post, 1);
        assert_eq!(world.autocache.cache::<post::Entity>().find(1).await?, None);
        Ok(())
    })
    .await;
}

/// SeaORM announces the insert of every junction row, and then inserts those that are missing. What it
/// did not insert it tells of only on a database that returns no rows, where it looks them up.
#[tokio::test]
async fn junction_rows_that_are_there_already_stay_right_in_a_nested_save() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let mut saved = save_all(&world.db).await?;
        let junctions = world.autocache.cache::<post_tag::Entity>();
        assert!(junctions.contains((1, 1)).await?);
        saved.posts[0].title = Set("Emma, revised".to_owned());
        saved.save(&world.db).await?;
        let looked_up = world.database == Database::MariaDb;
        assert_eq!(junctions.contains((1, 1)).await?, looked_up);
        let row = post_tag::Entity::find_by_id((1, 1)).one(&world.plain).await?;
        assert_eq!(junctions.find((1, 1)).await?, row);
        is_published!(world, post_tag, (1, 1));
        Ok(())
    })
    .await;
}

/// SeaORM deletes them in one statement without any hook; the guard sees it.
#[tokio::test]
async fn junction_rows_that_a_nested_delete_removes_are_not_read_again() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        save_all(&world.db).await?;
        let writer = writer::Entity::find_by_id(1).one(&world.plain).await?.expect("a writer");
        // The photo has lost its post, which is a change and no delete.
        assert_eq!(writer.cascade_delete(&world.db).await?.rows_affected, 5);
        is_published!(world, writer, 1);
        is_published!(world, licence, 1);
        is_published!(world, post, 1);
        is_published!(world, photo, 1);
        let junctions = world.autocache.cache::<post_tag::Entity>();
        for id in [1, 2] {
            assert_eq!(post_tag::Entity::find_by_id((1, id)).one(&world.plain).await?, None);
            assert_eq!(junctions.find((1, id)).await?, None);
        }
        assert_eq!(junctions.get_many([(1, 1), (1, 2)]).await?, [None, None]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_nested_save_on_a_plain_connection_is_a_plain_transaction() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let mut saved = save_all(&world.db).await?;
        saved.name = Set("Jane Austen".to_owned());
        let cache = world.autocache.cache::<writer::Entity>();
        assert!(cache.contains(1).await?);
        world.autocache.scope(saved.save(&world.plain)).await?;
        for _ in 0..2 {
            assert_eq!(cache.get(1).await?.name, "Jane Austen");
            assert!(!cache.contains(1).await?, "there was no COMMIT yet");
        }
        Ok(())
    })
    .await;
}
