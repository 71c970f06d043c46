//! Two entities of one table, with other keys and other indexes, and a view of it.

use crate::support::World;
use sea_orm::ConnectionTrait;

entity! {
    item, "item",
    { #[sea_orm(primary_key)] id: i64, code: i64, shelf: i64, },
    {
        impl CachedEntity for Entity {}
        connect_signals!(ActiveModel);
    }
}

entity! {
    /// The same rows, by their codes.
    coded, "item",
    { #[sea_orm(primary_key, auto_increment = false)] code: i64, shelf: i64, },
    {
        impl CachedEntity for Entity {
            fn model_name() -> std::borrow::Cow<'static, str> {
                "coded".into()
            }
            fn indexes() -> Vec<Index<Self>> {
                vec![Index::many([Column::Shelf])]
            }
        }
        connect_signals!(ActiveModel);
    }
}

entity! {
    /// How many items a shelf has.
    shelf, "shelf_count",
    { #[sea_orm(primary_key, auto_increment = false)] id: i64, items: i64, },
    {
        impl CachedEntity for Entity {
            const DEPENDS_ON: &'static [&'static str] = &["item"];
        }
        connect_signals!(ActiveModel);
    }
}

pub async fn create_tables(world: &World) {
    world.create_table(item::Entity).await;
    let view = "CREATE VIEW shelf_count AS SELECT shelf AS id, COUNT(*) AS items FROM item GROUP BY shelf";
    world.plain.execute_unprepared(view).await.expect("a view");
}
