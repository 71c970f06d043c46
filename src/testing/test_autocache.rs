use super::cost::Cost;
use super::statements::Statements;
use crate::autocache::{Autocache, AutocacheBuilder, Binding};
use sea_orm::DatabaseConnection;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Room for the entries of a test.
const ENTRIES_MAX: u64 = 10_000;

/// An [`Autocache`] of one test, from [`autocache`](super::autocache). It has all methods of an `Autocache`. Dropping it
/// ends the binding to the runtime; clones of the `Autocache` itself stay usable.
///
/// A second one in the same runtime takes the first one's place until it is dropped.
#[must_use = "`Entity::cache()` finds it only until it is dropped"]
#[derive(Debug)]
pub struct TestAutocache {
    autocache: Autocache,
    statements: Arc<Statements>,
    binding: Option<Binding<Autocache>>,
}

impl TestAutocache {
    #[track_caller]
    pub(super) fn of(builder: AutocacheBuilder) -> Self {
        let Ok(runtime) = Handle::try_current() else {
            panic!("an Autocache of a test is bound to a tokio runtime: make it in a `#[tokio::test]`");
        };
        let statements = Arc::new(Statements::default());
        let heard = statements.clone();
        let built = builder.build_for_test(ENTRIES_MAX, move |sql| heard.hear(sql));
        let autocache = built.unwrap_or_else(|error| panic!("the Autocache of this test: {error}"));
        let binding = Some(autocache.bind(&runtime));
        Self { autocache, statements, binding }
    }

    /// The same, not bound to the runtime: `Entity::cache()` does not find it. For tests of several Autocaches, and of
    /// code that is given its `Autocache`.
    pub fn unbound(mut self) -> Self {
        self.binding = None;
        self
    }

    /// The database as a plain `DatabaseConnection`, for code that takes nothing else. Its statements are counted, too.
    #[must_use]
    pub fn plain(&self) -> DatabaseConnection {
        self.autocache.database().clone()
    }

    /// How many statements the Autocache's connection, and those from [`plain`](Self::plain), have sent. `BEGIN`,
    /// `COMMIT` and savepoints do not count, nor do statements on connections that the test has cloned before.
    #[must_use]
    pub fn sql(&self) -> u64 {
        self.statements.count()
    }

    /// Runs the future; what it answers, and what it has cost. What other tasks of the test do at the same time is in
    /// it, what other tests do is not.
    ///
    /// ```
    /// # async fn test(cache: &sea_orm_autocache::testing::TestAutocache) {
    /// let ((), cost) = cache.cost(async { /* what the test measures */ }).await;
    /// assert_eq!((cost.sql, cost.round_trips, cost.hits), (0, 0, 0), "{cost}");
    /// # }
    /// ```
    pub async fn cost<T>(&self, future: impl Future<Output = T>) -> (T, Cost) {
        let (before, sql_before) = (self.stats(), self.sql());
        let answer = future.await;
        let after = self.stats();
        let (sql, statements) = self.statements.since(sql_before);
        let counts = after.total().since(&before.total());
        let round_trips = after.round_trips() - before.round_trips();
        (answer, Cost { counts, sql, round_trips, statements })
    }
}

impl Deref for TestAutocache {
    type Target = Autocache;

    fn deref(&self) -> &Autocache {
        &self.autocache
    }
}
