//! The rows under torture. Every write gives its row a revision that no other write has.

use crate::families::{self, child, parent};
use sea_orm::ActiveValue::{NotSet, Set, Unchanged};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
};
use sea_orm_autocache::prelude::*;
use std::future::Future;

/// Rows whose primary keys the program chooses.
pub mod slot {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "slot")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub rev: i64,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// The same rows, as another entity of their table.
pub mod twin {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "slot")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub body: String,
        pub rev: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {
        fn model_name() -> std::borrow::Cow<'static, str> {
            "twin".into()
        }
    }
    connect_signals!(ActiveModel);
}

/// The same rows once more: a save of one may change another, by a hook and a statement that runs none.
pub mod pusher {
    use super::slot;
    use crate::history::Outcome;
    use crate::operations::outcome_of;
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;
    use std::sync::{Arc, OnceLock};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "slot")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub rev: i64,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {
        fn model_name() -> std::borrow::Cow<'static, str> {
            "pusher".into()
        }
    }

    /// What the hook of a save does.
    #[derive(Clone, Debug)]
    pub struct Push {
        pub id: i64,
        pub rev: i64,
        pub outcome: Arc<OnceLock<Outcome>>,
    }

    tokio::task_local! {
        pub static PUSH: Push;
    }

    connect_signals! {
        #[async_trait::async_trait]
        impl ActiveModelBehavior for ActiveModel {
            async fn before_save<C: ConnectionTrait>(self, db: &C, _insert: bool) -> Result<Self, DbErr> {
                let Ok(Push { id, rev, outcome }) = PUSH.try_with(Clone::clone) else { return Ok(self) };
                let update = slot::Entity::update_many()
                    .col_expr(slot::Column::Rev, Expr::value(rev))
                    .col_expr(slot::Column::Body, Expr::value(super::body_of(rev)));
                let pushed = update.filter(slot::Column::Id.eq(id)).exec(db).await;
                let _ = outcome.set(match &pushed {
                    Ok(done) if done.rows_affected > 0 => Outcome::Committed,
                    Ok(_) => Outcome::Nothing,
                    Err(error) => outcome_of(error),
                });
                pushed.map(|_| self)
            }
        }
    }
}

/// Rows whose primary keys the database makes.
pub mod born {
    use sea_orm::entity::prelude::*;
    use sea_orm_autocache::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "born")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub rev: i64,
        pub body: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl CachedEntity for Entity {}
    connect_signals!(ActiveModel);
}

/// What both kinds of rows have in common.
pub trait Rows: CachedEntity {
    /// How the history names the table.
    const TABLE: char;
    /// The row's revision, if the row is whole.
    fn rev(model: &Self::Model) -> Option<i64>;
    fn row(cached: &Autocache, id: i64) -> impl Future<Output = Result<Option<Self::Model>, DbErr>> + Send;
    fn rows(
        cached: &Autocache,
        ids: &[i64],
    ) -> impl Future<Output = Result<Vec<Option<Self::Model>>, DbErr>> + Send;
    fn row_in(
        cached: &Autocache,
        txn: &CachedTransaction,
        id: i64,
    ) -> impl Future<Output = Result<Option<Self::Model>, DbErr>> + Send;
    /// A save without changes.
    fn save_as_is(
        db: &impl ConnectionTrait,
        model: Self::Model,
    ) -> impl Future<Output = Result<(), DbErr>> + Send;
    /// Whether there was such a row.
    fn delete_row(db: &impl ConnectionTrait, id: i64) -> impl Future<Output = Result<bool, DbErr>> + Send;
}

/// Rows that are in no list.
pub trait Flat: Rows {
    /// `None`: the database makes the key.
    fn insert_row(
        db: &impl ConnectionTrait,
        id: Option<i64>,
        rev: i64,
    ) -> impl Future<Output = Result<i64, DbErr>> + Send;
    fn update_row(
        db: &impl ConnectionTrait,
        id: i64,
        rev: i64,
    ) -> impl Future<Output = Result<(), DbErr>> + Send;
}

macro_rules! rows {
    ($module:ident, $table:literal) => {
        impl Rows for $module::Entity {
            const TABLE: char = $table;

            fn rev(model: &Self::Model) -> Option<i64> {
                (model.body == body_of(model.rev)).then_some(model.rev)
            }

            async fn row(cached: &Autocache, id: i64) -> Result<Option<Self::Model>, DbErr> {
                cached.cache::<Self>().find(id).await
            }

            async fn rows(cached: &Autocache, ids: &[i64]) -> Result<Vec<Option<Self::Model>>, DbErr> {
                cached.cache::<Self>().get_many(ids.to_vec()).await
            }

            async fn row_in(
                cached: &Autocache,
                txn: &CachedTransaction,
                id: i64,
            ) -> Result<Option<Self::Model>, DbErr> {
                cached.cache::<Self>().on(txn).find(id).await
            }

            async fn save_as_is(db: &impl ConnectionTrait, model: Self::Model) -> Result<(), DbErr> {
                model.into_active_model().update(db).await.map(drop)
            }

            async fn delete_row(db: &impl ConnectionTrait, id: i64) -> Result<bool, DbErr> {
                let row = $module::ActiveModel { id: Unchanged(id), ..Default::default() };
                Ok(row.delete(db).await?.rows_affected > 0)
            }
        }
    };
}

macro_rules! flat {
    ($module:ident) => {
        impl Flat for $module::Entity {
            async fn insert_row(db: &impl ConnectionTrait, id: Option<i64>, rev: i64) -> Result<i64, DbErr> {
                let id = id.map_or(NotSet, Set);
                let row = $module::ActiveModel { id, rev: Set(rev), body: Set(body_of(rev)) };
                Ok(row.insert(db).await?.id)
            }

            /// A save, or, now and then, a statement that runs no hooks and names its row.
            async fn update_row(db: &impl ConnectionTrait, id: i64, rev: i64) -> Result<(), DbErr> {
                let row = $module::ActiveModel { id: Unchanged(id), rev: Set(rev), body: Set(body_of(rev)) };
                match rev % 8 {
                    0 => $module::Entity::update(row).exec(db).await.map(drop),
                    1 => {
                        let update = $module::Entity::update_many().set(row);
                        let updated = update.filter($module::Column::Id.is_in([id])).exec(db).await?;
                        if updated.rows_affected == 0 { Err(DbErr::RecordNotUpdated) } else { Ok(()) }
                    }
                    _ => row.update(db).await.map(drop),
                }
            }
        }
    };
}

rows!(slot, 's');
rows!(twin, 's');
rows!(pusher, 's');
rows!(born, 'b');
rows!(child, 'c');
flat!(slot);
flat!(twin);
flat!(pusher);
flat!(born);

/// What stands beside a revision: a row that was put together from two writes is noticed.
pub fn body_of(rev: i64) -> String {
    format!("row of revision {rev}")
}

/// The append-only log of what was committed. Triggers write it, in the transaction of each write and under
/// its row lock: for each row, the order of `seq` is the order of commits.
pub async fn create_tables(db: &impl ConnectionTrait) {
    let schema = sea_orm::Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(slot::Entity)).await.expect("a table");
    db.execute(&schema.create_table_from_entity(born::Entity)).await.expect("a table");
    db.execute(&schema.create_table_from_entity(parent::Entity)).await.expect("a table");
    db.execute(&schema.create_table_from_entity(child::Entity)).await.expect("a table");
    families::generate(db).await;
    families::settle(db).await;
    let (seq, kind) = match db.get_database_backend() {
        sea_orm::DbBackend::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT"),
        sea_orm::DbBackend::Postgres => ("BIGSERIAL PRIMARY KEY", "TEXT"),
        _ => ("BIGINT AUTO_INCREMENT PRIMARY KEY", "VARCHAR(1)"),
    };
    let table = format!(
        "CREATE TABLE audit (seq {seq}, origin {kind} NOT NULL, kind {kind} NOT NULL, id BIGINT NOT NULL, rev \
         BIGINT NOT NULL, place BIGINT NOT NULL)"
    );
    db.execute_unprepared(&table).await.expect("a table");
    for table in ["slot", "born", "child"] {
        for (event, row) in [("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")] {
            for statement in trigger(db, table, event, row) {
                db.execute_unprepared(&statement).await.expect("a trigger");
            }
        }
    }
}

fn trigger(db: &impl ConnectionTrait, table: &str, event: &str, row: &str) -> Vec<String> {
    let (origin, kind, name) = (&table[..1], &event[..1], format!("{table}_{event}"));
    let place = if table == "child" { format!("{row}.parent_id") } else { "0".to_owned() };
    let values = format!("'{origin}', '{kind}', {row}.id, {row}.rev, {place}");
    let insert = format!("INSERT INTO audit (origin, kind, id, rev, place) VALUES ({values});");
    let head = format!("CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW");
    if db.get_database_backend() == sea_orm::DbBackend::Postgres {
        let function = format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {insert} RETURN NULL; END$$"
        );
        return vec![function, format!("{head} EXECUTE FUNCTION {name}()")];
    }
    vec![format!("{head} BEGIN {insert} END")]
}
