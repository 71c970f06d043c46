//! Dense entities (`#[sea_orm::model]`): their rows, the relations of their fields, their nested saves and loads.

use crate::entities::blog::{self, licence, photo, post, post_tag, tag, writer};
use crate::entities::mixed::{self, badge, club, member, member_team, team};
use crate::support::{World, each_world};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DbErr, EntityLoaderTrait, EntityTrait, IntoActiveModel,
    ModelTrait, QueryFilter, Set,
};
use sea_orm_autocache::prelude::*;

/// A writer with a licence and two posts, of which the first has a photo and two tags: one nested save.
async fn a_blog(world: &World) -> Result<writer::ActiveModelEx, DbErr> {
    blog::create_tables(&world.plain).await;
    writer::ActiveModel::builder()
        .set_name("Jane")
        .set_licence(licence::ActiveModel::builder().set_number("1"))
        .add_post(
            post::ActiveModel::builder()
                .set_title("Emma")
                .add_photo(photo::ActiveModel::builder().set_file("emma.jpg"))
                .add_tag(tag::ActiveModel::builder().set_word("dry"))
                .add_tag(tag::ActiveModel::builder().set_word("wry")),
        )
        .add_post(post::ActiveModel::builder().set_title("Persuasion"))
        .save(&world.db)
        .await
}

#[tokio::test]
async fn a_row_of_a_dense_entity_is_cached_as_any_other() {
    each_world(|world| async move {
        blog::create_tables(&world.plain).await;
        let new = tag::ActiveModel { word: Set("dry".to_owned()), ..Default::default() };
        let id = new.insert(&world.plain).await?.id;
        let cache = world.autocache.cache::<tag::Entity>();
        for expected in [1, 0] {
            let (row, sql, _) = world.cost(cache.get(id)).await;
            assert_eq!((row?.word.as_str(), sql), ("dry", expected));
        }
        let mut changed = cache.get(id).await?.into_active_model();
        changed.word = Set("wry".to_owned());
        let saved = changed.update(&world.db).await?;
        let (row, sql, _) = world.cost(cache.get(id)).await;
        assert_eq!((row?, sql), (saved.clone(), 0), "the save has published the row");
        saved.delete(&world.db).await?;
        let (row, sql, _) = world.cost(cache.find(id)).await;
        assert_eq!((row?, sql), (None, 0), "the delete has left a tombstone");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_field_of_a_dense_model_is_read_through_the_cache() {
    each_world(|world| async move {
        a_blog(&world).await?;
        let writer = writer::Entity::find_by_id(1).one(&world.plain).await?.expect("a writer");
        let emma = post::Entity::find_by_id(1).one(&world.plain).await?.expect("a post");
        let posts = post::Entity::find().filter(post::Column::WriterId.eq(1)).all(&world.plain).await?;
        let tags = tag::Entity::find().all(&world.plain).await?;
        let licence = licence::Entity::find().one(&world.plain).await?;
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            for warm in [false, true] {
                let before = world.sql();
                assert_eq!(writer.cached_related(post::Entity).await?, posts, "has many");
                assert_eq!(writer.cached_one(licence::Entity).await?, licence, "has one");
                assert_eq!(emma.cached_one(writer::Entity).await?.as_ref(), Some(&writer), "belongs to");
                assert_eq!(emma.cached_related(tag::Entity).await?, tags, "many to many");
                assert_eq!(tags[0].cached_related(post::Entity).await?, vec![emma.clone()], "and back");
                let loaded = posts.cached_load_many(tag::Entity).await?;
                assert_eq!(loaded, vec![tags.clone(), vec![]]);
                let loaded = posts.cached_load_one(writer::Entity).await?;
                assert_eq!(loaded, vec![Some(writer.clone()), Some(writer.clone())]);
                assert_eq!(world.sql() > before, !warm, "all lists are known the second time");
            }
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}

#[tokio::test]
async fn rows_and_lists_are_right_when_a_nested_save_has_returned() {
    each_world(|world| async move {
        let mut saved = a_blog(&world).await?;
        let writer = writer::Entity::find_by_id(1).one(&world.plain).await?.expect("a writer");
        let emma = post::Entity::find_by_id(1).one(&world.plain).await?.expect("a post");
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            assert_eq!(writer.cached_related(post::Entity).await?.len(), 2);
            assert_eq!(emma.cached_related(tag::Entity).await?.len(), 2);
            saved.name = Set("Jane Austen".to_owned());
            saved.posts[0].title = Set("Emma, revised".to_owned());
            saved.posts[0].tags.push(tag::ActiveModel::builder().set_word("new"));
            saved.posts.push(post::ActiveModel::builder().set_title("Sanditon"));
            let (saved, _, trips) = world.cost(saved.save(&world.db)).await;
            saved?;
            assert_eq!(trips, 2, "one transaction, whatever it holds");

            let (row, sql, _) = world.cost(writer::Entity::cache().get(1)).await;
            assert_eq!((row?.name.as_str(), sql), ("Jane Austen", 0));
            let (row, sql, _) = world.cost(post::Entity::cache().get(1)).await;
            assert_eq!((row?.title.as_str(), sql), ("Emma, revised", 0));
            for expected in [1, 0] {
                let (posts, sql, _) = world.cost(writer.cached_related(post::Entity)).await;
                let titles: Vec<String> = posts?.into_iter().map(|post| post.title).collect();
                assert_eq!(titles, ["Emma, revised", "Persuasion", "Sanditon"]);
                assert_eq!(sql, expected, "a list that was joined is emptied, and read once");
            }
            let words = emma.cached_related(tag::Entity).await?.into_iter().map(|tag| tag.word);
            assert_eq!(words.collect::<Vec<_>>(), ["dry", "wry", "new"]);
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}

#[tokio::test]
async fn entity_load_on_our_connection_reads_the_database_and_leaves_the_cache_alone() {
    each_world(|world| async move {
        a_blog(&world).await?;
        let load = || {
            let load = writer::Entity::load().with(licence::Entity).with((post::Entity, tag::Entity));
            load.order_by_id_asc()
        };
        let before = world.counts();
        let (ours, sql, trips) = world.cost(load().all(&world.db)).await;
        let ours = ours?;
        assert!(sql > 1, "a statement for each level");
        assert_eq!((trips, world.counts()), (0, before));
        assert_eq!(ours, load().all(&world.plain).await?);

        // And so it is as fresh as the database.
        let mut post = world.autocache.cache::<post::Entity>().get(1).await?.into_active_model();
        post.title = Set("Emma, revised".to_owned());
        post.update(&world.db).await?;
        let again = load().all(&world.db).await?;
        assert_eq!(
            (again[0].posts[0].title.as_str(), ours[0].posts[0].title.as_str()),
            ("Emma, revised", "Emma")
        );
        Ok(())
    })
    .await;
}

/// What a nested load returns is a `ModelEx`: it is followed through the cache as its `Model` is.
#[tokio::test]
async fn relations_are_followed_from_what_a_nested_load_returns() {
    each_world(|world| async move {
        a_blog(&world).await?;
        let load = writer::Entity::load().filter_by_id(1).with(post::Entity);
        let writer = load.one(&world.plain).await?.expect("a writer");
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            let posts = writer.cached_related(post::Entity).await?;
            assert_eq!(posts.len(), writer.posts.len());
            for (cached, loaded) in posts.iter().zip(writer.posts.iter()) {
                assert_eq!((cached.id, &cached.title), (loaded.id, &loaded.title));
            }
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}

#[tokio::test]
async fn a_nested_delete_of_a_dense_model_is_seen_in_rows_and_lists() {
    each_world(|world| async move {
        a_blog(&world).await?;
        let tags = tag::Entity::find().all(&world.plain).await?;
        let writer = writer::Entity::find_by_id(1).one(&world.plain).await?.expect("a writer");
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            assert_eq!(tags[0].cached_related(post::Entity).await?.len(), 1);
            assert_eq!(writer.cached_related(post::Entity).await?.len(), 2);
            let load = post::Entity::load().filter_by_id(1);
            load.one(&world.db).await?.expect("a post").delete(&world.db).await?;
            assert_eq!(post::Entity::cache().find(1).await?, None);
            assert_eq!(post_tag::Entity::cache().find((1, tags[0].id)).await?, None);
            assert!(tags[0].cached_related(post::Entity).await?.is_empty());
            let posts = writer.cached_related(post::Entity).await?;
            assert_eq!(posts.iter().map(|post| post.id).collect::<Vec<_>>(), [2]);
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}

#[tokio::test]
async fn compact_and_dense_entities_are_related_through_the_cache() {
    each_world(|world| async move {
        mixed::create_tables(&world.plain).await;
        let club = club::ActiveModel { name: Set("Whist".to_owned()), ..Default::default() };
        let club = club.insert(&world.db).await?;
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            assert!(club.cached_related(member::Entity).await?.is_empty());
            let emma = member::ActiveModel::builder()
                .set_club_id(club.id)
                .set_name("Emma")
                .add_badge(badge::ActiveModel::builder().set_text("host"))
                .save(&world.db)
                .await?;
            assert!(matches!(emma.id, ActiveValue::Unchanged(1)));
            let members = club.cached_related(member::Entity).await?;
            assert_eq!(members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["Emma"]);
            for (sql_expected, statements) in [("a miss or a hit", None), ("a hit", Some(0))] {
                let (parent, sql, _) = world.cost(members[0].cached_one(club::Entity)).await;
                assert_eq!(parent?.as_ref(), Some(&club));
                assert!(statements.is_none_or(|statements| sql == statements), "{sql_expected}: {sql}");
            }
            let badges = members[0].cached_related(badge::Entity).await?;
            assert_eq!(badges.len(), 1);
            members[0].clone().delete(&world.db).await?;
            assert_eq!(badge::Entity::cache().find(badges[0].id).await?, None, "a cascade");
            assert!(club.cached_related(member::Entity).await?.is_empty());
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}

#[tokio::test]
async fn a_many_to_many_list_is_in_the_order_of_its_junction() {
    each_world(|world| async move {
        mixed::create_tables(&world.plain).await;
        let club = club::ActiveModel { name: Set("Whist".to_owned()), ..Default::default() };
        let club_id = club.insert(&world.db).await?.id;
        let emma =
            member::ActiveModel { club_id: Set(club_id), name: Set("Emma".to_owned()), ..Default::default() };
        let emma = emma.insert(&world.db).await?;
        let autocache = world.autocache.clone();
        let run = autocache.scope(async {
            for (name, place) in [("red", 2), ("blue", 1)] {
                let team = team::ActiveModel { name: Set(name.to_owned()), ..Default::default() };
                let team_id = team.insert(&world.db).await?.id;
                let joined = member_team::ActiveModel {
                    member_id: Set(emma.id),
                    team_id: Set(team_id),
                    place: Set(place),
                };
                joined.insert(&world.db).await?;
            }
            for expected in [["blue", "red"], ["red", "blue"]] {
                let teams = emma.cached_related(team::Entity).await?;
                assert_eq!(teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), expected);
                let first = member_team::Entity::cache().get((emma.id, teams[0].id)).await?;
                let mut last = first.into_active_model();
                last.place = Set(3);
                last.update(&world.db).await?;
            }
            Ok(())
        });
        Box::pin(run).await
    })
    .await;
}
