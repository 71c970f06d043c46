use super::guard::{heed_policy, warn_once};
use super::written::{Concerned, Site, Untracked, only_reads};
use crate::autocache::Autocache;
use sea_orm::{DatabaseConnection, Statement};

impl Autocache {
    /// The database as a plain `DatabaseConnection`, for code that takes no other type: its writes reach the cache,
    /// also those without hooks.
    ///
    /// SeaORM tells of each statement right after it, on this connection, in transactions that are begun on it, and
    /// in streams when they are dropped. So what a statement writes is distrusted in this process before its call
    /// returns, and invalidated in the store right after, in the background. Nobody sees a `COMMIT` there, so it
    /// stays distrusted here for [`transaction_intent_ttl`](crate::AutocacheBuilder::transaction_intent_ttl), and is
    /// then invalidated once more. Writes that hooks announce are not invalidated beside: as on every plain
    /// connection they publish or bypass their rows, if this Autocache is [installed](Self::install) or in
    /// [scope](Self::scope), and this connection invalidates the rows if it is not.
    /// [docs/consistency.md](crate::_docs::consistency#by-connection) has a table of what holds.
    ///
    /// - `execute_unprepared`, and a statement whose future is dropped, are not seen.
    /// - A statement cannot be refused after it has run:
    ///   [`UntrackedWrites::Refuse`](crate::UntrackedWrites::Refuse) warns once, and invalidates.
    /// - A failed statement counts as one that has written: the error does not say what it has changed.
    /// - It is SeaORM's metric callback. Setting another on this connection ends all this, and one that the database
    ///   has is not called from here. SeaORM has none for mock and proxy connections: nothing is seen on these.
    /// - [`connection()`](Self::connection) holds more, and serves hits while it writes. Prefer it where the type is
    ///   yours to choose.
    ///
    /// ```standalone_crate
    /// # mod book {
    /// #     use sea_orm::entity::prelude::*;
    /// #     use sea_orm_autocache::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    /// #     #[sea_orm(table_name = "book")]
    /// #     pub struct Model { #[sea_orm(primary_key)] pub id: i64, pub title: String }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl CachedEntity for Entity {}
    /// #     connect_signals!(ActiveModel);
    /// # }
    /// use sea_orm::sea_query::Expr;
    /// use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr, EntityTrait, Schema, Set};
    /// use sea_orm_autocache::prelude::*;
    ///
    /// // Not your code, or not your choice.
    /// async fn retitle(db: &DatabaseConnection) -> Result<(), DbErr> {
    ///     book::Entity::update_many().col_expr(book::Column::Title, Expr::value("Emma")).exec(db).await?;
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut options = sea_orm::ConnectOptions::new("sqlite::memory:");
    /// # options.max_connections(1);
    /// # let database = Database::connect(options).await?;
    /// # let create = Schema::new(database.get_database_backend()).create_table_from_entity(book::Entity);
    /// # database.execute(&create).await?;
    /// # let builder = Autocache::builder(database).app("shop").backend("default", MemoryStore::new(10_000));
    /// # let autocache = builder.build()?;
    /// # let draft = book::ActiveModel { id: Set(1), title: Set("Draft".into()) };
    /// # book::Entity::insert(draft).exec_without_returning(&autocache.connection()).await?;
    /// let books = autocache.cache::<book::Entity>();
    /// assert_eq!(books.get(1).await?.title, "Draft");
    /// retitle(&autocache.observed()).await?;
    /// assert_eq!(books.get(1).await?.title, "Emma");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn observed(&self) -> DatabaseConnection {
        let (mut observed, autocache) = (self.database().clone(), self.clone());
        observed.set_metric_callback(move |info| has_run(&autocache, info.statement));
        observed
    }
}

/// Distrusts what a statement has written, or may have, and no hook has announced. SeaORM waits for this, so it does
/// not wait for anything itself.
fn has_run(autocache: &Autocache, statement: &Statement) {
    if only_reads(autocache, statement) || !autocache.has_regions() {
        return;
    }
    let mut concerned = Concerned::of(autocache, statement, Site::Plain);
    if heed_policy(autocache, &mut concerned).is_err()
        && let Some(first) = concerned.untracked.first()
    {
        let advice = "`UntrackedWrites::Refuse` cannot refuse it on an observed connection, where it has run already: \
                      what it has written is invalidated. Use `autocache.connection()`";
        warn_once(first.region().keyspace.table(), advice);
    }
    for untracked in concerned.untracked {
        match untracked {
            // Only the database knows the lists that a row has joined.
            Untracked::Row(row) if !row.is_listed() => row.region.keyspace.distrust(Some(&row.key)),
            other => other.region().keyspace.distrust(None),
        }
    }
    concerned.dependent.iter().for_each(|region| region.keyspace.distrust(None));
}
