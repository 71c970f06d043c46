//! Lists after SeaORM's nested saves and deletes, junction rows included.

use crate::entities::blog::{self, photo, post, post_tag, tag, writer};
use crate::support::{World, each_world};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ModelTrait, QueryFilter, Set};
use sea_orm_autocache::prelude::*;

/// Asserts that the cache and the database agree on every list of everybody, twice.
async fn all_lists_agree(world: &World) -> Result<(), DbErr> {
    for writer in writer::Entity::find().all(&world.plain).await? {
        for _ in 0..2 {
            let posts = writer.cached_related(post::Entity).await?;
            assert_eq!(posts, writer.find_related(post::Entity).all(&world.plain).await?);
            for post in posts {
                let mut tags = post.find_related(tag::Entity).all(&world.plain).await?;
                tags.sort_by_key(|tag| tag.id);
                assert_eq!(post.cached_related(tag::Entity).await?, tags);
                let photos = post.find_related(photo::Entity).all(&world.plain).await?;
                assert_eq!(post.cached_related(photo::Entity).await?, photos);
                assert_eq!(post.cached_one(writer::Entity).await?.as_ref(), Some(&writer));
            }
        }
    }
    for tag in tag::Entity::find().all(&world.plain).await? {
        let mut posts = tag.find_related(post::Entity).all(&world.plain).await?;
        posts.sort_by_key(|post| post.id);
        assert_eq!(tag.cached_related(post::Entity).await?, posts);
    }
    Ok(())
}

#[tokio::test]
async fn nested_saves_and_deletes_keep_every_list() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            let saved = writer::ActiveModel::builder()
                .set_name("Jane")
                .add_post(
                    post::ActiveModel::builder()
                        .set_title("Emma")
                        .add_photo(photo::ActiveModel::builder().set_file("emma.jpg"))
                        .add_tag(tag::ActiveModel::builder().set_word("dry")),
                )
                .add_post(post::ActiveModel::builder().set_title("Persuasion"))
                .save(&world.db)
                .await?;
            all_lists_agree(&world).await?;
            let mut saved = saved;
            saved.posts[0].tags.push(tag::ActiveModel::builder().set_word("wry"));
            saved.posts[1].photos.push(photo::ActiveModel::builder().set_file("bath.jpg"));
            saved.save(&world.db).await?;
            all_lists_agree(&world).await?;
            // By hand: a junction row goes, another comes.
            post_tag::Entity::find_by_id((1, 1))
                .one(&world.plain)
                .await?
                .expect("a link")
                .delete(&world.db)
                .await?;
            post_tag::ActiveModel { post_id: Set(2), tag_id: Set(1) }.insert(&world.db).await?;
            all_lists_agree(&world).await?;
            // A nested delete removes junction rows without a hook.
            let post =
                post::Entity::load().filter(post::Column::Id.eq(1)).one(&world.plain).await?.expect("a post");
            post.delete(&world.db).await?;
            all_lists_agree(&world).await
        });
        Box::pin(run).await
    })
    .await;
}
