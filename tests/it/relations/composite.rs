//! Composite keys of an enum and a number. In PostgreSQL the enum is a type of its own, which compares with no
//! text.

use crate::entities::kept::{size_box, size_cup, tea_box, tea_cup};
use crate::entities::values::{Size, Tea};
use crate::entries::create_table;
use crate::support::{Database, World, each_world};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter,
    TransactionTrait,
};
use sea_orm_autocache::prelude::*;

/// The laws of one pair of entities, of which the first has an enum in its key.
macro_rules! laws {
    ($module:ident, $box:ident, $cup:ident, $one:expr, $other:expr) => {
        mod $module {
            use super::*;

            /// The statements of what is cached only where texts compare as they are written, when it is warm.
            fn warm(world: &World) -> u64 {
                let of_texts = stringify!($module) == "of_texts";
                u64::from(of_texts && world.database == Database::MariaDb)
            }

            /// Four boxes on two shelves, and two cups of the first box. All of them cold.
            async fn cold_boxes(world: &World) -> Result<(Vec<$box::Model>, Vec<$cup::Model>), DbErr> {
                create_table::<$box::Entity>(world).await?;
                world.create_table($cup::Entity).await;
                let mut boxes = Vec::new();
                for (kind, number, shelf) in [($one, 1, 1), ($one, 2, 1), ($other, 1, 2), ($other, 2, 1)] {
                    let note = format!("{kind:?} {number}");
                    let row = $box::Model { kind, number, shelf, note };
                    row.clone().into_active_model().reset_all().insert(&world.plain).await?;
                    boxes.push(row);
                }
                let mut cups = Vec::new();
                for id in [1, 2] {
                    let row = $cup::Model { id, kind: $one, number: 1, name: format!("cup {id}") };
                    row.clone().into_active_model().reset_all().insert(&world.plain).await?;
                    cups.push(row);
                }
                Ok((boxes, cups))
            }

            #[tokio::test]
            async fn many_are_read_by_their_keys() {
                each_world(|world| async move {
                    let (boxes, _) = cold_boxes(&world).await?;
                    let cache = world.autocache.cache::<$box::Entity>();
                    let keys = [($one, 2), ($other, 1), ($other, 9), ($one, 1)];
                    let expected =
                        vec![Some(boxes[1].clone()), Some(boxes[2].clone()), None, Some(boxes[0].clone())];
                    for statements in [1, warm(&world)] {
                        let (found, sql, _) = world.cost(cache.get_many(keys)).await;
                        assert_eq!((found?, sql), (expected.clone(), statements));
                    }
                    Ok(())
                })
                .await;
            }

            #[tokio::test]
            async fn a_list_of_them_is_read_and_kept() {
                each_world(|world| async move {
                    let (boxes, _) = cold_boxes(&world).await?;
                    let cache = world.autocache.cache::<$box::Entity>();
                    let of_shelf = [boxes[0].clone(), boxes[1].clone(), boxes[3].clone()];
                    for statements in [1, 0] {
                        let (listed, sql, _) = world.cost(cache.list_by($box::Column::Shelf, 1_i64)).await;
                        let mut listed = listed?;
                        listed.sort_by(|a, b| a.note.cmp(&b.note));
                        let mut expected = of_shelf.to_vec();
                        expected.sort_by(|a, b| a.note.cmp(&b.note));
                        assert_eq!((listed, sql), (expected, statements));
                    }
                    for statements in [1, warm(&world)] {
                        let (listed, sql, _) = world.cost(cache.list_by($box::Column::Kind, $other)).await;
                        assert_eq!((listed?, sql), (boxes[2..].to_vec(), statements));
                    }
                    // The entries of some of its rows are gone, and are read by their keys.
                    cache.invalidate_many([($other, 1), ($other, 2)]).await?;
                    let (listed, sql, _) = world.cost(cache.list_by($box::Column::Kind, $other)).await;
                    assert_eq!((listed?, sql), (boxes[2..].to_vec(), 1));
                    Ok(())
                })
                .await;
            }

            #[tokio::test]
            async fn related_rows_are_found_from_both_ends() {
                each_world(|world| async move {
                    let (boxes, cups) = cold_boxes(&world).await?;
                    let autocache = world.autocache.clone();
                    let scoped = autocache.scope(async {
                        for statements in [1, warm(&world)] {
                            let (found, sql, _) = world.cost(boxes[0].cached_related($cup::Entity)).await;
                            assert_eq!((found?, sql), (cups.clone(), statements));
                        }
                        for statements in [1, 0] {
                            let (found, sql, _) = world.cost(cups.cached_load_one($box::Entity)).await;
                            let owner = Some(boxes[0].clone());
                            assert_eq!((found?, sql), (vec![owner.clone(), owner], statements));
                        }
                        let lists = boxes.cached_load_many($cup::Entity).await?;
                        assert_eq!(lists, [cups.clone(), Vec::new(), Vec::new(), Vec::new()]);
                        Ok(())
                    });
                    scoped.await
                })
                .await;
            }

            #[tokio::test]
            async fn bulk_writes_are_exact_to_the_row() {
                each_world(|world| async move {
                    let (boxes, _) = cold_boxes(&world).await?;
                    let cache = world.autocache.cache::<$box::Entity>();
                    let keys = [($one, 1), ($one, 2), ($other, 1), ($other, 2)];
                    cache.get_many(keys).await?;
                    let update = $box::Entity::update_many()
                        .col_expr($box::Column::Note, Expr::value("new"))
                        .filter($box::Column::Kind.eq($one));
                    assert_eq!(update.exec_cached(&world.db).await?.rows_affected, 2);
                    let delete = $box::Entity::delete_many().filter($box::Column::Kind.eq($other));
                    let delete = delete.filter($box::Column::Number.eq(2));
                    assert_eq!(delete.exec_cached(&world.db).await?.rows_affected, 1);
                    let (found, sql, _) = world.cost(cache.get_many(keys)).await;
                    let found: Vec<_> = found?.into_iter().map(|row| row.map(|row| row.note)).collect();
                    let new = || Some("new".to_owned());
                    let expected = vec![new(), new(), Some(boxes[2].note.clone()), None];
                    assert_eq!((found, sql), (expected, warm(&world)));
                    Ok(())
                })
                .await;
            }

            #[tokio::test]
            async fn a_transaction_saves_and_deletes_them() {
                each_world(|world| async move {
                    let (boxes, _) = cold_boxes(&world).await?;
                    let cache = world.autocache.cache::<$box::Entity>();
                    cache.get_many([($one, 1), ($other, 2)]).await?;
                    let txn = world.db.begin().await?;
                    let changed = $box::Model { note: "new".to_owned(), ..boxes[0].clone() };
                    changed.clone().into_active_model().reset_all().update(&txn).await?;
                    boxes[3].clone().delete(&txn).await?;
                    txn.commit().await?;
                    let (found, sql, _) = world.cost(cache.get_many([($one, 1), ($other, 2)])).await;
                    assert_eq!((found?, sql), (vec![Some(changed), None], warm(&world)));
                    Ok(())
                })
                .await;
            }
        }
    };
}

laws!(of_a_type_of_its_own, tea_box, tea_cup, Tea::Everyday, Tea::Afternoon);
laws!(of_texts, size_box, size_cup, Size::Small, Size::Large);
